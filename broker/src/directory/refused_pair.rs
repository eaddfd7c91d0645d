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

/// A pair that was refused, stored under the key of its issue until its CA has confirmed that it is revoked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RefusedPairRecord {
    /// What the CA knows the issue by.
    pub idempotency_key: String,
    /// Name of the adapter that issued it.
    pub certificate_authority: String,
    /// Certificates of it that can be read, DER.
    pub certificates: Vec<Base64>,
    /// What is wrong with it.
    pub reason: String,
    /// Since when.
    pub refused_at: Timestamp,
    /// Attempts that failed.
    pub attempts: u32,
    /// The CA is not asked before.
    pub due: Timestamp,
}

impl RefusedPairRecord {
    /// After an attempt that failed: it is never given up by itself.
    #[must_use]
    pub fn failed(mut self, now: Timestamp) -> Self {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.attempts.min(16)).min(LONGEST_PAUSE);
        self.attempts = self.attempts.saturating_add(1);
        self.due = now.plus_seconds(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX));
        self
    }
}

impl Directory {
    /// All that are not revoked yet.
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
            reason: "another key".into(),
            refused_at: Timestamp::default(),
            attempts: 0,
            due: Timestamp::default(),
        };
        let mut pauses = Vec::new();
        for _ in 0..100 {
            let now = record.due;
            record = record.failed(now);
            pauses.push(now.millis_until(record.due) / 1000);
        }
        assert_eq!((&pauses[..4], pauses.last()), (&[5, 10, 20, 40][..], Some(&3600)));
    }
}
