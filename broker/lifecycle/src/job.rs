//! Work that has to be done outside, until it is done: stored with the change that asks for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{
    CascadeId, MessageId, OrderId, RecoveryId, SealApplicationId, SealId, Sm3Hex, Timestamp,
};

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The first one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What has to be done. Its subject is its name: there is one job for each.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "job", content = "subject", rename_all = "snake_case")]
pub enum JobKind {
    /// Have the CA issue what an order asks for.
    Issue(OrderId),
    /// Bring the CA to what the broker wants of a certificate: held, active again, revoked. By SM3 of its DER.
    Reconcile(Sm3Hex),
    /// Go on with a cascade.
    Cascade(CascadeId),
    /// Give a payment back.
    Refund(OrderId),
    /// Have an invoice made.
    Invoice(OrderId),
    /// Have the CA review and make a seal.
    MakeSeal(SealApplicationId),
    /// Have the CA revoke a seal.
    RevokeSeal(SealId),
    /// Have the CA give an encryption key back.
    RecoverKey(RecoveryId),
    /// Send a message.
    Message(MessageId),
}

impl JobKind {
    /// The name under which it is stored: `issue/6f1c…`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Issue(id) => format!("issue/{id}"),
            Self::Reconcile(sm3) => format!("reconcile/{sm3}"),
            Self::Cascade(id) => format!("cascade/{id}"),
            Self::Refund(id) => format!("refund/{id}"),
            Self::Invoice(id) => format!("invoice/{id}"),
            Self::MakeSeal(id) => format!("make-seal/{id}"),
            Self::RevokeSeal(id) => format!("revoke-seal/{id}"),
            Self::RecoverKey(id) => format!("recover-key/{id}"),
            Self::Message(id) => format!("message/{id}"),
        }
    }
}

/// A job as it is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Job {
    /// What.
    pub kind: JobKind,
    /// Not before.
    pub due: Timestamp,
    /// Attempts that failed in a row.
    pub attempts: u32,
    /// Why the last one failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Since when it is there.
    pub since: Timestamp,
}

impl Job {
    /// One that is due at once.
    #[must_use]
    pub fn new(kind: JobKind, now: Timestamp) -> Self {
        Self::at(kind, now, now)
    }

    /// One that is due later.
    #[must_use]
    pub fn at(kind: JobKind, due: Timestamp, now: Timestamp) -> Self {
        Self { kind, due, attempts: 0, last_error: None, since: now }
    }

    /// After an attempt that failed: the pause doubles each time, from a second to five minutes. It is never given up by
    /// itself.
    #[must_use]
    pub fn failed(mut self, reason: String, now: Timestamp) -> Self {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.attempts.min(16)).min(LONGEST_PAUSE);
        self.attempts = self.attempts.saturating_add(1);
        self.last_error = Some(reason);
        self.due = now.plus_seconds(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX));
        self
    }

    /// Asked again after `pause`, without having failed: the other side is not finished.
    #[must_use]
    pub fn again_after(mut self, pause: Duration, now: Timestamp) -> Self {
        self.attempts = 0;
        self.due = now.plus_seconds(u32::try_from(pause.as_secs().max(1)).unwrap_or(u32::MAX));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_it_is_never_given_up() {
        let mut now = Timestamp::from_millis(0);
        let mut job = Job::new(JobKind::Issue(OrderId::random()), now);
        let mut pauses = Vec::new();
        for _ in 0..40 {
            job = job.failed("the CA is down".into(), now);
            pauses.push(now.millis_until(job.due) / 1000);
            now = job.due;
        }
        assert_eq!(pauses[..9], [1, 2, 4, 8, 16, 32, 64, 128, 256]);
        assert!(pauses[9..].iter().all(|pause| *pause == 300), "{pauses:?}");
    }
}
