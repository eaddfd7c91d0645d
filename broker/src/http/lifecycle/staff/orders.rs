//! Orders and their money, for staff.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use yinqiao_lifecycle::money::Fen;
use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::order::{Order, OrderRefusal, PaymentWord};
use yinqiao_lifecycle::{AuditNote, Step};
use yinqiao_protocol::enterprise::Rejection;
use yinqiao_protocol::order::{OrderView, PaymentConfirmation};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::{OrderId, Timestamp};

use crate::broker::Broker;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::order::{listed, view};
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::precondition::versioned;
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::order::{change, no_such_order};
use crate::records::{Index, IndexPrefix};

/// All orders, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/orders",
    operation_id = "staff_orders",
    tag = "staff",
    params(PageQuery),
    responses((status = 200, description = "Orders", body = Page<OrderView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn list(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<OrderView>>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    listed(&broker, &IndexPrefix::new(Index::OrderByTime, &[]), &query).await
}

/// The orders in one state, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/order-states/{state}/orders",
    operation_id = "staff_orders_of_state",
    tag = "staff",
    params(("state" = String, Path, description = "As orders name their state"), PageQuery),
    responses((status = 200, description = "Orders", body = Page<OrderView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn of_state(
    broker: web::Data<Broker>,
    staff: Staff,
    state: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<OrderView>>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    listed(&broker, &IndexPrefix::new(Index::OrderByState, state.as_bytes()), &query).await
}

/// An order.
#[utoipa::path(
    get,
    path = "/v1/operator/orders/{order}",
    operation_id = "staff_order",
    tag = "staff",
    params(("order" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "The order", body = OrderView), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    staff: Staff,
    order: web::Path<OrderId>,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let found = broker.repository.get::<Order>(order.as_bytes()).await?.ok_or_else(no_such_order)?;
    let body = view(&broker, &found.value).await?;
    Ok(versioned(HttpResponse::Ok(), Some(found.version), &body))
}

/// Agrees to an order that waits for an operator.
#[utoipa::path(
    post,
    path = "/v1/operator/orders/{order}/approve",
    operation_id = "staff_approve_order",
    tag = "staff",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    responses((status = 200, description = "Agreed", body = OrderView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn approve(
    broker: web::Data<Broker>,
    staff: Staff,
    order: web::Path<OrderId>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    decided(&broker, &staff, *order, &post, &(), |order, now| order.approve(&staff.actor(), now)).await
}

/// Does not agree to an order that waits for an operator.
#[utoipa::path(
    post,
    path = "/v1/operator/orders/{order}/reject",
    operation_id = "staff_reject_order",
    tag = "staff",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    request_body = Rejection,
    responses((status = 200, description = "Rejected", body = OrderView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn reject(
    broker: web::Data<Broker>,
    staff: Staff,
    order: web::Path<OrderId>,
    post: Post,
    request: web::Json<Rejection>,
) -> Result<HttpResponse, ApiError> {
    let decide = |order: &Order, now| order.reject(&request.reason, &staff.actor(), now);
    decided(&broker, &staff, *order, &post, &*request, decide).await
}

/// Cancels an order before its certificate is being issued. What was paid is given back.
#[utoipa::path(
    post,
    path = "/v1/operator/orders/{order}/cancel",
    operation_id = "staff_cancel_order",
    tag = "staff",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    responses((status = 200, description = "Cancelled", body = OrderView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn cancel(
    broker: web::Data<Broker>,
    staff: Staff,
    order: web::Path<OrderId>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    decided(&broker, &staff, *order, &post, &(), |order, now| order.cancel(&staff.actor(), now)).await
}

/// Gives up an order that the CA does not issue. What was paid is given back.
#[utoipa::path(
    post,
    path = "/v1/operator/orders/{order}/fail",
    operation_id = "staff_fail_order",
    tag = "staff",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    request_body = Rejection,
    responses((status = 200, description = "Given up", body = OrderView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn fail(
    broker: web::Data<Broker>,
    staff: Staff,
    order: web::Path<OrderId>,
    post: Post,
    request: web::Json<Rejection>,
) -> Result<HttpResponse, ApiError> {
    let decide = |order: &Order, now| order.fail(&request.reason, &staff.actor(), now);
    decided(&broker, &staff, *order, &post, &*request, decide).await
}

/// Confirms that money has come for an order.
#[utoipa::path(
    post,
    path = "/v1/operator/orders/{order}/confirm-payment",
    operation_id = "confirm_payment",
    tag = "staff",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    request_body = PaymentConfirmation,
    responses((status = 200, description = "Taken note of", body = OrderView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn confirm_payment(
    broker: web::Data<Broker>,
    staff: Staff,
    order: web::Path<OrderId>,
    post: Post,
    request: web::Json<PaymentConfirmation>,
) -> Result<HttpResponse, ApiError> {
    let word = PaymentWord::Paid { reference: request.reference.clone(), amount: Fen(request.amount_fen) };
    hear(&broker, &staff, *order, &post, &request, &word).await
}

/// Confirms that money was given back.
#[utoipa::path(
    post,
    path = "/v1/operator/orders/{order}/confirm-refund",
    operation_id = "confirm_refund",
    tag = "staff",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    request_body = PaymentConfirmation,
    responses((status = 200, description = "Taken note of", body = OrderView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn confirm_refund(
    broker: web::Data<Broker>,
    staff: Staff,
    order: web::Path<OrderId>,
    post: Post,
    request: web::Json<PaymentConfirmation>,
) -> Result<HttpResponse, ApiError> {
    let word =
        PaymentWord::Refunded { reference: request.reference.clone(), amount: Fen(request.amount_fen) };
    hear(&broker, &staff, *order, &post, &request, &word).await
}

/// What was said of money is noted even when it is refused.
async fn hear(
    broker: &Broker,
    staff: &Staff,
    id: OrderId,
    post: &Post,
    body: &PaymentConfirmation,
    word: &PaymentWord,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::DecideBusiness)?;
    post.run(&broker.repository, &staff.caller(), body, async |transaction| {
        let (by, now) = (staff.actor(), transaction.now());
        let heard = change(transaction, id, |order, now| order.hear_of_payment(word, &by, now)).await;
        if heard.as_ref().is_err_and(|refused| refused.kind() != Kind::NotFound) {
            let note = AuditNote::new("payment.refuse", format!("order/{id}"), &by, now);
            transaction.note_refusal(note.with("word", format!("{word:?}")));
        }
        let (before, order) = heard?;
        Ok(Answer::ok(view(broker, &order).await?).with_version_after(Some(&before)))
    })
    .await
}

async fn decided(
    broker: &Broker,
    staff: &Staff,
    id: OrderId,
    post: &Post,
    body: &impl Serialize,
    decide: impl Fn(&Order, Timestamp) -> Result<Step<Order>, OrderRefusal>,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::DecideBusiness)?;
    post.run(&broker.repository, &staff.caller(), body, async |transaction| {
        let (before, order) = change(transaction, id, &decide).await?;
        Ok(Answer::ok(view(broker, &order).await?).with_version_after(Some(&before)))
    })
    .await
}
