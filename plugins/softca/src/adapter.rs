//! The plugin: what it offers, and which part does it.

use serde_json::{Value, json};
use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{
    CaCertificates, Cancellation, ListPage, ListQuery, ListedCertificate, LookupQuery, LookupReply, Serial,
};
use yinqiao_ca_sdk::{
    Adapter, AdapterError, Call, Description, Host, LogLevel, Operation, Outcome, Reply, Request,
    SecretDescription, Threading,
};

use crate::authority::Authority;
use crate::configuration::{CertificateProfile, Configuration};
use crate::delegate::{Delegate, Delegates};
use crate::keyring::{self, Keyring};
use crate::record::{OperationRecord, ReviewOutcome};
use crate::roster;
use crate::store::{Folder, Store};
use crate::timestamp::Clock;
use crate::vault::{MASTER_KEY, Vault};

/// A page of the list, when the query does not say.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

const OPENED: u32 = 1;

/// The software CA.
#[derive(Debug)]
pub struct SoftwareCa;

impl Adapter for SoftwareCa {
    const VENDOR: &'static str = "Yinqiao";
    const NAME: &'static str = "softca";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: u64 = Operation::Issue.capability()
        | Operation::Renew.capability()
        | Operation::Rekey.capability()
        | Operation::Revoke.capability()
        | Operation::Hold.capability()
        | Operation::Unhold.capability()
        | Operation::Status.capability()
        | Operation::Crl.capability()
        | Operation::Ocsp.capability()
        | Operation::RecoverKey.capability()
        | Operation::SealIssue.capability()
        | Operation::SealStatus.capability()
        | Operation::SealRevoke.capability()
        | Operation::Timestamp.capability()
        | Operation::CaCertificates.capability()
        | capability::CA_CAN_POLL
        | capability::CA_CAN_LOOKUP
        | capability::CA_CAN_CANCEL
        | capability::CA_CAN_LIST
        | capability::CA_CAN_DEDUPLICATE;
    const THREADING: Threading = Threading::Reentrant;
    type Instance = Instance;

    fn describe() -> Description {
        Description {
            configuration: Configuration::schema(),
            secrets: vec![SecretDescription {
                name: MASTER_KEY.to_owned(),
                required: true,
                text: "encrypts the CA's and the escrowed keys at rest; at least 16 octets; losing it loses the CA"
                    .to_owned(),
            }],
            // Without a configuration. Further profiles are the operator's.
            products: vec![CertificateProfile::pair().product()],
        }
    }

    fn open(configuration: &Value, host: &Host<'_>) -> Result<Instance, AdapterError> {
        let configuration = Configuration::read(configuration)?;
        let vault = Vault::new(host.secret(MASTER_KEY)?)?;
        let store = Store::open(&configuration.directory)?;
        let held = keyring::hold(&store, &vault)?;
        let now = (host.now_ms() / 1000) as i64;
        let authority = Authority::open(&configuration, &store, &vault, now)?;
        keyring::record(&store, &vault)?;
        let delegates = Delegates::open(&configuration, &store, &authority, &vault, now)?;
        roster::publish(&store, &configuration)?;
        drop(held);
        let serial = authority.issuing.certificate.serial().to_string();
        host.log(LogLevel::Info, OPENED, &json!({"event": "opened", "issuing_ca_serial": serial}));
        let keyring = Keyring::new(vault);
        let clock = Clock::default();
        Ok(Instance { configuration, store, keyring, authority, delegates, clock })
    }
}

/// The CA in its directory.
pub struct Instance {
    pub(crate) configuration: Configuration,
    pub(crate) store: Store,
    pub(crate) keyring: Keyring,
    pub(crate) authority: Authority,
    pub(crate) delegates: Delegates,
    /// Of the timestamp authority.
    pub(crate) clock: Clock,
}

