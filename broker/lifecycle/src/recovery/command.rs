//! What is asked of a recovery.

use yinqiao_protocol::task::is_showable;
use yinqiao_protocol::{Base64, OperatorId, RecoveryId, Timestamp};

use crate::actor::{Actor, OperatorRole};
use crate::audit::AuditNote;
use crate::certificate::{Facts, Standing};
use crate::job::{Job, JobKind};
use crate::step::Step;

use super::{CONSENTS, Consent, Recovery, RecoveryRefusal as Refusal, RecoveryState};

const MOST_REASON_CHARACTERS: usize = 200;
const SECONDS_PER_DAY: u32 = 86_400;

impl Recovery {
    /// Asks for it. Only the holder may, with the key of the phone that shall get it. The certificate may be revoked or over:
    /// old bids open with its key all the same. `open` tells of another request for this certificate that is open; the
    /// consents have `days` to come.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::DeviceKey`], [`Refusal::AlreadyOpen`].
    pub fn request(
        id: RecoveryId,
        certificate: (&Facts, &Standing),
        device_key: Base64,
        open: Option<RecoveryId>,
        days: u32,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        let (facts, standing) = certificate;
        let holder = facts.user.filter(|user| by.is_user(*user)).ok_or(Refusal::NotFound)?;
        if standing.is_hidden() {
            return Err(Refusal::NotFound);
        }
        if device_key.as_slice().len() != 65 || device_key.as_slice().first() != Some(&4) {
            return Err(Refusal::DeviceKey);
        }
        if open.is_some_and(|open| open != id) {
            return Err(Refusal::AlreadyOpen);
        }
        let consent_until = now.plus_seconds(days.saturating_mul(SECONDS_PER_DAY));
        let recovery = Self {
            id,
            certificate: facts.sm3,
            encryption_serial: facts.encryption_serial.clone(),
            holder,
            device_key,
            requested_at: now,
            consent_until,
            state: RecoveryState::AwaitingConsent { consents: Vec::new() },
        };
        let note = recovery
            .note("recovery.request", by, now)
            .with("certificate", facts.subject())
            .with("encryption_serial", &facts.encryption_serial);
        Ok(Step::change(recovery, note))
    }

    /// A security officer's consent. With that of a second one the CA is asked.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::Recovering`], [`Refusal::Over`].
    pub fn consent(&self, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        let officer = security_officer(by)?;
        if self.consents().iter().any(|consent| consent.by == officer) {
            return Ok(Step::unchanged(self.clone()));
        }
        let mut consents = self.must_await(now)?.to_vec();
        consents.push(Consent { by: officer, at: now });
        let note = self.note("recovery.consent", by, now).with("consents", consents.len().to_string());
        if consents.len() < CONSENTS {
            return Ok(self.to(RecoveryState::AwaitingConsent { consents }, note));
        }
        Ok(self
            .to(RecoveryState::Recovering { consents }, note)
            .with_job(Job::new(JobKind::RecoverKey(self.id), now)))
    }

    /// A security officer's refusal; or the broker's own, where the holder or the company is removed, which comes in even while
    /// the CA is asked.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::Reason`], [`Refusal::Recovering`], [`Refusal::Over`].
    pub fn reject(&self, by: &Actor, reason: &str, now: Timestamp) -> Result<Step<Self>, Refusal> {
        let broker = *by == Actor::System;
        if !broker {
            security_officer(by)?;
        }
        if !is_showable(reason, MOST_REASON_CHARACTERS) {
            return Err(Refusal::Reason);
        }
        match &self.state {
            RecoveryState::Rejected { by: earlier, .. } if earlier == by => {
                return Ok(Step::unchanged(self.clone()));
            }
            RecoveryState::Recovering { .. } if broker => {}
            _ if broker && !self.is_open(now) => return Ok(Step::unchanged(self.clone())),
            _ => {
                self.must_await(now)?;
            }
        }
        let note = self.note("recovery.reject", by, now).with("reason", reason);
        Ok(self.to(RecoveryState::Rejected { at: now, by: by.clone(), reason: reason.to_owned() }, note))
    }

    /// The holder takes it back, before the CA is asked.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Recovering`], [`Refusal::Over`].
    pub fn withdraw(&self, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        self.must_be_holder(by)?;
        if matches!(self.state, RecoveryState::Withdrawn { .. }) {
            return Ok(Step::unchanged(self.clone()));
        }
        self.must_await(now)?;
        Ok(self.to(RecoveryState::Withdrawn { at: now }, self.note("recovery.withdraw", by, now)))
    }

