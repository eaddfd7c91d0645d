//! What CAs have issued and the broker has refused: it is to be revoked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Base64, Timestamp};

use super::{Directory, Versioned};
use crate::store::StoreError;

/// The pause after the first attempt that failed; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// A pair that was refused, stored under the key of its issue until its CA has confirmed that it is revoked, and until people have
/// dealt with what the broker must not revoke by itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RefusedPairRecord {
    /// What the CA knows the issue by.
    pub idempotency_key: String,
    /// Name of the adapter that issued it.
    pub certificate_authority: String,
    /// Certificates of it that are still to be revoked, DER.
    pub certificates: Vec<Base64>,
    /// Certificates of it that stay as they are until people say otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<LeftCertificate>,
    /// What is wrong with it.
    pub reason: String,
    /// Since when.
    pub refused_at: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
    /// Why the last one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// The CA is not asked before.
    pub due: Timestamp,
}

/// A certificate that the broker does not have revoked by itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LeftCertificate {
    /// As the adapter gave it; DER, if it is a certificate at all.
    pub certificate: Base64,
    /// Why.
    pub because: LeftBecause,
}

/// Why a certificate of a refused pair is left to people.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftBecause {
    /// No serial number can be read in it.
    Unreadable,
    /// Its key is not the request's: it may be a stranger's.
    OtherKey,
    /// Nothing proves that it was made for this request: it may be a stranger's.
    NotProven,
    /// A holder has it: the CA gave it out a second time.
    SomebodyElses,
}

impl LeftBecause {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "it cannot be read",
            Self::OtherKey => "it is for another key than the request's, perhaps a stranger's",
            Self::NotProven => "nothing proves that it was made for this request: it may be a stranger's",
            Self::SomebodyElses => "a holder has it already: the CA has given it out once more",
        }
    }
}

impl RefusedPairRecord {
    /// After an attempt that failed: it is never given up by itself.
    #[must_use]
    pub fn failed(mut self, failure: String, now: Timestamp) -> Self {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.attempts.min(16)).min(LONGEST_PAUSE);
        self.attempts = self.attempts.saturating_add(1);
        self.last_failure = Some(failure);
        self.due = now.plus_seconds(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX));
        self
    }

    /// Whether there is something in it that the broker has revoked by itself.
    pub fn is_to_be_revoked(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Whether nothing is left of it.
    pub fn is_over(&self) -> bool {
        self.certificates.is_empty() && self.left.is_empty()
    }
}

impl Directory {
    /// All that something is left of.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn refused_pairs(&self) -> Result<Vec<RefusedPairRecord>, StoreError> {
        self.refused_pairs.list(&[]).await
    }

    /// One, as it is stored now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn refused_pair(&self, key: &str) -> Result<Option<Versioned<RefusedPairRecord>>, StoreError> {
        self.refused_pairs.get(key.as_bytes()).await
    }

    /// Stores how far the revocation is; `None` when it is over.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when someone else was first.
    pub async fn change_refused_pair(
        &self,
        key: &str,
        expected: u64,
        record: Option<&RefusedPairRecord>,
    ) -> Result<(), StoreError> {
        self.records.change(vec![self.refused_pairs.to_change(key.as_bytes(), expected, record)?]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_it_is_never_given_up() {
        let mut record = RefusedPairRecord {
            idempotency_key: "key".into(),
            certificate_authority: "ca".into(),
            certificates: Vec::new(),
            left: Vec::new(),
            reason: "another key".into(),
            refused_at: Timestamp::default(),
            attempts: 0,
            last_failure: None,
            due: Timestamp::default(),
        };
        let mut pauses = Vec::new();
        for _ in 0..100 {
            let now = record.due;
            record = record.failed("no answer".into(), now);
            pauses.push(now.millis_until(record.due) / 1000);
        }
        assert_eq!((&pauses[..4], pauses.last()), (&[5, 10, 20, 40][..], Some(&3600)));
    }
}
