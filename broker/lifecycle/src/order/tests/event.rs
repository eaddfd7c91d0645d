//! What may come to an order, from whom, in histories made at random.

use proptest::prelude::*;

use super::super::*;
use super::{applicant, applied_for, code, legal_person, operator, paid, stranger, user};
use crate::actor::OperatorRole;
use crate::money::Fen;
use crate::refusal::RefusalKind;

/// Who ordered, for how much, under which policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub amount: u64,
    pub by: Orderer,
    /// Whether operators approve what is not for a legal person to approve.
    pub strict: bool,
}

/// Who ordered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Orderer {
    Staff,
    LegalPerson,
    PersonAlone,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    Orderer,
    LegalPerson,
    OtherLegalPerson,
    Stranger,
    Operator,
    Auditor,
    SecurityOfficer,
    Provider,
    System,
}

/// What comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Approve,
    Reject { reason: u8 },
    Cancel,
    Paid { reference: u8, right: bool },
    Refunded { reference: u8, right: bool },
    Begin { request: u8 },
    Issued { certificate: u8 },
    Fail,
    BeginAgain,
    RequestInvoice { title: u8 },
    InvoiceIssued { number: u8 },
    InvoiceFailed,
    Pass { days: u32 },
}

/// What was answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    Changed,
    Same,
    Refused(RefusalKind),
}

impl Ask {
    /// What the audit log calls it, and whether it comes from the broker by itself, whoever may have brought it.
    pub(super) fn noted(self) -> (&'static str, bool) {
        match self {
            Self::Approve => ("order.approve", false),
            Self::Reject { .. } => ("order.reject", false),
            Self::Cancel => ("order.cancel", false),
            Self::Paid { .. } => ("order.paid", false),
            Self::Refunded { .. } => ("order.refunded", false),
            Self::Begin { .. } => ("order.begin-issue", false),
            Self::Fail => ("order.fail", false),
            Self::RequestInvoice { .. } => ("order.request-invoice", false),
            Self::Issued { .. } => ("order.issued", true),
            Self::BeginAgain => ("order.begin-again", true),
            Self::InvoiceIssued { .. } => ("order.invoice-issued", true),
            Self::InvoiceFailed => ("order.invoice-failed", true),
            Self::Pass { .. } => ("order.expire", true),
        }
    }
}

/// Something that comes from somebody.
pub(super) type Event = (Who, Ask);

pub(super) fn start() -> impl Strategy<Value = Start> {
    let by = prop_oneof![
        3 => Just(Orderer::Staff),
        1 => Just(Orderer::LegalPerson),
        1 => Just(Orderer::PersonAlone)
    ];
    (prop_oneof![1 => Just(0u64), 2 => Just(100)], by, any::<bool>()).prop_map(|(amount, by, strict)| Start {
        amount,
        by,
        strict,
    })
}

/// Mostly from somebody who may, so that histories get somewhere.
pub(super) fn event() -> impl Strategy<Value = Event> {
    let small = || 1..3u8;
    let paid =
        (1..4u8, prop::bool::weighted(0.8)).prop_map(|(reference, right)| Ask::Paid { reference, right });
    let refunded =
        (1..4u8, prop::bool::weighted(0.8)).prop_map(|(reference, right)| Ask::Refunded { reference, right });
    prop_oneof![
        5 => from(&[Who::LegalPerson, Who::Operator], Just(Ask::Approve)),
        1 => from(&[Who::LegalPerson, Who::Operator], small().prop_map(|reason| Ask::Reject { reason })),
        1 => from(&[Who::Orderer, Who::LegalPerson, Who::Operator, Who::System], Just(Ask::Cancel)),
        5 => from(&[Who::Provider, Who::Operator], paid),
        2 => from(&[Who::Provider, Who::Operator], refunded),
        5 => from(&[Who::Orderer], small().prop_map(|request| Ask::Begin { request })),
        3 => from(&[Who::System], small().prop_map(|certificate| Ask::Issued { certificate })),
        1 => from(&[Who::System, Who::Operator], Just(Ask::Fail)),
        1 => from(&[Who::System], Just(Ask::BeginAgain)),
        2 => from(&[Who::Orderer], small().prop_map(|title| Ask::RequestInvoice { title })),
        2 => from(&[Who::System], small().prop_map(|number| Ask::InvoiceIssued { number })),
        1 => from(&[Who::System], Just(Ask::InvoiceFailed)),
        2 => from(&[Who::System], (1..40u32).prop_map(|days| Ask::Pass { days })),
    ]
}

