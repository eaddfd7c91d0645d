//! Proofs that were seen: each is good once.

use std::sync::atomic::{AtomicI64, Ordering};

use dashmap::DashMap;

use yinqiao_protocol::dpop::{MOST_SKEW_SECONDS, Proof};
use yinqiao_protocol::statement::digest_of_parts;
use yinqiao_protocol::{Sm3Hex, Timestamp};

/// Proofs remembered at most: more than phones can send in the time for which one is remembered.
const MOST: usize = 400_000;
/// How often old ones are forgotten, in seconds.
const SWEEP_SECONDS: i64 = 30;

/// The ids of proofs, for as long as they would be taken. After a restart those of the last minutes are unknown: a change
/// that is sent again by someone else then meets its idempotency key.
#[derive(Debug, Default)]
pub struct SeenProofs {
    /// When each may be forgotten, in seconds since 1970.
    seen: DashMap<Sm3Hex, i64>,
    swept: AtomicI64,
}

impl SeenProofs {
    /// Whether the proof comes for the first time. False as well when too many are remembered.
    pub fn is_new(&self, proof: &Proof, now: Timestamp) -> bool {
        let now = now.seconds();
        let swept = self.swept.load(Ordering::Relaxed);
        let due = now - swept >= SWEEP_SECONDS;
        if due && self.swept.compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.seen.retain(|_, until| *until > now);
        }
        if self.seen.len() >= MOST {
            return false;
        }
        let id = digest_of_parts(&[&proof.device_key, proof.id.as_bytes()]);
        self.seen.insert(id, now + 2 * MOST_SKEW_SECONDS).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_new_once_and_forgotten_when_it_would_not_be_taken_any_more() {
        let seen = SeenProofs::default();
        let (now, proof) =
            (Timestamp::from_millis(1_800_000_000_000), Proof { device_key: [4; 65], id: "a".into() });
        assert!(seen.is_new(&proof, now));
        assert!(!seen.is_new(&proof, now.plus_seconds(200)));
        assert!(seen.is_new(&Proof { device_key: [5; 65], ..proof.clone() }, now));
        assert!(seen.is_new(&proof, now.plus_seconds(600)));
        assert_eq!(seen.seen.len(), 1);
    }
}
