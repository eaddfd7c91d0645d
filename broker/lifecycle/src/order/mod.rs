//! An application for a certificate, with its payment and its invoice: one record, so that of approval and withdrawal, of
//! payment and expiry, one wins.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::{OrderId, Sm3Hex, Timestamp, UserId};

use crate::actor::Actor;
use crate::audit::AuditNote;
use crate::identity::CreditCode;
use crate::offer::{Policy, Quote};
use crate::step::Step;

mod approval;
mod invoice;
mod issue;
mod payment;
mod refusal;
mod replacement;
#[cfg(test)]
mod tests;

pub use invoice::{Invoice, InvoiceRequest, InvoiceState};
pub use payment::{Paid, Payment, PaymentState, PaymentWord};
pub use refusal::OrderRefusal;

const DAY_SECONDS: u32 = 86_400;

/// An order as it is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Order {
    /// Names it.
    pub id: OrderId,
    /// What is ordered.
    pub wish: Wish,
    /// Who ordered.
    pub applicant: UserId,
    /// What kind of user that is.
    pub applicant_kind: HolderKind,
    /// For which company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<CreditCode>,
    /// What it costs.
    pub quote: Quote,
    /// How long it waits for what, as was the policy when it was made.
    pub waits: Waits,
    /// Who has to agree.
    pub approver: Approver,
    /// When it was made.
    pub applied_at: Timestamp,
    /// When it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<Timestamp>,
    /// By whom; none where nobody had to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Actor>,
    /// The payment, where there is something to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// The invoice, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Invoice>,
    /// How far it is.
    pub state: State,
}

/// What is ordered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Wish {
    /// A new certificate, or one in another's place.
    pub reason: Reason,
    /// The trading platform.
    pub platform: String,
    /// Name of the CA's adapter.
    pub certificate_authority: String,
    /// What the CA calls the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// How long it is to be valid.
    pub days: u32,
    /// Whether a signing certificate alone will do.
    #[serde(default)]
    pub signing_only: bool,
}

/// Why a certificate is ordered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// A first or further one.
    New,
    /// In the place of one that ends.
    Renew {
        /// SM3 of its DER.
        certificate: Sm3Hex,
    },
    /// In the place of one whose phone or PIN is lost.
    Rekey {
        /// SM3 of its DER.
        certificate: Sm3Hex,
    },
}

/// How long an order waits, in days.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Waits {
    /// For approval.
    pub approval: u32,
    /// For its payment.
    pub payment: u32,
    /// For the download.
    pub download: u32,
}

impl From<&Policy> for Waits {
    fn from(policy: &Policy) -> Self {
        Self { approval: policy.approval_days, payment: policy.payment_days, download: policy.download_days }
    }
}

/// Who has to agree to an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// Nobody.
    Nobody,
    /// The company's legal person.
    LegalPerson,
    /// An operator of the trading centre.
    Operator,
}

