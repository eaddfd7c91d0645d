//! What the CA makes of an application.

use yinqiao_protocol::task::is_showable;
use yinqiao_protocol::{SealId, Timestamp};

use crate::actor::Actor;
use crate::job::{Job, JobKind};
use crate::step::Step;

use super::{
    SealApplication, SealApplicationState, SealFacts, SealRefusal as Refusal, SealRevocationReason,
    SealStanding,
};

const MOST_REASON_CHARACTERS: usize = 200;

/// The CA's answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Review {
    /// The seal is made.
    Made(SealId),
    /// There will be none.
    Rejected(String),
    /// The CA does not know the application, or has forgotten it as asked.
    Withdrawn,
}

/// What follows from the answer. All of it is stored in one transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reviewed {
    /// The application's step.
    pub step: Step<SealApplication>,
    /// How the new seal stands, to be stored with its record. One whose application was cancelled is revoked from the start;
    /// its record is there for the CA to be told.
    pub seal: Option<(SealId, SealStanding)>,
    /// The seal that is replaced: [`SealStanding::revoke`] with [`SealRevocationReason::Superseded`] is stored along with it.
    pub superseded: Option<SealId>,
}

impl SealApplication {
    /// Takes the CA's answer. The same answer again changes nothing.
    ///
    /// # Errors
    /// [`Refusal::OnlyTheBroker`]; [`Refusal::Over`] for another answer than before; [`Refusal::Reason`].
    pub fn reviewed(&self, review: Review, by: &Actor, now: Timestamp) -> Result<Reviewed, Refusal> {
        if *by != Actor::System {
            return Err(Refusal::OnlyTheBroker);
        }
        match (&self.state, review) {
            (SealApplicationState::UnderReview, Review::Made(seal)) => {
                let next = Self { state: SealApplicationState::Made { seal, at: now }, ..self.clone() };
                let mut step =
                    Step::change(next, self.note("seal.made", by, now).with("seal", format!("seal/{seal}")));
                if let Some(old) = self.replaces {
                    step = step.with_job(Job::new(JobKind::RevokeSeal(old), now));
                }
                Ok(Reviewed { step, seal: Some((seal, self.fresh_standing())), superseded: self.replaces })
            }
            (SealApplicationState::UnderReview, Review::Rejected(reason)) => {
                if !is_showable(&reason, MOST_REASON_CHARACTERS) {
                    return Err(Refusal::Reason);
                }
                let note = self.note("seal.reject", by, now).with("reason", &reason);
                let state = SealApplicationState::Rejected { reason, at: now };
                Ok(alone(Step::change(Self { state, ..self.clone() }, note)))
            }
            (SealApplicationState::Made { seal: earlier, .. }, Review::Made(seal)) if *earlier == seal => {
                Ok(alone(Step::unchanged(self.clone())))
            }
            (SealApplicationState::Rejected { reason: earlier, .. }, Review::Rejected(reason))
                if *earlier == reason =>
            {
                Ok(alone(Step::unchanged(self.clone())))
            }
            (SealApplicationState::Cancelled { settled: true, stray, .. }, review) => {
                match (stray, review) {
                    (Some(earlier), Review::Made(seal)) if *earlier == seal => {}
                    // The CA had said that there is none: it made one after all.
                    (None, Review::Made(seal)) => return self.settled(Some(seal), by, now),
                    (Some(_), Review::Made(_)) => return Err(Refusal::Over(self.state.name())),
                    (_, Review::Rejected(_) | Review::Withdrawn) => {}
                }
                Ok(alone(Step::unchanged(self.clone())))
            }
            (SealApplicationState::Cancelled { settled: false, .. }, Review::Made(seal)) => {
                self.settled(Some(seal), by, now)
            }
            (SealApplicationState::Cancelled { settled: false, .. }, _) => self.settled(None, by, now),
            (state, _) => Err(Refusal::Over(state.name())),
        }
    }

    /// A cancelled application of which it is known now what the CA made of it.
    fn settled(&self, stray: Option<SealId>, by: &Actor, now: Timestamp) -> Result<Reviewed, Refusal> {
        let mut next = self.clone();
        if let SealApplicationState::Cancelled { settled, stray: known, .. } = &mut next.state {
            *settled = true;
            *known = stray;
        }
        let mut step = Step::change(next, self.note("seal.cancelled", by, now));
        let Some(seal) = stray else { return Ok(alone(step)) };
        let facts = SealFacts { id: seal, enterprise: &self.enterprise };
        let revoked =
            self.fresh_standing().revoke(facts, SealRevocationReason::ApplicationCancelled, by, now)?;
        step.audit.extend(revoked.audit);
        step.jobs.extend(revoked.jobs);
        Ok(Reviewed { step, seal: Some((seal, revoked.next)), superseded: None })
    }

    fn fresh_standing(&self) -> SealStanding {
        SealStanding { application: Some(self.id), usage: self.usage.clone(), ..SealStanding::default() }
    }
}

/// A step from which nothing else follows.
fn alone(step: Step<SealApplication>) -> Reviewed {
    Reviewed { step, seal: None, superseded: None }
}
