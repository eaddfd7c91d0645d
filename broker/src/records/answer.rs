//! Answers that a repeated request gets again.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::{Aggregate, Index, IndexEntry};
use crate::store::Collection;

/// The answer to a request with an idempotency key, stored with the change that the request made.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct IdempotentAnswer {
    /// SM3 of caller, method, path and idempotency key.
    pub key: Sm3Hex,
    /// SM3 of the request's body.
    pub request_sm3: Sm3Hex,
    /// HTTP status.
    pub status: u16,
    /// Entity tag of what was changed, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The body, JSON.
    pub body: serde_json::Value,
    /// When it was given.
    pub at: Timestamp,
}

impl Aggregate for IdempotentAnswer {
    const COLLECTION: Collection = Collection::IdempotentAnswer;

    fn key(&self) -> Vec<u8> {
        self.key.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::rising(Index::AnswerByTime, &[], self.at)]
    }
}
