//! What has to be given back, for staff.

use actix_web::web;

use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::order::Order;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::staff::RefundView;

use crate::broker::Broker;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::order::view;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::problems::ForCaller;
use crate::http::problem::ApiError;
use crate::records::companies::orders_with_refunds_due;

/// The orders for which something has to be given back, those that wait the longest first: their own payments where they ended
/// without a certificate, and payments that came twice or late. Where no provider gives money back when it is asked to, somebody
/// does by hand, and confirms it.
#[utoipa::path(
    get,
    path = "/v1/operator/refunds",
    operation_id = "staff_refunds",
    tag = "staff",
    params(PageQuery),
    responses((status = 200, description = "What has to be given back", body = Page<RefundView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn refunds(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<RefundView>>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let show = async |order: Order| {
        let payment = order.payment.as_ref();
        let references: Vec<_> = payment
            .map(|payment| payment.refunds_due().into_iter().map(str::to_owned).collect())
            .unwrap_or_default();
        let amount_fen = payment.map_or(0, |payment| payment.amount.0);
        let count = u64::try_from(references.len()).unwrap_or(u64::MAX);
        Ok(RefundView {
            total_fen: amount_fen.saturating_mul(count),
            amount_fen,
            references,
            due_since: payment.and_then(|payment| payment.refund_due_since).unwrap_or(order.applied_at),
            order: view(&broker, &order).await?,
        })
    };
    query.read(&broker.repository, &orders_with_refunds_due(), show).await
}
