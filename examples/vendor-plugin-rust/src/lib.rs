//! A plugin for a CA that issues over HTTP: what it offers, and the contract's documents from and to the CA's.

use serde::Deserialize;
use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::{
    CertificatePair, CertificateState, Der, Empty, IssueRequest, LookupQuery, LookupReply, RevokeRequest,
    State, States,
};
use yinqiao_ca_sdk::{
    Adapter, AdapterError, Call, Capability, Description, Host, Instance, Operation, Outcome, Product, Reply, Request,
    SecretDescription, Threading,
};

use api::{Api, TOKEN, parse};

mod api;

/// The one kind of certificate that this CA sells through the broker.
const PRODUCT: &str = "pair";

/// The plugin.
pub struct Acme;

/// What open is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    url: String,
}

impl Adapter for Acme {
    const VENDOR: &'static str = "Acme";
    const NAME: &'static str = "acme-ca";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CAPABILITIES: u64 = Operation::Issue.capability()
        | Operation::Revoke.capability()
        | Operation::Status.capability()
        | Operation::Crl.capability()
        | Operation::CaCertificates.capability()
        | Capability::Lookup.bit()
        | Capability::Deduplicate.bit();
    const THREADING: Threading = Threading::Reentrant;
    type Instance = Connection;

    fn describe() -> Description {
        Description {
            configuration: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["url"],
                "properties": { "url": {
                    "type": "string",
                    "pattern": "^http://[^/]+$",
                    "description": "where the CA's service listens, for example http://127.0.0.1:8460"
                } }
            }),
            secrets: vec![SecretDescription {
                name: TOKEN.to_owned(),
                required: true,
                text: "the access token that Acme gave to the registration authority".to_owned(),
            }],
            products: vec![Product {
                name: PRODUCT.to_owned(),
                text: "signing and encryption certificate of a person or an enterprise".to_owned(),
            }],
        }
    }

    fn open(configuration: &Value, host: &Host<'_>) -> Result<Connection, AdapterError> {
        // serde would take an array for the structure.
        let configuration = Some(configuration.clone()).filter(Value::is_object);
        let refused = || AdapterError::permanent("the configuration is {\"url\": \"http://host:port\"}");
        let Configuration { url } =
            configuration.and_then(|object| serde_json::from_value(object).ok()).ok_or_else(refused)?;
        let authority = url.strip_prefix("http://").unwrap_or_default();
        if authority.is_empty() || authority.contains('/') {
            return Err(refused());
        }
        // A missing token is found now; the CA itself is not asked.
        drop(host.secret(TOKEN)?);
        Ok(Connection { api: Api::new(url) })
    }
}

/// One opened instance. The CA keeps everything; this keeps nothing but its address.
pub struct Connection {
    api: Api,
}

impl Instance for Connection {
    fn health(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.api.get(call, "/health").map(|_| None)
    }

    fn submit(&self, call: &Call<'_>, request: Request) -> Result<Outcome, AdapterError> {
        match request {
            Request::Issue(request) => self.change(call, Operation::Issue, &issue(&request)?),
            Request::Revoke(request) => self.change(call, Operation::Revoke, &revoke(&request)),
            Request::Status(request) => {
                let answer = self.api.get(call, &format!("/certificates/{}", request.serial))?;
                let never_issued = CertificateState {
                    serial: request.serial,
                    state: State::Unknown,
                    reason: None,
                    changed_at_ms: None,
                };
                let state = answer.map(|answer| parse(&answer["state"])).transpose()?;
                Ok(Outcome::Done(Reply::State(state.unwrap_or(never_issued))))
            }
            Request::Crl(Empty {}) => Ok(Outcome::Done(Reply::Crl(self.document(call, "/crl")?))),
            Request::CaCertificates(Empty {}) => {
                Ok(Outcome::Done(Reply::CaCertificates(self.document(call, "/authority")?)))
            }
            other => Err(AdapterError::not_supported(other.operation())),
        }
    }

    fn lookup(&self, call: &Call<'_>, query: &LookupQuery) -> Result<LookupReply, AdapterError> {
        let number = match query {
            LookupQuery::IdempotencyKey(key) => Some(api::number(key)),
            LookupQuery::Serial(serial) => {
                let answer = self.api.get(call, &format!("/certificates/{serial}"))?;
                answer.map(|answer| parse(&answer["number"])).transpose()?
            }
        };
        let Some(number) = number else { return Ok(LookupReply::Absent) };
        let Some(found) = self.api.get(call, &format!("/requests/{number}"))? else {
            return Ok(LookupReply::Absent);
        };
        let operation = match found["action"].as_str() {
            Some("issue") => Operation::Issue,
            Some("revoke") => Operation::Revoke,
            _ => {
                return Err(AdapterError::unhealthy(
                    "the CA did something under this number that nobody asked for",
                ));
            }
        };
        let reply = serde_json::value::to_raw_value(&reply(operation, &found["reply"])?);
        let reply = reply.map_err(|error| AdapterError::unhealthy(error.to_string()))?;
        Ok(LookupReply::Done { operation, reply })
    }
}

impl Connection {
    /// Has the CA do something once: the idempotency key is the number of the request there.
    fn change(
        &self,
        call: &Call<'_>,
        operation: Operation,
        request: &Value,
    ) -> Result<Outcome, AdapterError> {
        let answer =
            self.api.put(call, &format!("/requests/{}", api::number(call.idempotency_key()?)), request)?;
        // From here on the CA has acted: what cannot be read is no reason to say that it has not.
        let reply = reply(operation, &answer["reply"]);
        Ok(Outcome::Done(reply.map_err(|error| AdapterError::unknown_outcome(error.text))?))
    }

    fn document<T: for<'de> Deserialize<'de>>(&self, call: &Call<'_>, path: &str) -> Result<T, AdapterError> {
        parse(&self.api.get(call, path)?.unwrap_or_default())
    }
}

fn issue(request: &IssueRequest) -> Result<Value, AdapterError> {
    if let Some(product) = request.product.as_deref().filter(|product| *product != PRODUCT) {
        return Err(AdapterError::permanent(format!("there is no product {product:?}")));
    }
    let validity = request.validity.unwrap_or_default();
    // The identity code stays here: this CA puts none into certificates.
    Ok(json!({
        "action": "issue",
        "csr": request.csr,
        "name": request.holder.name,
        "organization": request.holder.organization,
        "not_before_ms": validity.not_before_ms,
        "days": validity.days,
    }))
}

fn revoke(request: &RevokeRequest) -> Value {
    json!({ "action": "revoke", "serial": request.serial, "reason": request.reason, "pair": request.pair })
}

/// The contract's reply of what the CA's answer says.
fn reply(operation: Operation, answer: &Value) -> Result<Reply, AdapterError> {
    #[derive(Deserialize)]
    struct Issued {
        certificate: Der,
        encryption_certificate: Der,
        enveloped_key: Der,
        chain: Vec<Der>,
    }
    if operation == Operation::Issue {
        let Issued { certificate, encryption_certificate, enveloped_key, chain } = parse(answer)?;
        return Ok(Reply::Pair(CertificatePair {
            signing_certificate: certificate,
            encryption_certificate: Some(encryption_certificate),
            enveloped_key: Some(enveloped_key),
            chain,
        }));
    }
    let states: States = parse(answer)?;
    let confirmed = states.certificates.iter().all(|state| state.state == State::Revoked);
    match confirmed && !states.certificates.is_empty() {
        true => Ok(Reply::States(states)),
        false => Err(AdapterError::unhealthy("the CA did not confirm the revocation")),
    }
}

yinqiao_ca_sdk::export_adapter!(Acme);
