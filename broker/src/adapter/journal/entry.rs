//! What the broker knows of one operation that changes something at a CA, and what it may do next. Pure.

use serde::{Deserialize, Serialize};

use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::IdempotencyKey;
use yinqiao_protocol::{Sm3Hex, Timestamp};

/// One operation, stored under its idempotency key.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct JournalEntry {
    /// What the CA knows the operation by.
    pub idempotency_key: String,
    /// Name of the adapter.
    pub adapter: String,
    /// Which operation.
    pub operation: Operation,
    /// SM3 of the request document.
    pub request_sm3: Sm3Hex,
    /// How far it is, as far as the broker knows.
    pub progress: Progress,
    /// When that was noted.
    pub noted_at: Timestamp,
}

/// How far an operation is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    /// Nothing was done, for certain, and nothing may be done any more: another CA was asked instead.
    Abandoned,
    /// It is over, and its result stored where it belongs: whoever still asks under this key reads that.
    Concluded,
    /// Nothing was done, for certain: it may be submitted.
    NotDone,
    /// It was submitted, or was about to be: the CA may have acted.
    Submitted,
    /// The CA accepted it and is not finished.
    Pending {
        /// What to poll with.
        token: String,
        /// The CA forgets the token then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// It was done.
    Done {
        /// The reply document, as the adapter gave it.
        reply: String,
    },
}

impl Progress {
    /// Whether the CA may have acted without the broker knowing how it ended.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Submitted | Self::Pending { .. })
    }
}

/// What may be done next without the danger that something is done twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Submit it.
    Submit,
    /// Ask what became of it.
    LookUp,
    /// Poll with this token.
    Poll(String),
    /// Take this reply.
    Answer(String),
    /// Only the CA's people can tell what became of it.
    AskPeople,
    /// Nothing: it was given up, or is over.
    GiveUp,
}

impl JournalEntry {
    /// Of an operation that was never begun and never will be.
    pub(super) fn abandoned(key: &IdempotencyKey, operation: Operation, now: Timestamp) -> Self {
        Self {
            idempotency_key: key.as_str().to_owned(),
            adapter: String::new(),
            operation,
            request_sm3: Sm3Hex::of(&[]),
            progress: Progress::Abandoned,
            noted_at: now,
        }
    }

    /// What comes next with a plugin of these capabilities (bits of `ca_adapter.h`).
    #[must_use]
    pub fn next(&self, capabilities: u64, now: Timestamp) -> Step {
        let offers = |bit: u64| capabilities & bit != 0;
        let find_out = || {
            if offers(capability::CA_CAN_LOOKUP) {
                Step::LookUp
            } else if offers(capability::CA_CAN_DEDUPLICATE) {
                // The same key and request give the same reply, by the contract.
                Step::Submit
            } else {
                Step::AskPeople
            }
        };
        match &self.progress {
            Progress::Abandoned | Progress::Concluded => Step::GiveUp,
            Progress::NotDone => Step::Submit,
            Progress::Submitted => find_out(),
            Progress::Pending { token, expires_at, .. } => {
                let expired = expires_at.is_some_and(|expires_at| expires_at <= now);
                if !expired && offers(capability::CA_CAN_POLL) {
                    Step::Poll(token.clone())
                } else {
                    find_out()
                }
            }
            Progress::Done { reply } => Step::Answer(reply.clone()),
        }
    }

    /// Whether this is the entry of the same request to the same CA.
    #[must_use]
    pub fn is_of(&self, adapter: &str, operation: Operation, request_sm3: &Sm3Hex) -> bool {
        self.adapter == adapter && self.operation == operation && self.request_sm3 == *request_sm3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = capability::CA_CAN_POLL | capability::CA_CAN_LOOKUP | capability::CA_CAN_DEDUPLICATE;

    fn entry(progress: Progress) -> JournalEntry {
        JournalEntry {
            idempotency_key: "key".into(),
            adapter: "ca".into(),
            operation: Operation::Issue,
            request_sm3: Sm3Hex::of(b"request"),
            progress,
            noted_at: Timestamp::default(),
        }
    }

    fn pending(expires_at: Option<i64>) -> JournalEntry {
        entry(Progress::Pending { token: "token".into(), expires_at: expires_at.map(Timestamp::from_millis) })
    }

    #[test]
    fn what_may_have_been_done_is_never_submitted_again_unless_the_ca_says_that_it_is_safe() {
        let now = Timestamp::from_millis(5_000);
        for entry in [entry(Progress::Submitted), pending(Some(1_000))] {
            assert_eq!(entry.next(ALL, now), Step::LookUp);
            assert_eq!(entry.next(capability::CA_CAN_LOOKUP, now), Step::LookUp);
            assert_eq!(entry.next(capability::CA_CAN_DEDUPLICATE, now), Step::Submit);
            assert_eq!(entry.next(capability::CA_CAN_POLL, now), Step::AskPeople);
            assert_eq!(entry.next(0, now), Step::AskPeople);
        }
    }

    #[test]
    fn what_is_certainly_not_done_is_submitted_and_what_is_done_is_answered() {
        let now = Timestamp::from_millis(5_000);
        assert_eq!(entry(Progress::NotDone).next(0, now), Step::Submit);
        let done = entry(Progress::Done { reply: "{}".into() });
        assert_eq!(done.next(ALL, now), Step::Answer("{}".into()));
    }

    #[test]
    fn what_is_pending_is_polled_until_its_token_expires() {
        let now = Timestamp::from_millis(5_000);
        assert_eq!(pending(None).next(ALL, now), Step::Poll("token".into()));
        assert_eq!(pending(Some(6_000)).next(ALL, now), Step::Poll("token".into()));
        assert_eq!(pending(Some(5_000)).next(ALL, now), Step::LookUp);
    }

    #[test]
    fn an_entry_survives_its_spelling() {
        let done = entry(Progress::Done { reply: r#"{"a":"é\n"}"#.into() });
        for entry in [entry(Progress::Submitted), pending(Some(7)), done] {
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<JournalEntry>(&text).unwrap(), entry);
        }
    }
}
