//! What is offered, a new order, and its download.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::order::{Reason, Wish};
use yinqiao_protocol::order::{DownloadCode, OfferView, OrderRequest, OrderView, TermView};
use yinqiao_protocol::{OrderId, PaymentId};

use super::view;
use crate::broker::Broker;
use crate::http::lifecycle::caller::Verified;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::order::{NewOrder, download_code, offers as offered, place as place_order};

/// What one can order.
#[utoipa::path(
    get,
    path = "/v1/offers",
    operation_id = "offers",
    tag = "orders",
    responses((status = 200, description = "Offers", body = Vec<OfferView>), ForCaller),
    security(("device_session" = ["verified"])),
)]
pub async fn offers(broker: web::Data<Broker>, Verified(caller): Verified) -> web::Json<Vec<OfferView>> {
    let own = offered(&broker).into_iter().filter(|offer| offer.is_for(caller.user.kind));
    web::Json(
        own.map(|offer| OfferView {
            platform: offer.platform,
            platform_name: offer.platform_name,
            certificate_authority: offer.certificate_authority,
            product: offer.product,
            signing_only: offer.signing_only,
            terms: offer
                .term
                .into_iter()
                .map(|term| TermView { days: term.days, fee_fen: term.fee.0 })
                .collect(),
        })
        .collect(),
    )
}

/// Orders a certificate: for oneself, or for a company that one belongs to or leads.
#[utoipa::path(
    post,
    path = "/v1/orders",
    operation_id = "place_order",
    tag = "orders",
    params(Post),
    request_body = OrderRequest,
    responses((status = 201, description = "Ordered", body = OrderView), ForChange),
    security(("device_session" = ["verified"])),
)]
pub async fn place(
    broker: web::Data<Broker>,
    Verified(caller): Verified,
    post: Post,
    request: web::Json<OrderRequest>,
) -> Result<HttpResponse, ApiError> {
    let new = new_order(&request)?;
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let order = place_order(&broker, transaction, &caller.user, &new).await?;
        Ok(Answer::created(view(&broker, &order).await?).with_version_after::<()>(None))
    })
    .await
}

fn new_order(request: &OrderRequest) -> Result<NewOrder, ApiError> {
    let invalid = |text: String| ApiError::new(Kind::InvalidRequest, text);
    let enterprise = request.enterprise.as_deref().map(str::parse::<CreditCode>).transpose();
    let reason = match (request.renews, request.replaces) {
        (None, None) => Reason::New,
        (Some(certificate), None) => Reason::Renew { certificate },
        (None, Some(certificate)) => Reason::Rekey { certificate },
        (Some(_), Some(_)) => {
            return Err(invalid("an order renews a certificate or replaces one, not both".into()));
        }
    };
    Ok(NewOrder {
        id: OrderId::random(),
        payment: PaymentId::random(),
        enterprise: enterprise.map_err(|error| invalid(format!("enterprise: {error}")))?,
        wish: Wish {
            reason,
            platform: request.platform.clone(),
            certificate_authority: request.certificate_authority.clone(),
            product: request.product.clone(),
            days: request.days,
            signing_only: false,
        },
    })
}

/// The code with which the applicant's phone downloads the certificate, at `POST /v1/phone/enrolments`. Asking again gives the
/// same.
#[utoipa::path(
    get,
    path = "/v1/orders/{order}/download-code",
    operation_id = "download_code",
    tag = "orders",
    params(("order" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "The code", body = DownloadCode), ForChange),
    security(("device_session" = ["verified"])),
)]
pub async fn code(
    broker: web::Data<Broker>,
    Verified(caller): Verified,
    order: web::Path<OrderId>,
) -> Result<web::Json<DownloadCode>, ApiError> {
    let (code, expires_at) = download_code(&broker, &caller.user, *order).await?;
    Ok(web::Json(DownloadCode { code, expires_at }))
}
