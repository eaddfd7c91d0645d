//! What is paid for an order.
//!
//! The provider's word comes once, twice, late or never. A payment is known by the provider's reference: the same one again
//! changes nothing. Money that comes when it is not wanted any more, or a second time, is never kept silently: it is noted
//! and has to be given back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{PaymentId, Timestamp};

use super::{Order, OrderRefusal, State};
use crate::actor::{Actor, OperatorRole};
use crate::job::{Job, JobKind};
use crate::money::Fen;
use crate::step::Step;

/// Characters of a reference at most.
const LONGEST_REFERENCE: usize = 64;

/// The payment of an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Payment {
    /// Stands in the picture that is scanned.
    pub id: PaymentId,
    /// What has to be paid.
    pub amount: Fen,
    /// How far it is.
    pub state: PaymentState,
    /// References of second payments that have to be given back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub surplus: BTreeSet<String>,
    /// Second payments that were given back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub surplus_refunded: BTreeSet<String>,
    /// Since when something has to be given back, while something has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_due_since: Option<Timestamp>,
}

/// How far a payment is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "payment", rename_all = "snake_case")]
pub enum PaymentState {
    /// It is not paid.
    Awaited,
    /// It is paid.
    Paid(Paid),
    /// It is not wanted any more.
    Closed,
    /// It was paid and has to be given back.
    RefundDue(Paid),
    /// It was given back.
    Refunded {
        /// What had been paid.
        paid: Paid,
        /// When it was given back.
        at: Timestamp,
    },
}

/// What was paid.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Paid {
    /// What the provider calls it.
    pub reference: String,
    /// When it came.
    pub at: Timestamp,
    /// Who said so.
    pub by: Actor,
}

/// What a payment provider says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PaymentWord {
    /// Money has come.
    Paid {
        /// What the provider calls it.
        reference: String,
        /// How much.
        amount: Fen,
    },
    /// Money was given back.
    Refunded {
        /// Of which payment.
        reference: String,
        /// How much.
        amount: Fen,
    },
}

impl Payment {
    pub(super) fn new(id: PaymentId, amount: Fen) -> Self {
        Self {
            id,
            amount,
            state: PaymentState::Awaited,
            surplus: BTreeSet::new(),
            surplus_refunded: BTreeSet::new(),
            refund_due_since: None,
        }
    }

    /// The order ends without a certificate. True when money has to be given back.
    pub(super) fn close(&mut self, now: Timestamp) -> bool {
        match &self.state {
            PaymentState::Awaited => self.state = PaymentState::Closed,
            PaymentState::Paid(paid) => self.state = PaymentState::RefundDue(paid.clone()),
            PaymentState::Closed | PaymentState::RefundDue(_) | PaymentState::Refunded { .. } => {}
        }
        self.look_for_refund(now)
    }

    /// Keeps the moment from which on something has to be given back. True while something has.
    fn look_for_refund(&mut self, now: Timestamp) -> bool {
        let due = self.is_refund_due();
        self.refund_due_since = due.then(|| self.refund_due_since.unwrap_or(now));
        due
    }

    /// Whether something has to be given back.
    #[must_use]
    pub fn is_refund_due(&self) -> bool {
        matches!(self.state, PaymentState::RefundDue(_)) || !self.surplus.is_empty()
    }

    /// The references of what has to be given back.
    #[must_use]
    pub fn refunds_due(&self) -> Vec<&str> {
        let own = match &self.state {
            PaymentState::RefundDue(paid) => Some(paid.reference.as_str()),
            _ => None,
        };
        own.into_iter().chain(self.surplus.iter().map(String::as_str)).collect()
    }

    /// The references of all that came, whether it was kept or not.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let own = self.paid().map(|paid| paid.reference.as_str());
        own.into_iter().chain(self.surplus.iter().chain(&self.surplus_refunded).map(String::as_str))
    }

    /// The state's name.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        match self.state {
            PaymentState::Awaited => "awaited",
            PaymentState::Paid(_) => "paid",
            PaymentState::Closed => "closed",
            PaymentState::RefundDue(_) => "refund_due",
            PaymentState::Refunded { .. } => "refunded",
        }
    }

    pub(super) fn paid(&self) -> Option<&Paid> {
        match &self.state {
            PaymentState::Paid(paid)
            | PaymentState::RefundDue(paid)
            | PaymentState::Refunded { paid, .. } => Some(paid),
            PaymentState::Awaited | PaymentState::Closed => None,
        }
    }

    fn knows(&self, reference: &str) -> bool {
        self.references().any(|known| known == reference)
    }
}

