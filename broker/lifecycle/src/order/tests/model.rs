//! The same rules in other words, over plain numbers: what is paid, what is owed back, and a letter for how far it is.

use std::collections::BTreeSet;

use yinqiao_protocol::Timestamp;

use super::super::{Order, PaymentState, State};
use super::{Ask, start};

const DAY: i64 = 86_400_000;

/// An order as somebody with pencil and paper would keep it.
#[derive(Debug)]
pub(super) struct Model {
    costs: bool,
    /// `a` applied, `p` to be paid, `r` ready, `i` issuing, `d` done, `x` over without a certificate.
    place: char,
    until: i64,
    money: BTreeSet<u8>,
    kept: Option<u8>,
    back: BTreeSet<u8>,
    request: u8,
    certificate: u8,
}

/// What can be compared.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    place: char,
    kept: Option<String>,
    owed: BTreeSet<String>,
}

impl Model {
    pub(super) fn new(costs: bool) -> Self {
        Self {
            costs,
            place: 'a',
            until: start().millis() + 30 * DAY,
            money: BTreeSet::new(),
            kept: None,
            back: BTreeSet::new(),
            request: 0,
            certificate: 0,
        }
    }

    fn ready(&mut self, now: i64) {
        (self.place, self.until) = ('r', now + 30 * DAY);
    }

    fn end(&mut self) {
        (self.place, self.kept) = ('x', None);
    }

    pub(super) fn take(&mut self, ask: &Ask, now: Timestamp) {
        let now = now.millis();
        match (ask, self.place) {
            (Ask::Approve, 'a') if self.costs && self.kept.is_none() => {
                (self.place, self.until) = ('p', now + 7 * DAY);
            }
            (Ask::Approve, 'a') => self.ready(now),
            (Ask::Reject, 'a') => self.end(),
            (Ask::CancelByApplicant | Ask::CancelByCompany, 'a' | 'p' | 'r') => self.end(),
            (Ask::Paid { reference, right: true }, _) if self.costs && self.money.insert(*reference) => {
                let wanted = self.kept.is_none() && matches!(self.place, 'a' | 'p');
                if wanted {
                    self.kept = Some(*reference);
                    if self.place == 'p' {
                        self.ready(now);
                    }
                }
            }
            (Ask::Refunded { reference }, _) if self.owed().contains(reference) => {
                self.back.insert(*reference);
            }
            (Ask::Begin { request }, 'r') if now < self.until => (self.place, self.request) = ('i', *request),
            (Ask::Issued { certificate }, 'i') => (self.place, self.certificate) = ('d', *certificate),
            (Ask::Fail, 'i') => self.end(),
            (Ask::BeginAgain, 'i') => self.ready(now),
            (Ask::Pass { .. }, 'a' | 'p' | 'r') if self.until <= now => self.end(),
            _ => {}
        }
    }

    /// All money that came and is not kept for the certificate, and has not gone back.
    fn owed(&self) -> BTreeSet<u8> {
        self.money.iter().copied().filter(|one| self.kept != Some(*one) && !self.back.contains(one)).collect()
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            place: self.place,
            kept: self.kept.map(|reference| format!("r{reference}")),
            owed: self.owed().into_iter().map(|reference| format!("r{reference}")).collect(),
        }
    }

    pub(super) fn view(order: &Order) -> Seen {
        let place = match order.state {
            State::Applied { .. } => 'a',
            State::AwaitingPayment { .. } => 'p',
            State::Ready { .. } => 'r',
            State::Issuing { .. } => 'i',
            State::Issued { .. } => 'd',
            _ => 'x',
        };
        let payment = order.payment.as_ref();
        let kept = match payment.map(|payment| &payment.state) {
            Some(PaymentState::Paid(paid)) => Some(paid.reference.clone()),
            _ => None,
        };
        let owed = payment.map(|payment| payment.refunds_due().into_iter().map(str::to_owned).collect());
        Seen { place, kept, owed: owed.unwrap_or_default() }
    }
}
