//! The same rules in other words, over plain letters and numbers: as somebody with pencil and paper would keep an order.

use std::collections::BTreeSet;

use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::super::{InvoiceState, Order, PaymentState, State};
use super::event::{Answer, Ask, Event, Orderer, Start, Who};
use super::start_time;
use crate::refusal::RefusalKind;

const DAY: i64 = 86_400_000;

/// The sheet of paper.
#[derive(Clone, Debug)]
pub(super) struct Model {
    start: Start,
    /// `a` applied, `p` to be paid, `r` ready, `i` issuing, `d` done, `j` rejected, `c` cancelled, `e` expired, `f` failed.
    place: char,
    until: i64,
    /// All money that ever came, by its number.
    money: BTreeSet<u8>,
    /// What of it is kept for the certificate.
    kept: Option<u8>,
    /// What of it went back.
    back: BTreeSet<u8>,
    reason: u8,
    request: u8,
    certificate: u8,
    /// `-` none, `q` asked for, `d` made, `f` failed; with its title or number.
    invoice: (char, u8),
}

/// What can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    place: char,
    /// When it expires, in milliseconds since 1970.
    until: Option<i64>,
    request: Option<u8>,
    certificate: Option<u8>,
    kept: Option<String>,
    owed: BTreeSet<String>,
    back: BTreeSet<String>,
    invoice: char,
}

impl Model {
    pub(super) fn new(start: Start) -> Self {
        let mut model = Self {
            start,
            place: 'a',
            until: start_time().millis() + 30 * DAY,
            money: BTreeSet::new(),
            kept: None,
            back: BTreeSet::new(),
            reason: 0,
            request: 0,
            certificate: 0,
            invoice: ('-', 0),
        };
        if start.by != Orderer::Staff && !start.strict {
            model.agree(start_time().millis());
        }
        model
    }

    /// Takes down what comes, and says what has to be answered.
    pub(super) fn take(&mut self, (who, ask): Event, now: Timestamp) -> Answer {
        use Answer::{Changed, Refused, Same};
        if !self.may(who, ask) {
            return Refused(RefusalKind::NotAllowed);
        }
        let now = now.millis();
        match (ask, self.place) {
            (Ask::Approve, 'a') => self.agree(now),
            (Ask::Approve, 'p' | 'r' | 'i') => return Same,
            (Ask::Reject { reason }, 'a') => {
                self.reason = reason;
                self.end('j');
            }
            (Ask::Reject { reason }, 'j') if reason == self.reason => return Same,
            (Ask::Cancel, 'a' | 'p' | 'r') => self.end('c'),
            (Ask::Cancel, 'c') | (Ask::Fail, 'f') | (Ask::BeginAgain, 'r') => return Same,
            (Ask::Paid { .. } | Ask::Refunded { .. }, _) if self.start.amount == 0 => {
                return Refused(RefusalKind::NotFound);
            }
            (Ask::Paid { right: false, .. }, _) => return Refused(RefusalKind::Invalid),
            (Ask::Paid { reference, right: true }, place) => {
                if !self.money.insert(reference) {
                    return Same;
                }
                if self.kept.is_none() && (place == 'a' || place == 'p') {
                    self.kept = Some(reference);
                }
                if place == 'p' {
                    self.ready(now);
                }
            }
            (Ask::Refunded { reference, right: false }, _)
                if self.back.contains(&reference) || self.owed().contains(&reference) =>
            {
                return Refused(RefusalKind::Invalid);
            }
            (Ask::Refunded { reference, right: true }, _) if self.back.contains(&reference) => return Same,
            (Ask::Refunded { reference, right: true }, _) if self.owed().contains(&reference) => {
                self.back.insert(reference);
            }
            (Ask::Begin { request }, 'r') if now < self.until => (self.place, self.request) = ('i', request),
            (Ask::Begin { request }, 'i') if request == self.request => return Same,
            (Ask::Begin { .. }, 'd') => return Same,
            (Ask::Issued { certificate }, 'i') => (self.place, self.certificate) = ('d', certificate),
            (Ask::Issued { certificate }, 'd') if certificate == self.certificate => return Same,
            (Ask::Fail, 'i') => self.end('f'),
            (Ask::BeginAgain, 'i') => self.ready(now),
            (Ask::Pass { .. }, 'a' | 'p' | 'r') if self.until <= now => self.end('e'),
            (Ask::Pass { .. }, _) => return Same,
            (Ask::RequestInvoice { .. } | Ask::InvoiceIssued { .. } | Ask::InvoiceFailed, _) => {
                return self.take_invoice(ask);
            }
            _ => return Refused(RefusalKind::Conflict),
        }
        Changed
    }