impl Order {
    /// Takes the provider's word, or an operator's who has seen the money come or go. A second payment is taken note of and
    /// has to be given back; the step says so by its change.
    ///
    /// # Errors
    /// When the amount is another, the reference does not fit, or the order has nothing to do with it.
    pub fn hear_of_payment(
        &self,
        word: &PaymentWord,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, OrderRefusal> {
        if *by != Actor::PaymentProvider && !by.has_role(OperatorRole::Operator) {
            return Err(OrderRefusal::NotYours);
        }
        match word {
            PaymentWord::Paid { reference, amount } => self.hear_paid(reference, *amount, by, now),
            PaymentWord::Refunded { reference, amount } => self.hear_refunded(reference, *amount, by, now),
        }
    }

    fn hear_paid(
        &self,
        reference: &str,
        amount: Fen,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, OrderRefusal> {
        let fits = (1..=LONGEST_REFERENCE).contains(&reference.len());
        if !fits || !reference.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(OrderRefusal::Text("reference has 1 to 64 visible ASCII characters"));
        }
        let payment = self.payment.as_ref().ok_or(OrderRefusal::NoPayment)?;
        if amount != payment.amount {
            return Err(OrderRefusal::WrongAmount { expected: payment.amount, given: amount });
        }
        if payment.knows(reference) {
            return Ok(Step::unchanged(self.clone()));
        }
        let mut next = self.clone();
        let note = self.note("paid", by, now).with("reference", reference).with("amount", amount.to_string());
        let Some(payment) = next.payment.as_mut() else { return Err(OrderRefusal::NoPayment) };
        let paid = Paid { reference: reference.to_owned(), at: now, by: by.clone() };
        match (&payment.state, &self.state) {
            (PaymentState::Awaited, State::AwaitingPayment { .. }) => {
                payment.state = PaymentState::Paid(paid);
                next.state = self.ready(now);
                return Ok(Step::change(next, note));
            }
            // It was paid before anybody agreed: it counts, and the order goes on as soon as somebody does.
            (PaymentState::Awaited, _) => payment.state = PaymentState::Paid(paid),
            (PaymentState::Closed, _) => payment.state = PaymentState::RefundDue(paid),
            _ => {
                payment.surplus.insert(reference.to_owned());
            }
        }
        let due = payment.look_for_refund(now);
        let step = Step::change(next, note.with("refund", if due { "due" } else { "none" }));
        Ok(if due { step.with_job(Job::new(JobKind::Refund(self.id), now)) } else { step })
    }

    /// Each payment was one of the whole amount, and is given back whole.
    fn hear_refunded(
        &self,
        reference: &str,
        amount: Fen,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, OrderRefusal> {
        let payment = self.payment.as_ref().ok_or(OrderRefusal::NoPayment)?;
        let mut next = self.clone();
        let Some(changed) = next.payment.as_mut() else { return Err(OrderRefusal::NoPayment) };
        match &payment.state {
            _ if payment.surplus.contains(reference) => {
                changed.surplus.remove(reference);
                changed.surplus_refunded.insert(reference.to_owned());
            }
            PaymentState::RefundDue(paid) if paid.reference == reference => {
                changed.state = PaymentState::Refunded { paid: paid.clone(), at: now };
            }
            PaymentState::Refunded { paid, .. } if paid.reference == reference => {}
            _ if payment.surplus_refunded.contains(reference) => {}
            _ => return Err(OrderRefusal::NoRefundDue(payment.state_name())),
        }
        if amount != payment.amount {
            return Err(OrderRefusal::WrongRefund { due: payment.amount, given: amount });
        }
        if changed == payment {
            return Ok(Step::unchanged(self.clone()));
        }
        changed.look_for_refund(now);
        let note = self.note("refunded", by, now).with("reference", reference);
        Ok(Step::change(next, note.with("amount", amount.to_string())))
    }
}