impl yinqiao_ca_sdk::Instance for Instance {
    fn health(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.store.probe()?;
        let now = (call.host().now_ms() / 1000) as i64;
        // Whether the keys can be used: they cannot while they are being encrypted anew.
        drop(self.vault(call)?);
        let delegates = [
            self.delegate(call, Delegate::OcspResponder)?,
            self.delegate(call, Delegate::TimestampAuthority)?,
        ];
        let certificates = [
            &self.authority.root,
            &self.authority.issuing.certificate,
            &self.authority.maker.certificate,
            &delegates[0].certificate,
            &delegates[1].certificate,
        ];
        match certificates.into_iter().find(|certificate| !certificate.is_valid_at(now)) {
            None => {
                Ok(Some(format!("the directory {} can be written", self.configuration.directory.display())))
            }
            Some(certificate) => Err(AdapterError::unhealthy(format!(
                "the certificate {} is not valid now",
                certificate.subject()
            ))),
        }
    }

    fn submit(&self, call: &Call<'_>, request: Request) -> Result<Outcome, AdapterError> {
        let reply = match &request {
            Request::Status(request) => Reply::State(self.store.state(&request.serial)?),
            Request::Crl(_) => Reply::Crl(self.crl(call)?),
            Request::SealStatus(request) => {
                Reply::SealState(self.seal_status(&request.seal_id, call.host().now_ms())?)
            }
            Request::CaCertificates(_) => {
                Reply::CaCertificates(CaCertificates { certificates: self.authority.chain() })
            }
            Request::Ocsp(request) => Reply::Response(self.ocsp(call, request)?),
            Request::Timestamp(request) => Reply::Response(self.timestamp(call, request)?),
            Request::Issue(_)
            | Request::Renew(_)
            | Request::Rekey(_)
            | Request::Revoke(_)
            | Request::Hold(_)
            | Request::Unhold(_)
            | Request::RecoverKey(_)
            | Request::SealIssue(_)
            | Request::SealRevoke(_) => return self.change(call, &request),
        };
        Ok(Outcome::Done(reply))
    }

    fn poll(&self, call: &Call<'_>, token: &str) -> Result<Outcome, AdapterError> {
        self.poll_token(call, token)
    }

    fn lookup(&self, call: &Call<'_>, query: &LookupQuery) -> Result<LookupReply, AdapterError> {
        match query {
            LookupQuery::IdempotencyKey(key) => {
                Ok(self.recorded(call, key)?.map_or(LookupReply::Absent, found))
            }
            LookupQuery::Serial(serial) => {
                let issued = self.store.issued(serial)?;
                Ok(issued.map_or(LookupReply::Absent, |(certificate, record)| {
                    found((certificate.operation, record))
                }))
            }
        }
    }

    fn cancel(&self, call: &Call<'_>, token: &str) -> Result<Cancellation, AdapterError> {
        self.cancel_token(call, token)
    }

    fn list(&self, _: &Call<'_>, query: &ListQuery) -> Result<ListPage, AdapterError> {
        let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE) as usize;
        let after = query.cursor.clone().unwrap_or_default();
        let names = self.store.names(Folder::Certificates)?;
        let mut rest = names.into_iter().filter(|name| *name > after).peekable();
        let (mut certificates, mut last) = (Vec::new(), None);
        while certificates.len() < limit
            && let Some(name) = rest.next()
        {
            let serial =
                Serial::try_from(name.clone()).map_err(|error| AdapterError::unhealthy(error.to_string()))?;
            if let Some((_, record)) = self.store.issued(&serial)? {
                let state = self.store.state(&serial)?.state;
                let idempotency_key = Some(record.idempotency_key);
                certificates.push(ListedCertificate { serial, idempotency_key, state });
            }
            last = Some(name);
        }
        let next = rest.peek().and(last);
        Ok(ListPage { certificates, next })
    }
}

fn found((name, record): (String, OperationRecord)) -> LookupReply {
    match (record.reply, record.review) {
        (Some(reply), _) => LookupReply::Done { operation: record.operation, reply },
        (None, Some(ReviewOutcome::Pending)) => LookupReply::Pending { token: name },
        // Refused; what was begun is finished before it is told, and certificates are committed with their reply.
        (None, _) => LookupReply::Absent,
    }
}
