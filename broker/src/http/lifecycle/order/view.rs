//! An order as it is shown.

use yinqiao_lifecycle::order::{Approver, InvoiceState, Order, State};
use yinqiao_lifecycle::user::User;
use yinqiao_protocol::holder::masked_name;
use yinqiao_protocol::order::{InvoiceView, OrderView, PaymentView};

use crate::broker::Broker;
use crate::lifecycle::order::reason_of;
use crate::store::StoreError;

/// The view.
///
/// # Errors
/// When the store fails.
pub async fn view(broker: &Broker, order: &Order) -> Result<OrderView, StoreError> {
    let applicant = broker.repository.get::<User>(order.applicant.as_bytes()).await?;
    let name = applicant.and_then(|user| user.value.name).unwrap_or_default();
    Ok(OrderView {
        order: order.id,
        state: order.state_name().to_owned(),
        reason: reason_of(order),
        expires_at: order.deadline(),
        applicant: order.applicant,
        applicant_name: masked_name(&name),
        enterprise: order.enterprise.as_ref().map(ToString::to_string),
        platform: order.wish.platform.clone(),
        certificate_authority: order.wish.certificate_authority.clone(),
        product: order.wish.product.clone(),
        days: order.wish.days,
        in_place_of: order.wish.reason.in_place_of().copied(),
        approver: match order.approver {
            Approver::Nobody => "nobody",
            Approver::LegalPerson => "legal_person",
            Approver::Operator => "operator",
        }
        .to_owned(),
        amount_fen: order.quote.amount.0,
        free_by: order.quote.free_by.clone(),
        applied_at: order.applied_at,
        approved_at: order.approved_at,
        payment: order.payment.as_ref().map(|payment| PaymentView {
            payment: payment.id,
            text: broker.payments.text(payment.id, payment.amount),
            state: payment.state_name().to_owned(),
            refunds_due: payment.refunds_due().into_iter().map(str::to_owned).collect(),
        }),
        invoice: order.invoice.as_ref().map(|invoice| invoice_view(&invoice.state)),
        certificate: match &order.state {
            State::Issued { certificate, .. } => Some(*certificate),
            _ => None,
        },
    })
}

fn invoice_view(state: &InvoiceState) -> InvoiceView {
    let (state, number, reason) = match state {
        InvoiceState::Requested => ("requested", None, None),
        InvoiceState::Issued { number, .. } => ("issued", Some(number.clone()), None),
        InvoiceState::Failed { reason, .. } => ("failed", None, Some(reason.clone())),
    };
    InvoiceView { state: state.to_owned(), number, reason }
}