/// How far an order is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It waits for who has to agree.
    Applied {
        /// It expires then.
        until: Timestamp,
    },
    /// It waits for its payment.
    AwaitingPayment {
        /// It expires then.
        until: Timestamp,
    },
    /// The certificate can be downloaded.
    Ready {
        /// It expires then.
        until: Timestamp,
    },
    /// A phone downloads it: the CA was asked, or will be.
    Issuing {
        /// SM3 of the phone's request: no other one is taken any more.
        request_sm3: Sm3Hex,
        /// Since when.
        since: Timestamp,
    },
    /// There is a certificate.
    Issued {
        /// SM3 of the signing certificate's DER.
        certificate: Sm3Hex,
        /// Since when.
        at: Timestamp,
    },
    /// Who had to agree did not.
    Rejected {
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// It was taken back, or went with its person or company.
    Cancelled {
        /// By whom.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// It waited too long.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The CA does not issue it.
    Failed {
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

/// Who orders, as decided from the records of person and company.
#[derive(Clone, Debug)]
pub struct Applicant<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// Whether the person belongs to the company of the order, or stands for it.
    pub belongs: bool,
    /// For which company.
    pub enterprise: Option<CreditCode>,
}

impl Order {
    /// Makes an order. The payment gets its name from `payment`, which has to be new.
    ///
    /// # Errors
    /// When the applicant is nobody who may order for this company.
    pub fn apply(
        id: OrderId,
        wish: Wish,
        quote: Quote,
        policy: &Policy,
        applicant: &Applicant<'_>,
        payment: yinqiao_protocol::PaymentId,
        now: Timestamp,
    ) -> Result<Step<Self>, OrderRefusal> {
        let user = applicant.actor.user().ok_or(OrderRefusal::NotAUser)?;
        if applicant.enterprise.is_some() && !applicant.belongs {
            return Err(OrderRefusal::NotAMember);
        }
        if user.kind == HolderKind::LegalPerson && applicant.enterprise.is_none() {
            return Err(OrderRefusal::LegalPersonWithoutCompany);
        }
        let approver = match (user.kind, &applicant.enterprise) {
            (HolderKind::LegalPerson, _) if policy.operator_approves_legal_persons => Approver::Operator,
            (HolderKind::LegalPerson, _) => Approver::Nobody,
            (HolderKind::Person, Some(_)) => Approver::LegalPerson,
            (HolderKind::Person, None) if policy.operator_approves_persons => Approver::Operator,
            (HolderKind::Person, None) => Approver::Nobody,
        };
        let waits = Waits::from(policy);
        let order = Self {
            id,
            wish,
            applicant: user.id,
            applicant_kind: user.kind,
            enterprise: applicant.enterprise.clone(),
            payment: (!quote.amount.is_zero()).then(|| Payment::new(payment, quote.amount)),
            quote,
            waits,
            approver,
            applied_at: now,
            approved_at: None,
            approved_by: None,
            invoice: None,
            state: State::Applied { until: after(now, waits.approval) },
        };
        let note = order.note("apply", applicant.actor, now).with("amount", order.quote.amount.to_string());
        let next = if approver == Approver::Nobody { order.approved(None, now) } else { order };
        Ok(Step::change(next, note))
    }

    /// The state's name, as people and programs read it: `paid` and `ready` are told apart by whether there was something
    /// to pay.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        match &self.state {
            State::Applied { .. } => "applied",
            State::AwaitingPayment { .. } => "awaiting_payment",
            State::Ready { .. } if self.payment.is_some() => "paid",
            State::Ready { .. } => "ready",
            State::Issuing { .. } => "issuing",
            State::Issued { .. } => "issued",
            State::Rejected { .. } => "rejected",
            State::Cancelled { .. } => "cancelled",
            State::Expired { .. } => "expired",
            State::Failed { .. } => "failed",
        }
    }

    /// When the money came that the order was paid with.
    #[must_use]
    pub fn paid_at(&self) -> Option<Timestamp> {
        self.payment.as_ref().and_then(Payment::paid).map(|paid| paid.at)
    }

    /// Since when there is a certificate.
    #[must_use]
    pub fn issued_at(&self) -> Option<Timestamp> {
        if let State::Issued { at, .. } = self.state { Some(at) } else { None }
    }

    /// Whether nothing more will become of it, the money aside.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            State::Issued { .. }
                | State::Rejected { .. }
                | State::Cancelled { .. }
                | State::Expired { .. }
                | State::Failed { .. }
        )
    }

    /// When it expires where nothing happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Applied { until } | State::AwaitingPayment { until } | State::Ready { until } => {
                Some(until)
            }
            _ => None,
        }
    }

    /// Ends it when it has waited too long.
    #[must_use]
    pub fn expire(&self, now: Timestamp) -> Step<Self> {
        match self.deadline() {
            Some(until) if until <= now => {
                let note = self.note("expire", &Actor::System, now).with("waited-as", self.state_name());
                self.ended(State::Expired { at: now }, note, now)
            }
            _ => Step::unchanged(self.clone()),
        }
    }

    /// Takes it back: by the applicant, the company's legal person, an operator, or with the person or company.
    ///
    /// # Errors
    /// When the CA was asked already, or it is over.
    pub fn cancel(&self, by: &Actor, now: Timestamp) -> Result<Step<Self>, OrderRefusal> {
        let leads = self.enterprise.as_ref().is_some_and(|code| by.is_legal_person_of(code));
        let staff = by.has_role(crate::actor::OperatorRole::Operator);
        if !by.is_user(self.applicant) && !leads && !staff && *by != Actor::System {
            return Err(OrderRefusal::NotYours);
        }
        match &self.state {
            State::Applied { .. } | State::AwaitingPayment { .. } | State::Ready { .. } => {
                let state = State::Cancelled { by: by.clone(), at: now };
                Ok(self.ended(state, self.note("cancel", by, now), now))
            }
            State::Cancelled { .. } => Ok(Step::unchanged(self.clone())),
            State::Issuing { .. } => Err(OrderRefusal::BeingIssued),
            _ => Err(OrderRefusal::Over(self.state_name())),
        }
    }

    /// An end without a certificate: what was paid has to be given back, and needs no invoice.
    fn ended(&self, state: State, mut note: AuditNote, now: Timestamp) -> Step<Self> {
        let mut next = Self { state, ..self.clone() };
        let refund_due = next.payment.as_mut().is_some_and(|payment| payment.close(now));
        if let Some(invoice) = next.invoice.as_mut().filter(|_| refund_due)
            && let Some(number) = invoice.close(now)
        {
            note = note.with(invoice::TO_REVERSE, number);
        }
        let mut step = Step::change(next, note);
        if refund_due {
            step = step.with_job(crate::job::Job::new(crate::job::JobKind::Refund(self.id), now));
        }
        step
    }

    fn note(&self, verb: &str, by: &Actor, now: Timestamp) -> AuditNote {
        AuditNote::new(&format!("order.{verb}"), format!("order/{}", self.id), by, now)
    }
}

fn after(now: Timestamp, days: u32) -> Timestamp {
    now.plus_seconds(days.saturating_mul(DAY_SECONDS))
}
