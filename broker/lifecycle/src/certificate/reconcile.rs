//! Bringing the CA to what is wanted: the loop of the job `reconcile`.

use yinqiao_protocol::{Sm3Hex, Timestamp};

use crate::actor::Actor;
use crate::step::Step;

use super::command::note;
use super::{
    Confirmed, Declined, Desired, Facts, Hold, HoldChange, HoldReason, Revocation, RevocationReason, Standing,
};

/// What a CA is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CaOperation {
    /// To suspend the pair.
    Hold,
    /// To end the suspension.
    Unhold,
    /// To revoke the pair.
    Revoke(RevocationReason),
}

/// An operation with its number, to be given back with the answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PendingOperation {
    /// How many holds and ends of holds were answered before it.
    pub number: u32,
    /// What is asked for.
    pub operation: CaOperation,
}

/// What the CA says to an operation. Failures after which it may be asked again are none of these: the job waits then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It is done, now or earlier.
    Done,
    /// The CA does not offer the operation.
    NotSupported,
    /// The CA refuses for good, with what it said; nothing was done.
    Refused(String),
}

impl PendingOperation {
    /// The idempotency key for the CA: the same for the same operation however often it is asked for, another for each later
    /// hold. A revocation is final and needs no number.
    #[must_use]
    pub fn key(&self, certificate: &Sm3Hex) -> String {
        match self.operation {
            CaOperation::Hold => format!("hold-{certificate}-{}", self.number),
            CaOperation::Unhold => format!("unhold-{certificate}-{}", self.number),
            CaOperation::Revoke(_) => format!("revoke-{certificate}"),
        }
    }
}

impl From<HoldChange> for CaOperation {
    fn from(change: HoldChange) -> Self {
        match change {
            HoldChange::Hold => Self::Hold,
            HoldChange::Unhold => Self::Unhold,
        }
    }
}

impl Standing {
    /// What the CA has to be asked for next; nothing when it is where the broker wants it, or would not go there.
    #[must_use]
    pub fn next_operation(&self) -> Option<PendingOperation> {
        let operation = match &self.desired {
            Desired::Revoked(_) if self.confirmed == Confirmed::Revoked => None,
            // What may be under way at the CA is left alone: a revocation ends it, too.
            Desired::Revoked(revocation) => {
                self.declined.revoke.is_none().then_some(CaOperation::Revoke(revocation.reason))
            }
            Desired::Active | Desired::Held(_) => self.under_way.map(CaOperation::from),
        };
        operation.map(|operation| PendingOperation { number: self.answered, operation })
    }

    /// Takes the CA's answer. A repeated or late one changes nothing; that a revocation is done is always believed.
    #[must_use]
    pub fn confirm(
        &self,
        facts: &Facts,
        asked: PendingOperation,
        answer: Answer,
        now: Timestamp,
    ) -> Step<Self> {
        match asked.operation {
            CaOperation::Hold => self.confirm_change(facts, HoldChange::Hold, asked.number, answer, now),
            CaOperation::Unhold => self.confirm_change(facts, HoldChange::Unhold, asked.number, answer, now),
            CaOperation::Revoke(reason) => match declined(answer, now) {
                None => self.found_revoked(facts, reason, now),
                Some(declined) => self.revocation_declined(facts, declined, now),
            },
        }
    }

    /// Takes it that the CA has the certificate as revoked, asked for or not: a status answer or a revocation list says so.
    #[must_use]
    pub fn found_revoked(&self, facts: &Facts, reason: RevocationReason, now: Timestamp) -> Step<Self> {
        if self.confirmed == Confirmed::Revoked {
            return Step::unchanged(self.clone());
        }
        let mut next = self.clone();
        next.confirmed = Confirmed::Revoked;
        next.under_way = None;
        next.declined.revoke = None;
        if next.revocation().is_none() {
            next.desired = Desired::Revoked(Revocation { reason, at: now, by: Actor::System });
        }
        let note = note("certificate.confirm", facts, &Actor::System, now).with("operation", "revoke");
        next.changed(facts, note, now)
    }

    /// Puts what is needed next under way, unless something is already.
    pub(super) fn schedule(&mut self) {
        if self.under_way.is_none() {
            self.under_way = match (&self.desired, self.confirmed) {
                (Desired::Held(_), Confirmed::Active) if self.declined.hold.is_none() => {
                    Some(HoldChange::Hold)
                }
                (Desired::Active, Confirmed::Held) if self.declined.unhold.is_none() => {
                    Some(HoldChange::Unhold)
                }
                _ => None,
            };
        }
    }

    fn confirm_change(
        &self,
        facts: &Facts,
        change: HoldChange,
        number: u32,
        answer: Answer,
        now: Timestamp,
    ) -> Step<Self> {
        if self.under_way != Some(change) || self.answered != number {
            return Step::unchanged(self.clone());
        }
        let mut next = self.clone();
        next.under_way = None;
        next.answered = next.answered.saturating_add(1);
        let operation = match change {
            HoldChange::Hold => "hold",
            HoldChange::Unhold => "unhold",
        };
        let mut note = note("certificate.confirm", facts, &Actor::System, now).with("operation", operation);
        let declined = declined(answer, now);
        if let Some(declined) = &declined {
            note.action = "certificate.declined".to_owned();
            note = note.with("reason", &declined.reason);
        }
        match (change, declined) {
            (HoldChange::Hold, None) => {
                next.confirmed = Confirmed::Held;
                next.declined.hold = None;
            }
            (HoldChange::Unhold, None) => {
                next.confirmed = Confirmed::Active;
                next.declined.unhold = None;
            }
            (HoldChange::Hold, declined) => next.declined.hold = declined,
            (HoldChange::Unhold, declined) => {
                next.declined.unhold = declined;
                if next.desired == Desired::Active {
                    let kept = Hold { reason: HoldReason::KeptByAuthority, at: now, by: Actor::System };
                    next.desired = Desired::Held(kept);
                }
            }
        }
        next.schedule();
        next.changed(facts, note, now)
    }

    fn revocation_declined(&self, facts: &Facts, declined: Declined, now: Timestamp) -> Step<Self> {
        if self.confirmed == Confirmed::Revoked || self.declined.revoke.is_some() {
            return Step::unchanged(self.clone());
        }
        let mut note = note("certificate.declined", facts, &Actor::System, now).with("operation", "revoke");
        note = note.with("reason", &declined.reason);
        let mut next = self.clone();
        next.declined.revoke = Some(declined);
        next.changed(facts, note, now)
    }
}

/// What is remembered of an answer that is not "done".
fn declined(answer: Answer, now: Timestamp) -> Option<Declined> {
    match answer {
        Answer::Done => None,
        Answer::NotSupported => {
            Some(Declined { at: now, supported: false, reason: "not supported by the CA".to_owned() })
        }
        Answer::Refused(reason) => Some(Declined { at: now, supported: true, reason }),
    }
}
