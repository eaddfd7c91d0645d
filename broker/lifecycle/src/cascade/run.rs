//! Going on: what may run now, and how it went.

use std::collections::HashSet;

use yinqiao_protocol::{CascadeId, Sm3Hex, Timestamp};

use crate::actor::{Actor, OperatorRole};
use crate::audit::AuditNote;
use crate::job::{Job, JobKind};
use crate::step::Step;

use super::{Cascade, CascadeRefusal as Refusal, CascadeStep, What};

/// What the driver does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// To run these, in any order or all at once, and to write down how each went.
    Run(Vec<What>),
    /// Nothing before this time.
    Wait(Timestamp),
    /// To take the inventory and call [`Cascade::replan`].
    TakeInventory,
    /// Nothing any more.
    Finished,
}

/// Which steps come before which: a step may run when all of the stages before were tried.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    Sessions,
    Certificates,
    Orders,
    Seals,
    Memberships,
    Sight,
    Subject,
}

impl Cascade {
    /// What to do now. Steps of a later stage wait until all of the earlier ones were tried once, which blocks certificates and
    /// seals in the broker; they don't wait for a CA that is down. A certificate is deleted when its revocation is done.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Next {
        if self.is_finished() {
            return Next::Finished;
        }
        let allowed = self.allowed();
        let due: Vec<What> =
            allowed.iter().filter(|step| step.due <= now).map(|step| step.what.clone()).collect();
        if !due.is_empty() {
            return Next::Run(due);
        }
        match allowed.iter().map(|step| step.due).min() {
            Some(due) => Next::Wait(due),
            None => Next::TakeInventory,
        }
    }

    /// The steps that may run now; empty when there is something else to do, or nothing.
    #[must_use]
    pub fn next_steps(&self, now: Timestamp) -> Vec<What> {
        if let Next::Run(steps) = self.next(now) { steps } else { Vec::new() }
    }

    /// Writes down that a step is done. Said again it changes nothing.
    ///
    /// # Errors
    /// [`Refusal::NoSuchStep`].
    pub fn step_done(&self, what: &What, now: Timestamp) -> Result<Step<Self>, Refusal> {
        let mut next = self.clone();
        let step = next.step_mut(what)?;
        if !step.is_open() {
            return Ok(Step::unchanged(next));
        }
        step.done_at = Some(now);
        let note = self.note("cascade.step", &Actor::System, now).with("step", what.to_string());
        Ok(Step::change(next, note))
    }

    /// Writes down that a step failed, or waits for somebody: it is tried again after a pause that doubles each time, up to five
    /// minutes. Changes nothing where the step is done.
    ///
    /// # Errors
    /// [`Refusal::NoSuchStep`].
    pub fn step_failed(&self, what: &What, reason: &str, now: Timestamp) -> Result<Step<Self>, Refusal> {
        let mut next = self.clone();
        let step = next.step_mut(what)?;
        if !step.is_open() {
            return Ok(Step::unchanged(next));
        }
        let news = step.last_error.as_deref() != Some(reason);
        step.pause(self.id, reason.to_owned(), now);
        let note = self
            .note("cascade.step_failed", &Actor::System, now)
            .with("step", what.to_string())
            .with("reason", reason);
        let mut change = Step::change(next, note);
        if !news {
            // A CA that is down for a day is one line in the audit log, not three hundred.
            change.audit.clear();
        }
        Ok(change)
    }

    /// Has all open steps tried again at once. The cascade's job is to be brought forward along with it.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] for all but operators; [`Refusal::Finished`].
    pub fn retry(&self, by: &Actor, now: Timestamp) -> Result<Step<Self>, Refusal> {
        if !by.has_role(OperatorRole::Operator) {
            return Err(Refusal::NotAllowed);
        }
        if self.is_finished() {
            return Err(Refusal::Finished);
        }
        let mut next = self.clone();
        for step in next.steps.iter_mut().filter(|step| step.is_open() && now < step.due) {
            step.due = now;
            step.attempts = 0;
        }
        if next == *self {
            return Ok(Step::unchanged(next));
        }
        Ok(Step::change(next, self.note("cascade.retry", by, now))
            .with_job(Job::new(JobKind::Cascade(self.id), now)))
    }

    /// The open steps that nothing stands against but their pause.
    fn allowed(&self) -> Vec<&CascadeStep> {
        let untried = self.open().filter(|step| step.last_error.is_none());
        let stage = untried.map(|step| step.what.stage()).min();
        let open = self.open().count();
        let to_revoke: HashSet<&Sm3Hex> = self.open().filter_map(|step| step.what.revokes()).collect();
        self.open()
            .filter(|step| stage.is_none_or(|stage| step.what.stage() <= stage))
            .filter(|step| match &step.what {
                What::DeleteCertificate(sm3) => !to_revoke.contains(sm3),
                what => !what.is_last() || open == 1,
            })
            .collect()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &CascadeStep> {
        self.steps.iter().filter(|step| step.is_open())
    }

    fn step_mut(&mut self, what: &What) -> Result<&mut CascadeStep, Refusal> {
        self.steps
            .iter_mut()
            .find(|step| step.what == *what)
            .ok_or_else(|| Refusal::NoSuchStep(what.to_string()))
    }

    fn note(&self, action: &str, by: &Actor, now: Timestamp) -> AuditNote {
        AuditNote::new(action, self.subject(), by, now)
    }
}

impl CascadeStep {
    pub(super) fn open(what: What, now: Timestamp) -> Self {
        Self { what, done_at: None, attempts: 0, last_error: None, due: now }
    }

    /// Whether it has to be done still.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.done_at.is_none()
    }

    /// The pauses are those of jobs.
    pub(super) fn pause(&mut self, cascade: CascadeId, reason: String, now: Timestamp) {
        let mut job = Job::new(JobKind::Cascade(cascade), now);
        job.attempts = self.attempts;
        let job = job.failed(reason, now);
        self.attempts = job.attempts;
        self.last_error = job.last_error;
        self.due = job.due;
    }
}

impl What {
    /// Whether it deletes the company or person itself.
    pub(super) fn is_last(&self) -> bool {
        self.stage() == Stage::Subject
    }

    fn revokes(&self) -> Option<&Sm3Hex> {
        if let Self::RevokeCertificate(sm3) = self { Some(sm3) } else { None }
    }

    fn stage(&self) -> Stage {
        match self {
            Self::EndSessions(_) => Stage::Sessions,
            Self::RevokeCertificate(_) => Stage::Certificates,
            Self::RejectRecovery(_) | Self::CancelOrder(_) => Stage::Orders,
            Self::CancelSealApplication(_) | Self::RevokeSeal(_) => Stage::Seals,
            Self::EndMembership { .. } => Stage::Memberships,
            Self::DeleteCertificate(_) => Stage::Sight,
            Self::DeleteEnterprise(_) | Self::DeleteUser(_) => Stage::Subject,
        }
    }
}
