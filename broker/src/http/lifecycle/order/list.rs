//! Orders, listed and looked at.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::order::Order;
use yinqiao_protocol::OrderId;
use yinqiao_protocol::order::OrderView;
use yinqiao_protocol::page::Page;

use super::{view, visible};
use crate::broker::Broker;
use crate::http::lifecycle::caller::SignedIn;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::precondition::versioned;
use crate::http::lifecycle::problems::ForCaller;
use crate::http::problem::ApiError;
use crate::records::IndexPrefix;
use crate::records::companies::{orders_for, orders_of};

/// One's orders, the newest first.
#[utoipa::path(
    get,
    path = "/v1/orders",
    operation_id = "orders",
    tag = "orders",
    params(PageQuery),
    responses((status = 200, description = "Orders", body = Page<OrderView>), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn own(
    broker: web::Data<Broker>,
    caller: SignedIn,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<OrderView>>, ApiError> {
    listed(&broker, &orders_of(caller.id()), &query).await
}

/// A company's orders, the newest first.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/orders",
    operation_id = "enterprise_orders",
    tag = "orders",
    params(("code" = String, Path, description = "统一社会信用代码"), PageQuery),
    responses((status = 200, description = "Orders", body = Page<OrderView>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn of_enterprise(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<OrderView>>, ApiError> {
    caller.must_lead(&code)?;
    listed(&broker, &orders_for(&code), &query).await
}

/// Orders of an index, a page of them.
///
/// # Errors
/// When the query or the store fails.
pub async fn listed(
    broker: &Broker,
    prefix: &IndexPrefix,
    query: &PageQuery,
) -> Result<web::Json<Page<OrderView>>, ApiError> {
    query.read(&broker.repository, prefix, async |order: Order| Ok(view(broker, &order).await?)).await
}

/// An order: one's own, or of the company that one leads.
#[utoipa::path(
    get,
    path = "/v1/orders/{order}",
    operation_id = "order",
    tag = "orders",
    params(("order" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "The order", body = OrderView), ForCaller),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: SignedIn,
    order: web::Path<OrderId>,
) -> Result<HttpResponse, ApiError> {
    let found = visible(&broker, &caller, *order).await?;
    let body = view(&broker, &found.value).await?;
    Ok(versioned(HttpResponse::Ok(), Some(found.version), &body))
}
