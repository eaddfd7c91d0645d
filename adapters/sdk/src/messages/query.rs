//! Pending operations, lookup, list, health.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::certificate::State;
use super::document::Operation;
use super::encoding::{IdempotencyKey, Serial};

/// An operation was accepted and is not finished.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pending {
    /// Poll and cancel with it; it survives a restart.
    pub token: String,
    /// Not before so many milliseconds.
    pub retry_after_ms: u64,
    /// The CA forgets it then, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
}

/// What to look up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupQuery {
    /// What became of a submitted operation.
    IdempotencyKey(IdempotencyKey),
    /// The operation that made a certificate.
    Serial(Serial),
}

/// What the CA knows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "LookupDocument", into = "LookupDocument")]
pub enum LookupReply {
    /// Nothing was done and nothing is under way, for certain.
    Absent,
    /// Accepted, not finished.
    Pending {
        /// Poll with it.
        token: String,
    },
    /// Finished.
    Done {
        /// Which operation it was.
        operation: Operation,
        /// Its reply, as it was given; [`super::Reply::parse`] reads it.
        reply: Box<RawValue>,
    },
}

/// [`LookupReply`] as it is written. (An enum tagged by serde cannot keep a reply's bytes as they are.)
#[derive(Clone, Deserialize, Serialize)]
struct LookupDocument {
    state: LookupState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<Box<RawValue>>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum LookupState {
    Absent,
    Pending,
    Done,
}

impl From<LookupReply> for LookupDocument {
    fn from(reply: LookupReply) -> Self {
        let empty = Self { state: LookupState::Absent, token: None, operation: None, reply: None };
        match reply {
            LookupReply::Absent => empty,
            LookupReply::Pending { token } => {
                Self { state: LookupState::Pending, token: Some(token), ..empty }
            }
            LookupReply::Done { operation, reply } => {
                Self { state: LookupState::Done, operation: Some(operation), reply: Some(reply), ..empty }
            }
        }
    }
}

impl TryFrom<LookupDocument> for LookupReply {
    type Error = &'static str;

    fn try_from(document: LookupDocument) -> Result<Self, Self::Error> {
        match (document.state, document.token, document.operation, document.reply) {
            (LookupState::Absent, ..) => Ok(Self::Absent),
            (LookupState::Pending, Some(token), ..) => Ok(Self::Pending { token }),
            (LookupState::Done, _, Some(operation), Some(reply)) => Ok(Self::Done { operation, reply }),
            (LookupState::Pending, ..) => Err("the state pending needs a token"),
            (LookupState::Done, ..) => Err("the state done needs operation and reply"),
        }
    }
}

/// What became of a request to cancel.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Cancellation {
    /// It will not be done.
    Cancelled,
    /// It was done already: poll has the reply.
    Done,
}

/// Asks for a page of what was issued.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ListQuery {
    /// `next` of the page before; absent: the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of what was issued.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ListPage {
    /// In an order that does not change.
    pub certificates: Vec<ListedCertificate>,
    /// Where to go on; absent: that was all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One issued certificate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ListedCertificate {
    /// Which one.
    pub serial: Serial,
    /// What it was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
    /// Its state.
    pub state: State,
}

/// The CA works.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Health {
    /// For operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_looked_up_reply_keeps_its_bytes() {
        let document = r#"{"state":"done","operation":1,"reply":{"b":1, "a":2}}"#;
        let LookupReply::Done { reply, .. } = serde_json::from_str(document).unwrap() else { panic!() };
        assert_eq!(reply.get(), r#"{"b":1, "a":2}"#);
    }

    #[test]
    fn a_lookup_that_says_done_without_a_reply_is_refused() {
        for document in
            [r#"{"state":"done","operation":1}"#, r#"{"state":"pending"}"#, r#"{"state":"maybe"}"#]
        {
            assert!(serde_json::from_str::<LookupReply>(document).is_err(), "{document}");
        }
    }

    #[test]
    fn a_lookup_names_one_thing() {
        let key = LookupQuery::IdempotencyKey("k-1".to_owned().try_into().unwrap());
        assert_eq!(serde_json::to_string(&key).unwrap(), r#"{"idempotency_key":"k-1"}"#);
        assert!(serde_json::from_str::<LookupQuery>(r#"{"serial":"01","idempotency_key":"k"}"#).is_err());
    }
}
