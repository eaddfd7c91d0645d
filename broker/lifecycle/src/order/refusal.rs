//! Why a command to an order is refused.

use yinqiao_protocol::{OrderId, Timestamp};

use crate::money::Fen;
use crate::refusal::RefusalKind;

/// Why a command is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OrderRefusal {
    /// Only users order.
    #[error("only a signed-in user can order a certificate")]
    NotAUser,
    /// Not of the company.
    #[error(
        "you do not belong to this company: apply to join it, and order once its legal person has agreed"
    )]
    NotAMember,
    /// A legal person orders for the company.
    #[error("a legal-person user orders for the company: name the company")]
    LegalPersonWithoutCompany,
    /// Somebody else's.
    #[error("only the applicant, the company's legal person or an operator may do this")]
    NotYours,
    /// Not the one who has to agree.
    #[error("this is for {0} to decide")]
    NotTheApprover(&'static str),
    /// Nothing to be decided.
    #[error("the order waits for nobody's approval: it is {0}")]
    NotWaiting(&'static str),
    /// The CA was asked.
    #[error("the certificate is being issued: wait until it is there, then revoke it if it is not wanted")]
    BeingIssued,
    /// It is over.
    #[error("the order is {0}: make a new one")]
    Over(&'static str),
    /// It cannot be downloaded yet.
    #[error("the order is {0}: the certificate can be downloaded once it is ready")]
    NotReady(&'static str),
    /// Another request than the first one.
    #[error(
        "another request downloads this certificate: go on with the phone that began, or wait until it has ended"
    )]
    OtherRequest,
    /// It is another payment's.
    #[error("the order has no such payment")]
    NoPayment,
    /// Not what the order costs.
    #[error("the order costs {expected} yuan, not {given}")]
    WrongAmount {
        /// What it costs.
        expected: Fen,
        /// What was said.
        given: Fen,
    },
    /// Not what is to be given back.
    #[error("{due} yuan were paid under this reference, and have to be given back whole, not {given}")]
    WrongRefund {
        /// What is to be given back.
        due: Fen,
        /// What was said.
        given: Fen,
    },
    /// It is paid already by another payment.
    #[error("the order was paid before under another reference: the second payment has to be given back")]
    PaidBefore,
    /// Nothing to give back.
    #[error("no refund is due for this order: its payment is {0}")]
    NoRefundDue(&'static str),
    /// Not paid.
    #[error("an invoice is for what was paid: this order was not")]
    NotPaid,
    /// There is one.
    #[error("an invoice is {0} for this order already")]
    InvoiceThere(&'static str),
    /// None was asked for.
    #[error("no invoice was asked for")]
    NoInvoice,
    /// Nothing comes in the place of a revoked one.
    #[error("the certificate was revoked: order a new one in place of a renewal")]
    FormerRevoked,
    /// Another came in its place.
    #[error("another certificate has come in its place: renew that one, or order a new one")]
    FormerReplaced,
    /// Another is to come in its place.
    #[error("the order {0} is for the same certificate: go on with it, or cancel it first")]
    ReplacementOpen(OrderId),
    /// It ends too late for a renewal.
    #[error("the certificate can be renewed from {days} days before its end on: it ends {ends}")]
    TooEarly {
        /// How many days before its end.
        days: u32,
        /// Its end.
        ends: Timestamp,
    },
    /// It has ended.
    #[error("the certificate ended {ends}, which is more than {days} days ago: order a new one")]
    TooLate {
        /// How many days after its end.
        days: u32,
        /// Its end.
        ends: Timestamp,
    },
    /// A text does not fit.
    #[error("{0}")]
    Text(&'static str),
}

impl OrderRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NotAUser | Self::NotAMember | Self::NotYours | Self::NotTheApprover(_) => {
                RefusalKind::NotAllowed
            }
            Self::NoPayment => RefusalKind::NotFound,
            Self::LegalPersonWithoutCompany
            | Self::WrongAmount { .. }
            | Self::WrongRefund { .. }
            | Self::Text(_) => RefusalKind::Invalid,
            Self::NotWaiting(_)
            | Self::BeingIssued
            | Self::Over(_)
            | Self::NotReady(_)
            | Self::OtherRequest
            | Self::PaidBefore
            | Self::NoRefundDue(_)
            | Self::NotPaid
            | Self::InvoiceThere(_)
            | Self::FormerRevoked
            | Self::FormerReplaced
            | Self::ReplacementOpen(_)
            | Self::TooEarly { .. }
            | Self::TooLate { .. }
            | Self::NoInvoice => RefusalKind::Conflict,
        }
    }
}
