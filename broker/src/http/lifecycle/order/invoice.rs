//! 电子发票

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue};
use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::order::{InvoiceRequest, Order};
use yinqiao_protocol::OrderId;
use yinqiao_protocol::order::{NewInvoice, OrderView};

use super::{is_visible, view, visible};
use crate::broker::Broker;
use crate::http::lifecycle::caller::SignedIn;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::ApiError;
use crate::lifecycle::order::{change, invoice_file, no_such_order};

/// Asks for an invoice for what was paid. It is made by the issuer, and sent to the mail address.
#[utoipa::path(
    post,
    path = "/v1/orders/{order}/invoice",
    operation_id = "request_invoice",
    tag = "orders",
    params(
        ("order" = OrderId, Path, description = "The order"),
        Post,
    ),
    request_body = NewInvoice,
    responses((status = 202, description = "It is being made", body = OrderView), ForChange),
    security(("device_session" = ["user"])),
)]
pub async fn request(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
    post: Post,
    request: web::Json<NewInvoice>,
) -> Result<HttpResponse, ApiError> {
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let seen = transaction.get::<Order>(order.as_bytes()).await?;
        if !seen.is_some_and(|found| is_visible(&found.value, &caller)) {
            return Err(no_such_order());
        }
        let NewInvoice { title, tax_number, mail } = request.clone();
        let wanted = InvoiceRequest { title, tax_number, mail };
        let decide = |order: &Order, now| order.request_invoice(wanted, &caller.actor(), now);
        let (_, order) = change(transaction, *order, decide).await?;
        Ok(Answer::accepted(view(&broker, &order).await?))
    })
    .await
}

/// The invoice's file.
#[utoipa::path(
    get,
    path = "/v1/orders/{order}/invoice",
    operation_id = "invoice",
    tag = "orders",
    params(("order" = OrderId, Path, description = "The order")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
        ForCaller,
    ),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn file(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
) -> Result<HttpResponse, ApiError> {
    let found = visible(&broker, &caller, *order).await?;
    let file = invoice_file(&broker, &found.value).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"invoice\"")))
        .body(file))
}
