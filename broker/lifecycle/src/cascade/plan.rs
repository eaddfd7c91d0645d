//! Which steps an inventory needs.

use std::collections::{HashMap, HashSet};

use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{CascadeId, Timestamp};

use crate::actor::Actor;
use crate::audit::AuditNote;
use crate::job::{Job, JobKind};
use crate::step::Step;

use super::{Cascade, CascadeKind, CascadeRefusal as Refusal, CascadeStep, Inventory, What};

impl Cascade {
    /// Begins a removal. Whether this one may is decided where the removal is asked for.
    #[must_use]
    pub fn start(
        id: CascadeId,
        kind: CascadeKind,
        inventory: &Inventory,
        by: &Actor,
        now: Timestamp,
    ) -> Step<Self> {
        let steps = kind.plan(inventory).into_iter().map(|what| CascadeStep::open(what, now)).collect();
        let cascade = Self { id, kind, by: by.clone(), started_at: now, steps, finished_at: None };
        let note = AuditNote::new("cascade.start", cascade.subject(), by, now)
            .with("kind", cascade.kind.name())
            .with("steps", cascade.steps.len().to_string());
        Step::change(cascade, note).with_job(Job::new(JobKind::Cascade(id), now))
    }

    /// Compares the steps with what there is: steps for what is missing from the plan are added, what is there though its step
    /// is done is tried again after a pause, and what went by itself counts as done. Nothing left: finished.
    ///
    /// # Errors
    /// [`Refusal::Finished`].
    pub fn replan(&self, inventory: &Inventory, now: Timestamp) -> Result<Step<Self>, Refusal> {
        if self.is_finished() {
            return Err(Refusal::Finished);
        }
        let needed = self.kind.plan(inventory);
        let wanted: HashSet<&What> = needed.iter().collect();
        let mut next = self.clone();
        // Something came in before the last step: that one is planned again when all else is gone.
        next.steps.retain(|step| {
            !step.is_open()
                || !step.what.is_last()
                || !inventory.subject_present
                || wanted.contains(&step.what)
        });
        for step in next.steps.iter_mut().filter(|step| step.is_open() && !wanted.contains(&step.what)) {
            step.done_at = Some(now);
        }
        let planned: HashMap<What, usize> =
            next.steps.iter().enumerate().map(|(index, step)| (step.what.clone(), index)).collect();
        for what in &needed {
            match planned.get(what).and_then(|index| next.steps.get_mut(*index)) {
                None => next.steps.push(CascadeStep::open(what.clone(), now)),
                Some(step) if step.is_open() => {}
                Some(step) => {
                    step.done_at = None;
                    step.pause(self.id, "it was done, and is there still".to_owned(), now);
                }
            }
        }
        if needed.is_empty() {
            next.finished_at = Some(now);
            let note = AuditNote::new("cascade.finish", self.subject(), &Actor::System, now)
                .with("kind", self.kind.name())
                .with("steps", next.steps.len().to_string());
            return Ok(Step::change(next, note));
        }
        if next == *self {
            return Ok(Step::unchanged(next));
        }
        let note = AuditNote::new("cascade.replan", self.subject(), &Actor::System, now)
            .with("steps", next.steps.len().to_string())
            .with("open", next.open().count().to_string());
        Ok(Step::change(next, note))
    }
}

impl CascadeKind {
    /// The steps that this inventory needs, in their order. The company or person itself comes when nothing else is left.
    #[must_use]
    pub fn plan(&self, inventory: &Inventory) -> Vec<What> {
        let mut steps: Vec<What> = inventory.sessions.iter().map(|user| What::EndSessions(*user)).collect();
        let living = inventory.certificates.iter().filter(|certificate| !certificate.over);
        steps.extend(living.map(|certificate| What::RevokeCertificate(certificate.sm3)));
        steps.extend(inventory.recoveries.iter().map(|id| What::RejectRecovery(*id)));
        steps.extend(inventory.orders.iter().map(|id| What::CancelOrder(*id)));
        if self.ends_seal_applications() {
            steps.extend(inventory.seal_applications.iter().map(|id| What::CancelSealApplication(*id)));
        }
        let seals = inventory.seals.iter().filter(|seal| self.ends_seal(seal.kind));
        steps.extend(seals.map(|seal| What::RevokeSeal(seal.id)));
        if self.ends_memberships() {
            steps.extend(inventory.memberships.iter().map(|(enterprise, user)| What::EndMembership {
                enterprise: enterprise.clone(),
                user: *user,
            }));
        }
        if self.deletes_certificates() {
            let all = inventory.certificates.iter();
            steps.extend(all.map(|certificate| What::DeleteCertificate(certificate.sm3)));
        }
        if steps.is_empty() && inventory.subject_present {
            steps.extend(self.last_step());
        }
        steps
    }

    /// Applications under review go with the company. After a change of the legal person they go as well: the new one applies.
    fn ends_seal_applications(&self) -> bool {
        matches!(self, Self::DeleteEnterprise { .. } | Self::ChangeLegalPerson { .. })
    }

    fn ends_seal(&self, kind: SealKind) -> bool {
        match self {
            Self::DeleteEnterprise { .. } => true,
            Self::ChangeLegalPerson { .. } => kind != SealKind::Official,
            Self::RemoveMember { .. } | Self::DeleteUser { .. } => false,
        }
    }

    fn ends_memberships(&self) -> bool {
        !matches!(self, Self::ChangeLegalPerson { .. })
    }

    fn deletes_certificates(&self) -> bool {
        !matches!(self, Self::ChangeLegalPerson { .. })
    }

    fn last_step(&self) -> Option<What> {
        match self {
            Self::DeleteEnterprise { enterprise } => Some(What::DeleteEnterprise(enterprise.clone())),
            Self::DeleteUser { user } => Some(What::DeleteUser(*user)),
            Self::RemoveMember { .. } | Self::ChangeLegalPerson { .. } => None,
        }
    }
}