    fn take_invoice(&mut self, ask: Ask) -> Answer {
        match (ask, self.invoice) {
            (Ask::RequestInvoice { .. }, _) if self.kept.is_none() => {
                return Answer::Refused(RefusalKind::Conflict);
            }
            (Ask::RequestInvoice { title }, ('-' | 'f', _)) => self.invoice = ('q', title),
            (Ask::RequestInvoice { title }, ('q', before)) if title == before => return Answer::Same,
            // One that was made is there, however late one hears of it.
            (Ask::InvoiceIssued { number }, ('q' | 'f', _)) => self.invoice = ('d', number),
            (Ask::InvoiceIssued { number }, ('d', before)) if number == before => return Answer::Same,
            (Ask::InvoiceFailed, ('q', _)) => self.invoice = ('f', 0),
            (Ask::InvoiceFailed, ('f' | 'd', _)) => return Answer::Same,
            _ => return Answer::Refused(RefusalKind::Conflict),
        }
        Answer::Changed
    }

    fn may(&self, who: Who, ask: Ask) -> bool {
        let of_company = self.start.by != Orderer::PersonAlone;
        let orders =
            who == Who::Orderer || (self.start.by == Orderer::LegalPerson && who == Who::LegalPerson);
        let leads = of_company
            && (who == Who::LegalPerson || (self.start.by == Orderer::LegalPerson && who == Who::Orderer));
        match ask {
            Ask::Approve | Ask::Reject { .. } => match self.start.by {
                Orderer::Staff => leads,
                _ => self.start.strict && who == Who::Operator,
            },
            Ask::Cancel => orders || leads || who == Who::Operator || who == Who::System,
            Ask::Paid { .. } | Ask::Refunded { .. } => who == Who::Provider || who == Who::Operator,
            Ask::Begin { .. } | Ask::RequestInvoice { .. } => orders,
            Ask::Fail => who == Who::System || who == Who::Operator,
            // These come from the broker itself, and say nobody's name.
            Ask::Issued { .. }
            | Ask::BeginAgain
            | Ask::InvoiceIssued { .. }
            | Ask::InvoiceFailed
            | Ask::Pass { .. } => true,
        }
    }

    fn agree(&mut self, now: i64) {
        if self.start.amount > 0 && self.kept.is_none() {
            (self.place, self.until) = ('p', now + 7 * DAY);
        } else {
            self.ready(now);
        }
    }

    fn ready(&mut self, now: i64) {
        (self.place, self.until) = ('r', now + 30 * DAY);
    }

    /// Over without a certificate: no money is kept, and none of it gets an invoice any more.
    fn end(&mut self, place: char) {
        (self.place, self.kept) = (place, None);
        if self.invoice.0 == 'q' {
            self.invoice = ('f', 0);
        }
    }

    /// All money that came, is not kept for the certificate, and has not gone back.
    fn owed(&self) -> BTreeSet<u8> {
        self.money.iter().copied().filter(|one| self.kept != Some(*one) && !self.back.contains(one)).collect()
    }

    pub(super) fn seen(&self) -> Seen {
        let named = |reference: u8| format!("r{reference}");
        Seen {
            place: self.place,
            until: "apr".contains(self.place).then_some(self.until),
            request: (self.place == 'i').then_some(self.request),
            certificate: (self.place == 'd').then_some(self.certificate),
            kept: self.kept.map(named),
            owed: self.owed().into_iter().map(named).collect(),
            back: self.back.iter().copied().map(named).collect(),
            invoice: self.invoice.0,
        }
    }
}

impl Seen {
    pub(super) fn of(order: &Order) -> Self {
        let number = |sm3: &Sm3Hex| (1..3u8).find(|one| Sm3Hex::of(&[*one]) == *sm3);
        let (place, request, certificate) = match &order.state {
            State::Applied { .. } => ('a', None, None),
            State::AwaitingPayment { .. } => ('p', None, None),
            State::Ready { .. } => ('r', None, None),
            State::Issuing { request_sm3, .. } => ('i', number(request_sm3), None),
            State::Issued { certificate, .. } => ('d', None, number(certificate)),
            State::Rejected { .. } => ('j', None, None),
            State::Cancelled { .. } => ('c', None, None),
            State::Expired { .. } => ('e', None, None),
            State::Failed { .. } => ('f', None, None),
        };
        let payment = order.payment.as_ref();
        let kept = match payment.map(|payment| &payment.state) {
            Some(PaymentState::Paid(paid)) => Some(paid.reference.clone()),
            _ => None,
        };
        let owed = payment.map(|payment| payment.refunds_due().into_iter().map(str::to_owned).collect());
        let mut back = payment.map(|payment| payment.surplus_refunded.clone()).unwrap_or_default();
        if let Some(PaymentState::Refunded { paid, .. }) = payment.map(|payment| &payment.state) {
            back.insert(paid.reference.clone());
        }
        let until = order.deadline().map(Timestamp::millis);
        let invoice = match order.invoice.as_ref().map(|invoice| &invoice.state) {
            None => '-',
            Some(InvoiceState::Requested) => 'q',
            Some(InvoiceState::Issued { .. }) => 'd',
            Some(InvoiceState::Failed { .. }) => 'f',
        };
        Self { place, until, request, certificate, kept, owed: owed.unwrap_or_default(), back, invoice }
    }

    /// Money that has to go back.
    pub(super) fn owed(&self) -> &BTreeSet<String> {
        &self.owed
    }
}
