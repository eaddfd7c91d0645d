//! What people and the broker ask for.

use yinqiao_protocol::{Sm3Hex, Timestamp};

use crate::actor::{Actor, OperatorRole};
use crate::audit::AuditNote;
use crate::job::{Job, JobKind};
use crate::step::Step;

use super::{
    CertificateRefusal as Refusal, Confirmed, Desired, Facts, Hold, HoldReason, Revocation, RevocationReason,
    Standing, Status,
};

/// What somebody is to a certificate.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Relation {
    Holder,
    LegalPerson,
    Operator,
    Broker,
}

impl Standing {
    /// Suspends it. Its holder may (the phone is lost), the legal person of its company, an operator. Where the holder has
    /// suspended it already, the legal person or an operator takes the suspension over: the holder can't end it then.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotAllowed`], [`Refusal::ReasonNotYours`], [`Refusal::Revoked`],
    /// [`Refusal::Expired`].
    pub fn suspend(
        &self,
        facts: &Facts,
        by: &Actor,
        reason: HoldReason,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        let relation = self.relation_of_person(facts, by)?;
        if reason == HoldReason::KeptByAuthority {
            return Err(Refusal::ReasonNotYours(reason.name()));
        }
        self.must_be_alive(facts, now)?;
        if let Desired::Held(hold) = &self.desired {
            let holders = relation_of(facts, &hold.by) == Ok(Relation::Holder);
            if !holders || relation == Relation::Holder {
                return Ok(Step::unchanged(self.clone()));
            }
        }
        let mut next = self.clone();
        next.desired = Desired::Held(Hold { reason, at: now, by: by.clone() });
        next.declined.hold.take_if(|declined| declined.supported);
        next.schedule();
        let note = note("certificate.suspend", facts, by, now).with("reason", reason.name());
        Ok(next.changed(facts, note, now))
    }

    /// Ends a suspension. Who suspended it may, the legal person, or an operator. It is in force once the CA has let it go.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotAllowed`], [`Refusal::SuspendedByOther`], [`Refusal::Revoked`],
    /// [`Refusal::Expired`], [`Refusal::CannotResume`].
    pub fn resume(&self, facts: &Facts, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        let relation = self.relation_of_person(facts, by)?;
        self.must_be_alive(facts, now)?;
        let Desired::Held(hold) = &self.desired else {
            return Ok(Step::unchanged(self.clone()));
        };
        if relation == Relation::Holder && !by.user().is_some_and(|user| hold.by.is_user(user.id)) {
            return Err(Refusal::SuspendedByOther);
        }
        let kept = self.declined.unhold.as_ref().is_some_and(|declined| !declined.supported);
        if kept && self.confirmed == Confirmed::Held {
            return Err(Refusal::CannotResume);
        }
        let mut next = self.clone();
        next.desired = Desired::Active;
        next.declined.unhold.take_if(|declined| declined.supported);
        next.schedule();
        Ok(next.changed(facts, note("certificate.resume", facts, by, now), now))
    }

    /// Revokes it, for good. Its holder may, the legal person of its company, an operator, and the broker as part of a
    /// removal. The broker's own request changes nothing where it is revoked already, whatever the reason, or expired.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotAllowed`], [`Refusal::ReasonNotYours`], [`Refusal::Expired`], and
    /// [`Refusal::Revoked`] where it was revoked for another reason.
    pub fn revoke(
        &self,
        facts: &Facts,
        by: &Actor,
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        let relation = match by {
            Actor::System => Relation::Broker,
            _ => self.relation_of_person(facts, by)?,
        };
        if !may_give(relation, reason) {
            return Err(Refusal::ReasonNotYours(reason.name()));
        }
        if let Desired::Revoked(revocation) = &self.desired {
            return if revocation.reason == reason || relation == Relation::Broker {
                Ok(Step::unchanged(self.clone()))
            } else {
                Err(Refusal::Revoked(revocation.reason.name()))
            };
        }
        if facts.has_expired(now) {
            return if relation == Relation::Broker {
                Ok(Step::unchanged(self.clone()))
            } else {
                Err(Refusal::Expired)
            };
        }
        let mut next = self.clone();
        next.desired = Desired::Revoked(Revocation { reason, at: now, by: by.clone() });
        let note = note("certificate.revoke", facts, by, now).with("reason", reason.name());
        Ok(next.changed(facts, note, now))
    }

