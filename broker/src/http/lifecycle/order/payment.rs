//! Paying: the picture that is scanned, and the provider's word.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use yinqiao_lifecycle::order::{Order, OrderRefusal};
use yinqiao_lifecycle::{Actor, AuditNote};
use yinqiao_protocol::OrderId;

use super::visible;
use crate::broker::Broker;
use crate::gateway::SIGNATURE_HEADER;
use crate::http::body_error;
use crate::http::lifecycle::caller::SignedIn;
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::order::change;
use crate::payment::{CallbackError, PaymentNotice};
use crate::records::{Index, IndexPrefix};
use crate::session::picture;

/// Bytes of a word at most.
const MOST_BYTES: usize = 16 << 10;

/// The picture that is scanned to pay, SVG.
#[utoipa::path(
    get,
    path = "/v1/orders/{order}/payment.svg",
    operation_id = "payment_svg",
    tag = "orders",
    params(("order" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "The picture", content_type = "image/svg+xml", body = String), ForCaller),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn svg(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
) -> Result<HttpResponse, ApiError> {
    let text = text(&broker, &caller, *order).await?;
    let svg = picture::svg(&text).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    Ok(uncached("image/svg+xml").body(svg))
}

/// The picture that is scanned to pay, PNG.
#[utoipa::path(
    get,
    path = "/v1/orders/{order}/payment.png",
    operation_id = "payment_png",
    tag = "orders",
    params(("order" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "The picture", content_type = "image/png", body = Vec<u8>), ForCaller),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn png(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
) -> Result<HttpResponse, ApiError> {
    let text = text(&broker, &caller, *order).await?;
    let png = picture::png(&text).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    Ok(uncached("image/png").body(png))
}

fn uncached(content_type: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(content_type).insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response
}

async fn text(broker: &Broker, caller: &SignedIn, id: OrderId) -> Result<String, ApiError> {
    let order = visible(broker, caller, id).await?.value;
    let none = || ApiError::new(Kind::NotFound, "there is nothing to pay for this order");
    let payment = order.payment.as_ref().ok_or_else(none)?;
    Ok(broker.payments.text(payment.id, payment.amount))
}

/// The payment provider says that money has come, or was given back. Saying it again changes nothing: it is known by its
/// reference.
#[utoipa::path(
    post,
    path = "/v1/payments/callback",
    operation_id = "payment_callback",
    tag = "payments",
    params((
        "Yinqiao-Signature" = String,
        Header,
        description = "t=SECONDS,hmac-sm3=HEX or t=SECONDS,sm2=HEX",
        pattern = "^t=[0-9]{1,18},(hmac-sm3|sm2)=([0-9a-f]{2})+$",
    )),
    request_body = PaymentNotice,
    responses((status = 200, description = "Taken note of"), ForChange),
)]
pub async fn callback(
    broker: web::Data<Broker>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    let body = body.map_err(|error| body_error(&error, format_args!("{MOST_BYTES} bytes")))?;
    let header = request.headers().get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let now = broker.repository.clock().now();
    let (payment, word) = broker.payments.read(header, &body, now).map_err(|error| {
        let kind = match error {
            CallbackError::NoProvider => Kind::NotAllowed,
            CallbackError::Header | CallbackError::Body(_) => Kind::MalformedRequest,
            CallbackError::NoKey | CallbackError::Time | CallbackError::Signature => Kind::Unauthorized,
        };
        ApiError::new(kind, error.to_string())
    })?;
    broker
        .repository
        .transact(async |transaction| {
            let prefix = IndexPrefix::new(Index::OrderByPayment, payment.as_bytes());
            let page = transaction.repository().page::<Order>(&prefix, None, 1).await?;
            let found = page.items.into_iter().next().ok_or(OrderRefusal::NoPayment)?;
            let order = found.value.id;
            let note =
                AuditNote::new("payment.refuse", format!("order/{order}"), &Actor::PaymentProvider, now)
                    .with("word", format!("{word:?}"));
            transaction.note_refusal(note);
            let decide = |order: &Order, now| order.hear_of_payment(&word, &Actor::PaymentProvider, now);
            change(transaction, order, decide).await.map(drop)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "taken": true })))
}
