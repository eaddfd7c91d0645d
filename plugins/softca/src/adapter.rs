//! The plugin: what it offers, and which part does it.

use serde_json::{Value, json};
use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{
    CaCertificates, ListPage, ListQuery, ListedCertificate, LookupQuery, LookupReply, Serial, State,
};
use yinqiao_ca_sdk::{
    Adapter, AdapterError, Call, Description, Host, LogLevel, Operation, Outcome, Product, Reply, Request,
    SecretDescription, Threading,
};

use crate::authority::Authority;
use crate::configuration::Configuration;
use crate::record::{CertificateRecord, OperationRecord};
use crate::store::{Folder, Store};
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
        | Operation::RecoverKey.capability()
        | Operation::SealIssue.capability()
        | Operation::SealStatus.capability()
        | Operation::SealRevoke.capability()
        | Operation::CaCertificates.capability()
        | capability::CA_CAN_LOOKUP
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
            products: vec![Product {
                name: "pair".to_owned(),
                text: "signing and encryption certificate of a person or an enterprise".to_owned(),
            }],
        }
    }

    fn open(configuration: &Value, host: &Host<'_>) -> Result<Instance, AdapterError> {
        let configuration = Configuration::read(configuration)?;
        let vault = Vault::new(host.secret(MASTER_KEY)?)?;
        let store = Store::open(&configuration.directory)?;
        let authority = Authority::open(&configuration, &store, &vault, (host.now_ms() / 1000) as i64)?;
        let serial = authority.issuing.certificate.serial().to_string();
        host.log(LogLevel::Info, OPENED, &json!({"event": "opened", "issuing_ca_serial": serial}));
        Ok(Instance { configuration, store, vault, authority })
    }
}

/// The CA in its directory.
pub struct Instance {
    pub(crate) configuration: Configuration,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) authority: Authority,
}

impl yinqiao_ca_sdk::Instance for Instance {
    fn health(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.store.probe()?;
        let now = (call.host().now_ms() / 1000) as i64;
        let certificates =
            [&self.authority.root, &self.authority.issuing.certificate, &self.authority.maker.certificate];
        match certificates.iter().find(|certificate| !certificate.is_valid_at(now)) {
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
            Request::Status(request) => Reply::State(self.state(&request.serial)?),
            Request::Crl(_) => Reply::Crl(self.crl(call)?),
            Request::SealStatus(request) => {
                Reply::SealState(self.seal_status(&request.seal_id, call.host().now_ms())?)
            }
            Request::CaCertificates(_) => {
                Reply::CaCertificates(CaCertificates { certificates: self.authority.chain() })
            }
            Request::Ocsp(_) | Request::Timestamp(_) => {
                return Err(AdapterError::not_supported(request.operation()));
            }
            Request::Issue(_)
            | Request::Renew(_)
            | Request::Rekey(_)
            | Request::Revoke(_)
            | Request::Hold(_)
            | Request::Unhold(_)
            | Request::RecoverKey(_)
            | Request::SealIssue(_)
            | Request::SealRevoke(_) => self.change(call, &request)?,
        };
        Ok(Outcome::Done(reply))
    }

    fn lookup(&self, call: &Call<'_>, query: &LookupQuery) -> Result<LookupReply, AdapterError> {
        match query {
            LookupQuery::IdempotencyKey(key) => {
                Ok(self.recorded(call, key)?.map_or(LookupReply::Absent, done))
            }
            LookupQuery::Serial(serial) => {
                Ok(self.issued(serial)?.map_or(LookupReply::Absent, |(_, record)| done(record)))
            }
        }
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
            if let Some((_, record)) = self.issued(&serial)? {
                let state = self.state(&serial)?.state;
                let idempotency_key = Some(record.idempotency_key);
                certificates.push(ListedCertificate { serial, idempotency_key, state });
            }
            last = Some(name);
        }
        let next = rest.peek().and(last);
        Ok(ListPage { certificates, next })
    }
}

impl Instance {
    /// What is on file of an issued certificate; None when none was handed out under that number.
    pub(crate) fn issued(
        &self,
        serial: &Serial,
    ) -> Result<Option<(CertificateRecord, OperationRecord)>, AdapterError> {
        let Some(certificate) =
            self.store.read::<CertificateRecord>(Folder::Certificates, serial.as_str())?
        else {
            return Ok(None);
        };
        let operation = self.store.read::<OperationRecord>(Folder::Operations, &certificate.operation)?;
        let handed_out =
            |operation: &OperationRecord| operation.made.iter().any(|made| made == serial.as_str());
        Ok(operation.filter(handed_out).map(|operation| (certificate, operation)))
    }

    /// As [`Self::issued`], where there must be one.
    pub(crate) fn must_be_issued(
        &self,
        serial: &Serial,
    ) -> Result<(CertificateRecord, OperationRecord), AdapterError> {
        self.issued(serial)?.ok_or_else(|| {
            AdapterError::permanent(format!(
                "this CA has issued no certificate with the serial number {serial}"
            ))
        })
    }

    /// As [`Self::must_be_issued`], where it must be neither revoked nor held.
    pub(crate) fn must_be_good(
        &self,
        serial: &Serial,
    ) -> Result<(CertificateRecord, OperationRecord), AdapterError> {
        let found = self.must_be_issued(serial)?;
        match self.state(serial)?.state {
            State::Good => Ok(found),
            State::Held | State::Revoked | State::Unknown => {
                Err(AdapterError::permanent(format!("the certificate {serial} is revoked or held")))
            }
        }
    }
}

fn done(record: OperationRecord) -> LookupReply {
    match record.reply {
        Some(reply) => LookupReply::Done { operation: record.operation, reply },
        // What was begun is finished before it is told, and certificates are committed with their reply.
        None => LookupReply::Absent,
    }
}
