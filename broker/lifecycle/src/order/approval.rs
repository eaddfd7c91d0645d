//! Who has to agree does, or does not.

use yinqiao_protocol::Timestamp;

use super::{Approver, Order, OrderRefusal, Payment, PaymentState, State, after};
use crate::actor::{Actor, OperatorRole};
use crate::step::Step;

/// Characters of a reason at most.
const LONGEST_REASON: usize = 200;

impl Order {
    /// Agrees.
    ///
    /// # Errors
    /// When it is not the actor's to decide, or nothing waits.
    pub fn approve(&self, by: &Actor, now: Timestamp) -> Result<Step<Self>, OrderRefusal> {
        self.require_approver(by)?;
        match self.state {
            State::Applied { .. } => {
                Ok(Step::change(self.approved(Some(by), now), self.note("approve", by, now)))
            }
            _ if self.approved_at.is_some() && !self.is_over() => Ok(Step::unchanged(self.clone())),
            _ => Err(OrderRefusal::NotWaiting(self.state_name())),
        }
    }

    /// Does not agree.
    ///
    /// # Errors
    /// When it is not the actor's to decide, nothing waits, or the reason does not fit.
    pub fn reject(&self, reason: &str, by: &Actor, now: Timestamp) -> Result<Step<Self>, OrderRefusal> {
        self.require_approver(by)?;
        let fits = (1..=LONGEST_REASON).contains(&reason.chars().count());
        if !fits || reason.chars().any(char::is_control) {
            return Err(OrderRefusal::Text("reason has 1 to 200 characters and no control characters"));
        }
        match &self.state {
            State::Applied { .. } => {
                let state = State::Rejected { reason: reason.to_owned(), at: now };
                Ok(self.ended(state, self.note("reject", by, now), now))
            }
            State::Rejected { reason: before, .. } if before == reason => Ok(Step::unchanged(self.clone())),
            _ => Err(OrderRefusal::NotWaiting(self.state_name())),
        }
    }

    /// On the way from approval: to be paid, or to be downloaded.
    pub(super) fn approved(&self, by: Option<&Actor>, now: Timestamp) -> Self {
        let awaits = |payment: &Payment| payment.state == PaymentState::Awaited;
        let state = if self.payment.as_ref().is_some_and(awaits) {
            State::AwaitingPayment { until: after(now, self.waits.payment) }
        } else {
            self.ready(now)
        };
        Self { state, approved_at: Some(now), approved_by: by.cloned(), ..self.clone() }
    }

    pub(super) fn ready(&self, now: Timestamp) -> State {
        State::Ready { until: after(now, self.waits.download) }
    }

    fn require_approver(&self, by: &Actor) -> Result<(), OrderRefusal> {
        let legal_person = self.enterprise.as_ref().is_some_and(|code| by.is_legal_person_of(code));
        let (is_approver, whose) = match self.approver {
            Approver::Nobody => (false, "nobody"),
            Approver::LegalPerson => (legal_person, "the company's legal person"),
            Approver::Operator => (by.has_role(OperatorRole::Operator), "an operator of the trading centre"),
        };
        if is_approver { Ok(()) } else { Err(OrderRefusal::NotTheApprover(whose)) }
    }
}