    /// Takes it out of everybody's sight: the last step of a removal.
    ///
    /// # Errors
    /// [`Refusal::OnlyTheBroker`]; [`Refusal::StillGood`]; [`Refusal::NotConfirmed`] while the CA is still to be asked.
    pub fn hide(&self, facts: &Facts, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        only_the_broker(by)?;
        if self.is_hidden() {
            return Ok(Step::unchanged(self.clone()));
        }
        match self.status(facts, now) {
            Status::Active | Status::Held => Err(Refusal::StillGood),
            Status::Revoked if self.next_operation().is_some() => Err(Refusal::NotConfirmed),
            Status::Revoked | Status::Expired => {
                let next = Self { hidden_at: Some(now), ..self.clone() };
                Ok(next.changed(facts, note("certificate.delete", facts, by, now), now))
            }
        }
    }

    /// Notes the certificate that replaces it: no more reminders of its end. It stays in force until it is revoked or expires.
    ///
    /// # Errors
    /// [`Refusal::OnlyTheBroker`].
    pub fn succeeded_by(
        &self,
        facts: &Facts,
        successor: Sm3Hex,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        only_the_broker(by)?;
        if self.successor == Some(successor) {
            return Ok(Step::unchanged(self.clone()));
        }
        let next = Self { successor: Some(successor), ..self.clone() };
        let note =
            note("certificate.replace", facts, by, now).with("successor", format!("certificate/{successor}"));
        Ok(next.changed(facts, note, now))
    }

    /// Has a CA asked again that would not revoke it: after it was spoken to, or its adapter was replaced.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] for all but operators.
    pub fn ask_again(&self, facts: &Facts, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        if !by.has_role(OperatorRole::Operator) {
            return Err(Refusal::NotAllowed);
        }
        if self.declined.revoke.is_none() {
            return Ok(Step::unchanged(self.clone()));
        }
        let mut next = self.clone();
        next.declined.revoke = None;
        Ok(next.changed(facts, note("certificate.ask_again", facts, by, now), now))
    }

    /// A change with its note, and the job that brings the CA to it where there is something to ask.
    pub(super) fn changed(self, facts: &Facts, note: AuditNote, now: Timestamp) -> Step<Self> {
        let asks = self.next_operation().is_some();
        let step = Step::change(self, note);
        if asks { step.with_job(Job::new(JobKind::Reconcile(facts.sm3), now)) } else { step }
    }

    fn relation_of_person(&self, facts: &Facts, by: &Actor) -> Result<Relation, Refusal> {
        let relation = relation_of(facts, by)?;
        if self.is_hidden() { Err(Refusal::NotFound) } else { Ok(relation) }
    }

    fn must_be_alive(&self, facts: &Facts, now: Timestamp) -> Result<(), Refusal> {
        match self.status(facts, now) {
            Status::Revoked => Err(Refusal::Revoked(
                self.revocation()
                    .map_or(RevocationReason::Unspecified, |revocation| revocation.reason)
                    .name(),
            )),
            Status::Expired => Err(Refusal::Expired),
            Status::Active | Status::Held => Ok(()),
        }
    }
}

/// What a person is to a certificate. A holder who is the company's legal person counts as the legal person.
fn relation_of(facts: &Facts, by: &Actor) -> Result<Relation, Refusal> {
    match by {
        Actor::User(user) => {
            if facts.enterprise.as_ref().is_some_and(|enterprise| user.stands_for(enterprise)) {
                Ok(Relation::LegalPerson)
            } else if facts.user == Some(user.id) {
                Ok(Relation::Holder)
            } else {
                Err(Refusal::NotFound)
            }
        }
        Actor::Operator { role: OperatorRole::Operator, .. } => Ok(Relation::Operator),
        Actor::Operator { .. } | Actor::System | Actor::PaymentProvider => Err(Refusal::NotAllowed),
    }
}

fn may_give(relation: Relation, reason: RevocationReason) -> bool {
    match reason {
        RevocationReason::CaCompromise => matches!(relation, Relation::Operator | Relation::Broker),
        RevocationReason::PrivilegeWithdrawn => relation != Relation::Holder,
        _ => true,
    }
}

fn only_the_broker(by: &Actor) -> Result<(), Refusal> {
    if *by == Actor::System { Ok(()) } else { Err(Refusal::OnlyTheBroker) }
}

pub(super) fn note(action: &str, facts: &Facts, by: &Actor, now: Timestamp) -> AuditNote {
    let note = AuditNote::new(action, facts.subject(), by, now)
        .with("signing_serial", &facts.signing_serial)
        .with("encryption_serial", &facts.encryption_serial);
    match facts.order {
        Some(order) => note.with("order", format!("order/{order}")),
        None => note,
    }
}
