//! The plugin: what it offers, and which part does it.

use serde_json::{Value, json};
use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{ListPage, ListQuery, ListedCertificate, LookupQuery, LookupReply};
use yinqiao_ca_sdk::{
    Adapter, AdapterError, Call, Description, ErrorClass, Host, LogLevel, Operation, Outcome, Product, Reply,
    Request, SecretDescription, Threading,
};

use crate::configuration::{Configuration, MAC_SECRET, RA_KEY, schema};
use crate::journal::{Journal, State};
use crate::protection;

/// A page of the list, when the query does not say.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

const OPENED: u32 = 1;

/// A client of any CA that speaks CMP.
#[derive(Debug)]
pub struct CmpClient;

impl Adapter for CmpClient {
    const VENDOR: &'static str = "Yinqiao";
    const NAME: &'static str = "cmp";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: u64 = Operation::Issue.capability()
        | Operation::Renew.capability()
        | Operation::Rekey.capability()
        | Operation::Revoke.capability()
        | Operation::Hold.capability()
        | Operation::Unhold.capability()
        | Operation::Crl.capability()
        | Operation::CaCertificates.capability()
        | capability::CA_CAN_POLL
        | capability::CA_CAN_LOOKUP
        | capability::CA_CAN_LIST
        | capability::CA_CAN_DEDUPLICATE;
    const THREADING: Threading = Threading::Reentrant;
    type Instance = Instance;

    fn describe() -> Description {
        let secret = |name: &str, text: &str| SecretDescription {
            name: name.to_owned(),
            required: false,
            text: text.to_owned(),
        };
        let product = |name: &str, text: &str| Product { name: name.to_owned(), text: text.to_owned() };
        Description {
            configuration: schema(),
            secrets: vec![
                secret(MAC_SECRET, "the secret shared with the CA, at least 8 octets; for protection by MAC"),
                secret(
                    RA_KEY,
                    "the registration authority's private key, SM2 or P-256, PKCS#8 in PEM; for protection by signature",
                ),
            ],
            products: vec![
                product("person", "signing certificate of a person, by the configuration's profile person"),
                product("enterprise", "signing certificate of an enterprise, by the profile enterprise"),
                product("default", "signing certificate by the profile default"),
            ],
        }
    }

    fn open(configuration: &Value, host: &Host<'_>) -> Result<Instance, AdapterError> {
        let configuration = Configuration::read(configuration)?;
        let secret = host.secret(configuration.secret_name())?;
        protection::protector(&configuration, secret)
            .map_err(|text| AdapterError::new(ErrorClass::Authentication, text))?;
        let journal = Journal::open(&configuration.directory)?;
        host.log(LogLevel::Info, OPENED, &json!({"event": "opened", "url": configuration.server.url}));
        Ok(Instance { configuration, journal })
    }
}

/// One CA, and the journal of what was asked of it.
pub struct Instance {
    pub(crate) configuration: Configuration,
    pub(crate) journal: Journal,
}

impl yinqiao_ca_sdk::Instance for Instance {
    fn health(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.journal.probe()?;
        self.ask_health(call).map(Some)
    }

    fn submit(&self, call: &Call<'_>, request: Request) -> Result<Outcome, AdapterError> {
        match &request {
            Request::Issue(_) | Request::Renew(_) | Request::Rekey(_) | Request::Revoke(_) => {
                self.change(call, &request)
            }
            Request::Hold(_) | Request::Unhold(_) if self.configuration.suspension => {
                self.change(call, &request)
            }
            Request::Crl(_) => Ok(Outcome::Done(Reply::Crl(self.crl(call)?))),
            Request::CaCertificates(_) => {
                Ok(Outcome::Done(Reply::CaCertificates(self.ca_certificates(call)?)))
            }
            Request::Hold(_)
            | Request::Unhold(_)
            | Request::Status(_)
            | Request::Ocsp(_)
            | Request::RecoverKey(_)
            | Request::SealIssue(_)
            | Request::SealStatus(_)
            | Request::SealRevoke(_)
            | Request::Timestamp(_) => Err(AdapterError::not_supported(request.operation())),
        }
    }

    fn poll(&self, call: &Call<'_>, token: &str) -> Result<Outcome, AdapterError> {
        self.continue_by_token(call, token)
    }

    fn lookup(&self, call: &Call<'_>, query: &LookupQuery) -> Result<LookupReply, AdapterError> {
        match query {
            LookupQuery::IdempotencyKey(key) => self.look_up(call, &Journal::name(key)),
            LookupQuery::Serial(serial) => match self.journal.issued(serial)? {
                Some(issued) => self.look_up(call, &issued.transaction),
                None => Ok(LookupReply::Absent),
            },
        }
    }

    fn list(&self, _: &Call<'_>, query: &ListQuery) -> Result<ListPage, AdapterError> {
        let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE) as usize;
        let after = query.cursor.clone().unwrap_or_default();
        let serials = self.journal.serials()?;
        let mut rest = serials.into_iter().filter(|serial| serial.as_str() > after.as_str()).peekable();
        let (mut certificates, mut last) = (Vec::new(), None);
        while certificates.len() < limit
            && let Some(serial) = rest.next()
        {
            last = Some(serial.as_str().to_owned());
            let Some(issued) = self.journal.issued(&serial)? else { continue };
            let record = self.journal.glance(&issued.transaction)?;
            let Some(record) = record.filter(|record| matches!(record.state, State::Done { .. })) else {
                continue;
            };
            certificates.push(ListedCertificate {
                serial,
                idempotency_key: Some(record.idempotency_key),
                state: issued.state,
            });
        }
        let next = rest.peek().and(last);
        Ok(ListPage { certificates, next })
    }
}