fn from(usual: &'static [Who], ask: impl Strategy<Value = Ask>) -> impl Strategy<Value = Event> {
    let anybody = prop::sample::select(vec![
        Who::Orderer,
        Who::LegalPerson,
        Who::OtherLegalPerson,
        Who::Stranger,
        Who::Operator,
        Who::Auditor,
        Who::SecurityOfficer,
        Who::Provider,
        Who::System,
    ]);
    (prop_oneof![4 => prop::sample::select(usual), 1 => anybody], ask)
}

impl Start {
    pub(super) fn order(self) -> Order {
        let policy = Policy {
            operator_approves_legal_persons: self.strict,
            operator_approves_persons: self.strict,
            ..Policy::default()
        };
        let enterprise = (self.by != Orderer::PersonAlone).then(code);
        applied_for(&self.actor(Who::Orderer), enterprise, self.amount, &policy).unwrap().next
    }

    pub(super) fn actor(self, who: Who) -> Actor {
        let staff = |role| Actor::Operator { id: yinqiao_protocol::OperatorId::from_bytes([8; 16]), role };
        match who {
            Who::Orderer if self.by == Orderer::LegalPerson => legal_person(),
            Who::Orderer => applicant(),
            Who::LegalPerson => legal_person(),
            Who::OtherLegalPerson => user(3, HolderKind::LegalPerson, Some("91110000M00020001F")),
            Who::Stranger => stranger(),
            Who::Operator => operator(),
            Who::Auditor => staff(OperatorRole::Auditor),
            Who::SecurityOfficer => staff(OperatorRole::SecurityOfficer),
            Who::Provider => Actor::PaymentProvider,
            Who::System => Actor::System,
        }
    }

    /// What the machine decides.
    pub(super) fn decided(
        self,
        order: &Order,
        (who, ask): Event,
        now: Timestamp,
    ) -> Result<Step<Order>, OrderRefusal> {
        let by = &self.actor(who);
        match ask {
            Ask::Approve => order.approve(by, now),
            Ask::Reject { reason } => order.reject(&format!("理由{reason}"), by, now),
            Ask::Cancel => order.cancel(by, now),
            Ask::Paid { reference, right } => {
                order.hear_of_payment(&paid(&format!("r{reference}"), if right { 100 } else { 1 }), by, now)
            }
            Ask::Refunded { reference, right } => {
                let amount = Fen(if right { 100 } else { 1 });
                let word = PaymentWord::Refunded { reference: format!("r{reference}"), amount };
                order.hear_of_payment(&word, by, now)
            }
            Ask::Begin { request } => order.begin_issue(Sm3Hex::of(&[request]), by, now),
            Ask::Issued { certificate } => order.issued(Sm3Hex::of(&[certificate]), now),
            Ask::Fail => order.fail("CA拒绝", by, now),
            Ask::BeginAgain => order.begin_again(now),
            Ask::RequestInvoice { title } => {
                let mail = "caiwu@example.cn".to_owned();
                let request = InvoiceRequest { title: format!("t{title}"), tax_number: None, mail };
                order.request_invoice(request, by, now)
            }
            Ask::InvoiceIssued { number } => {
                order.invoice_issued(&format!("n{number}"), Sm3Hex::of(&[number]), now)
            }
            Ask::InvoiceFailed => order.invoice_failed("开票失败", now),
            Ask::Pass { .. } => Ok(order.expire(now)),
        }
    }
}

impl Answer {
    pub(super) fn of(decided: &Result<Step<Order>, OrderRefusal>) -> Self {
        match decided {
            Ok(step) if step.changed => Self::Changed,
            Ok(_) => Self::Same,
            Err(refusal) => Self::Refused(refusal.kind()),
        }
    }
}
