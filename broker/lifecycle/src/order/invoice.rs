//! 电子发票, the electronic invoice for what was paid.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::{Order, OrderRefusal, Payment, PaymentState};
use crate::actor::Actor;
use crate::identity::CreditCode;
use crate::job::{Job, JobKind};
use crate::step::Step;

/// Characters of a title at most.
const LONGEST_TITLE: usize = 100;
/// Octets of a mail address at most (RFC 5321 section 4.5.3.1).
const LONGEST_MAIL: usize = 254;
/// The note's detail that names an invoice for money that is given back: 红字发票, the issuer has to reverse it.
pub(super) const TO_REVERSE: &str = "invoice-to-reverse";

/// What the invoice is to say, and where it is to go.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InvoiceRequest {
    /// 发票抬头
    pub title: String,
    /// 纳税人识别号: 15 to 20 characters, of which one with 18 is a unified social credit code. None for the invoice of a
    /// person who orders without a company: it would be the ID number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
    /// Where it is sent to.
    pub mail: String,
}

/// An invoice that was asked for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Invoice {
    /// What was asked for.
    pub request: InvoiceRequest,
    /// When.
    pub requested_at: Timestamp,
    /// How far it is.
    pub state: InvoiceState,
}

/// How far an invoice is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "invoice", rename_all = "snake_case")]
pub enum InvoiceState {
    /// It is being made.
    Requested,
    /// It is there.
    Issued {
        /// 发票号码
        number: String,
        /// SM3 of its file.
        file_sm3: Sm3Hex,
        /// Since when.
        at: Timestamp,
    },
    /// It was refused: it may be asked for again.
    Failed {
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

impl Order {
    /// Asks for an invoice.
    ///
    /// # Errors
    /// When nothing was paid, there is one, or the request does not fit.
    pub fn request_invoice(
        &self,
        request: InvoiceRequest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, OrderRefusal> {
        if !by.is_user(self.applicant) {
            return Err(OrderRefusal::NotYours);
        }
        request.check(self.enterprise.is_some())?;
        if !self.is_paid() {
            return Err(OrderRefusal::NotPaid);
        }
        match self.invoice.as_ref().map(|invoice| (&invoice.state, &invoice.request)) {
            Some((InvoiceState::Requested, before)) if *before == request => {
                return Ok(Step::unchanged(self.clone()));
            }
            Some((InvoiceState::Requested, _)) => return Err(OrderRefusal::InvoiceThere("being made")),
            Some((InvoiceState::Issued { .. }, _)) => return Err(OrderRefusal::InvoiceThere("issued")),
            Some((InvoiceState::Failed { .. }, _)) | None => {}
        }
        let invoice = Some(Invoice { request, requested_at: now, state: InvoiceState::Requested });
        let note = self.note("request-invoice", by, now);
        let step = Step::change(Self { invoice, ..self.clone() }, note);
        Ok(step.with_job(Job::new(JobKind::Invoice(self.id), now)))
    }

    /// The invoice was made. It is there however late one hears of it: also after it counted as failed, or after the order
    /// ended, when the note says that it has to be reversed.
    ///
    /// # Errors
    /// When none was asked for, or there is another one.
    pub fn invoice_issued(
        &self,
        number: &str,
        file_sm3: Sm3Hex,
        now: Timestamp,
    ) -> Result<Step<Self>, OrderRefusal> {
        let invoice = self.invoice.as_ref().ok_or(OrderRefusal::NoInvoice)?;
        match &invoice.state {
            InvoiceState::Issued { number: before, .. } if before == number => {
                return Ok(Step::unchanged(self.clone()));
            }
            InvoiceState::Issued { .. } => return Err(OrderRefusal::InvoiceThere("issued")),
            InvoiceState::Requested | InvoiceState::Failed { .. } => {}
        }
        let note = self.note("invoice-issued", &Actor::System, now).with("number", number);
        let note = if self.is_paid() { note } else { note.with(TO_REVERSE, number) };
        let state = InvoiceState::Issued { number: number.to_owned(), file_sm3, at: now };
        let invoice = Some(Invoice { state, ..invoice.clone() });
        Ok(Step::change(Self { invoice, ..self.clone() }, note))
    }

    /// The invoice was refused.
    ///
    /// # Errors
    /// When none was asked for.
    pub fn invoice_failed(&self, reason: &str, now: Timestamp) -> Result<Step<Self>, OrderRefusal> {
        let invoice = self.invoice.as_ref().ok_or(OrderRefusal::NoInvoice)?;
        if invoice.state != InvoiceState::Requested {
            return Ok(Step::unchanged(self.clone()));
        }
        let state = InvoiceState::Failed { reason: reason.to_owned(), at: now };
        let invoice = Some(Invoice { state, ..invoice.clone() });
        Ok(Step::change(Self { invoice, ..self.clone() }, self.note("invoice-failed", &Actor::System, now)))
    }

    fn is_paid(&self) -> bool {
        let is_kept = |payment: &Payment| matches!(payment.state, PaymentState::Paid(_));
        self.payment.as_ref().is_some_and(is_kept)
    }
}

impl Invoice {
    /// The money is given back: one that is being made is not wanted any more. Gives the number of one that is there.
    pub(super) fn close(&mut self, now: Timestamp) -> Option<&str> {
        if self.state == InvoiceState::Requested {
            let reason = "the order ended without a certificate: what was paid is given back".to_owned();
            self.state = InvoiceState::Failed { reason, at: now };
        }
        if let InvoiceState::Issued { number, .. } = &self.state { Some(number) } else { None }
    }
}

impl InvoiceRequest {
    fn check(&self, for_company: bool) -> Result<(), OrderRefusal> {
        let title = (1..=LONGEST_TITLE).contains(&self.title.chars().count());
        if !title || self.title.chars().any(char::is_control) {
            return Err(OrderRefusal::Text("title has 1 to 100 characters and no control characters"));
        }
        if let Some(number) = &self.tax_number {
            if !for_company {
                return Err(OrderRefusal::Text(
                    "tax_number is for companies: leave it out of the invoice for a person's own order",
                ));
            }
            let fits = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
            if !(15..=20).contains(&number.len()) || !number.bytes().all(fits) {
                return Err(OrderRefusal::Text(
                    "tax_number has 15 to 20 digits and capital letters; a company's is its unified social credit code",
                ));
            }
            if number.len() == 18 && number.parse::<CreditCode>().is_err() {
                return Err(OrderRefusal::Text(
                    "tax_number with 18 characters is a unified social credit code, and its check character is wrong: \
                     compare it with the business licence",
                ));
            }
        }
        let (name, host) = self.mail.split_once('@').unwrap_or_default();
        let allowed =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b',' | b';' | b'"' | b'\\');
        let fits = self.mail.len() <= LONGEST_MAIL && self.mail.bytes().all(allowed);
        if !fits
            || name.is_empty()
            || !host.contains('.')
            || host.starts_with('.')
            || host.ends_with('.')
            || host.contains('@')
        {
            return Err(OrderRefusal::Text("mail is a mail address like name@example.cn"));
        }
        Ok(())
    }
}