    /// Lets it expire where its time is over; changes nothing before, or where it got further.
    #[must_use]
    pub fn expire(&self, now: Timestamp) -> Step<Self> {
        let waits = matches!(self.state, RecoveryState::AwaitingConsent { .. });
        if !waits || !self.is_late(now) {
            return Step::unchanged(self.clone());
        }
        let note = self.note("recovery.expire", &Actor::System, now);
        self.to(RecoveryState::Expired { at: self.consent_until }, note)
    }

    /// Takes the CA's reply. Where the recovery was rejected while the CA was asked, the reply is dropped: `Over`.
    ///
    /// # Errors
    /// [`Refusal::OnlyTheBroker`], [`Refusal::Over`].
    pub fn done(&self, envelope: Base64, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        only_the_broker(by)?;
        match &self.state {
            RecoveryState::Recovering { consents } => {
                let state = RecoveryState::Done { at: now, envelope, consents: consents.clone() };
                Ok(self.to(state, self.note("recovery.done", by, now)))
            }
            RecoveryState::Done { envelope: earlier, .. } if *earlier == envelope => {
                Ok(Step::unchanged(self.clone()))
            }
            _ => Err(Refusal::Over(self.state.name())),
        }
    }

    /// Takes it that the CA does not give the key, for good.
    ///
    /// # Errors
    /// [`Refusal::OnlyTheBroker`], [`Refusal::Over`].
    pub fn failed(&self, reason: &str, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        only_the_broker(by)?;
        match &self.state {
            RecoveryState::Recovering { .. } => {
                let state = RecoveryState::Failed { at: now, reason: reason.to_owned() };
                Ok(self.to(state, self.note("recovery.fail", by, now).with("reason", reason)))
            }
            RecoveryState::Failed { reason: earlier, .. } if earlier == reason => {
                Ok(Step::unchanged(self.clone()))
            }
            _ => Err(Refusal::Over(self.state.name())),
        }
    }

    /// The recovered key in its envelope: for the holder, at the phone that asked for it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::OtherDevice`], [`Refusal::NotDone`].
    pub fn reply(&self, by: &Actor, device_key: &Base64) -> Result<&Base64, Refusal> {
        self.must_be_holder(by)?;
        if *device_key != self.device_key {
            return Err(Refusal::OtherDevice);
        }
        match &self.state {
            RecoveryState::Done { envelope, .. } => Ok(envelope),
            state => Err(Refusal::NotDone(state.name())),
        }
    }

    fn must_be_holder(&self, by: &Actor) -> Result<(), Refusal> {
        if by.is_user(self.holder) { Ok(()) } else { Err(Refusal::NotFound) }
    }

    /// The consents so far, where more may come.
    fn must_await(&self, now: Timestamp) -> Result<&[Consent], Refusal> {
        match &self.state {
            RecoveryState::AwaitingConsent { .. } if self.is_late(now) => Err(Refusal::Over("expired")),
            RecoveryState::AwaitingConsent { consents } => Ok(consents),
            RecoveryState::Recovering { .. } => Err(Refusal::Recovering),
            state => Err(Refusal::Over(state.name())),
        }
    }

    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.consent_until <= now
    }

    fn to(&self, state: RecoveryState, note: AuditNote) -> Step<Self> {
        Step::change(Self { state, ..self.clone() }, note)
    }

    fn note(&self, action: &str, by: &Actor, now: Timestamp) -> AuditNote {
        AuditNote::new(action, self.subject(), by, now)
    }
}

impl RecoveryState {
    /// In words that follow "this recovery is".
    fn name(&self) -> &'static str {
        match self {
            Self::AwaitingConsent { .. } => "waiting for consents",
            Self::Recovering { .. } => "waiting for the CA",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired { .. } => "expired",
        }
    }
}

fn security_officer(by: &Actor) -> Result<OperatorId, Refusal> {
    match by {
        Actor::Operator { id, role: OperatorRole::SecurityOfficer } => Ok(*id),
        _ => Err(Refusal::NotAllowed),
    }
}

fn only_the_broker(by: &Actor) -> Result<(), Refusal> {
    if *by == Actor::System { Ok(()) } else { Err(Refusal::OnlyTheBroker) }
}
