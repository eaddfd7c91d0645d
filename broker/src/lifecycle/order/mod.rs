//! Orders: what is offered, the download, the money, the invoice.

mod download;
mod invoice;
mod money;
mod offers;
mod place;
mod sweep;

pub(in crate::lifecycle) use download::begin_download;
pub(crate) use download::{download_code, issue, note_download};
pub(crate) use invoice::{invoice, invoice_file};
pub(crate) use money::refund;
pub(crate) use offers::offers;
pub(crate) use place::{NewOrder, place};
pub use sweep::expire_late;

use yinqiao_lifecycle::Step;
use yinqiao_lifecycle::order::{Order, OrderRefusal};
use yinqiao_protocol::{OrderId, Timestamp};

use crate::http::problem::{ApiError, Kind};
use crate::message::{self, Notice};
use crate::records::{Transaction, Versioned};
use crate::store::StoreError;

/// What is said of an order that is not there, or not the caller's.
pub(crate) fn no_such_order() -> ApiError {
    ApiError::new(Kind::NotFound, "there is no such order, or it is not yours to see")
}

/// Decides on an order, and puts what follows into the transaction, with a message to the applicant when it got further.
/// Gives the order before and after.
///
/// # Errors
/// What stands against it; when the store fails.
pub(crate) async fn change(
    transaction: &mut Transaction<'_>,
    id: OrderId,
    decide: impl FnOnce(&Order, Timestamp) -> Result<Step<Order>, OrderRefusal>,
) -> Result<(Versioned<Order>, Order), ApiError> {
    let found = transaction.get::<Order>(id.as_bytes()).await?.ok_or_else(no_such_order)?;
    let step = decide(&found.value, transaction.now())?;
    let next = take(transaction, &found, step).await?;
    Ok((found, next))
}

/// Puts a step into the transaction, with its message.
async fn take(
    transaction: &mut Transaction<'_>,
    found: &Versioned<Order>,
    step: Step<Order>,
) -> Result<Order, StoreError> {
    let (before, after) = (found.value.state_name(), step.next.state_name());
    // What a phone does itself needs no message.
    if step.changed && before != after && !matches!(after, "issuing" | "issued") {
        let to = message::to_user(transaction.repository(), found.value.applicant).await?;
        let notice =
            Notice::OrderMoved { state: in_chinese(after).to_owned(), reason: reason_of(&step.next) };
        message::write(transaction, to, notice)?;
    }
    transaction.take(Some(found), step)
}

/// Why an order was refused, where it was.
pub(crate) fn reason_of(order: &Order) -> Option<String> {
    use yinqiao_lifecycle::order::State;
    match &order.state {
        State::Rejected { reason, .. } | State::Failed { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

fn in_chinese(state: &str) -> &'static str {
    match state {
        "applied" => "待审核",
        "awaiting_payment" => "待缴费",
        "paid" => "已缴费，可下载",
        "ready" => "可下载",
        "issuing" => "签发中",
        "issued" => "已签发",
        "rejected" => "未通过审核",
        "cancelled" => "已取消",
        "expired" => "已过期",
        _ => "签发失败",
    }
}
