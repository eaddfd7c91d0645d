//! Agreeing to an order, or not, and taking it back.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use yinqiao_lifecycle::Step;
use yinqiao_lifecycle::order::{Order, OrderRefusal};
use yinqiao_protocol::enterprise::Rejection;
use yinqiao_protocol::order::OrderView;
use yinqiao_protocol::{OrderId, Timestamp};

use super::{is_visible, view};
use crate::broker::Broker;
use crate::http::lifecycle::caller::SignedIn;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::ForChange;
use crate::http::problem::ApiError;
use crate::lifecycle::order::{change, no_such_order};

/// Agrees to what somebody ordered for one's company.
#[utoipa::path(
    post,
    path = "/v1/orders/{order}/approve",
    operation_id = "approve_order",
    tag = "orders",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    responses((status = 200, description = "Agreed", body = OrderView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn approve(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    decided(&broker, &caller, *order, &post, &(), |order, now| order.approve(&caller.actor(), now)).await
}

/// Does not agree to what somebody ordered for one's company.
#[utoipa::path(
    post,
    path = "/v1/orders/{order}/reject",
    operation_id = "reject_order",
    tag = "orders",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    request_body = Rejection,
    responses((status = 200, description = "Rejected", body = OrderView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn reject(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
    post: Post,
    request: web::Json<Rejection>,
) -> Result<HttpResponse, ApiError> {
    let decide = |order: &Order, now| order.reject(&request.reason, &caller.actor(), now);
    decided(&broker, &caller, *order, &post, &*request, decide).await
}

/// Takes an order back, before its certificate is being issued. What was paid is given back.
#[utoipa::path(
    post,
    path = "/v1/orders/{order}/cancel",
    operation_id = "cancel_order",
    tag = "orders",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    responses((status = 200, description = "Cancelled", body = OrderView), ForChange),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn cancel(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    decided(&broker, &caller, *order, &post, &(), |order, now| order.cancel(&caller.actor(), now)).await
}

async fn decided(
    broker: &Broker,
    caller: &SignedIn,
    id: OrderId,
    post: &Post,
    body: &impl Serialize,
    decide: impl Fn(&Order, Timestamp) -> Result<Step<Order>, OrderRefusal>,
) -> Result<HttpResponse, ApiError> {
    post.run(&broker.repository, &caller.caller(), body, async |transaction| {
        let seen = transaction.get::<Order>(id.as_bytes()).await?;
        if !seen.is_some_and(|found| is_visible(&found.value, caller)) {
            return Err(no_such_order());
        }
        let (before, order) = change(transaction, id, &decide).await?;
        Ok(Answer::ok(view(broker, &order).await?).with_version_after(Some(&before)))
    })
    .await
}
