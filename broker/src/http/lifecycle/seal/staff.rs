//! Seals, from the side of the trading centre's staff.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::seal::SealRefusal;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::seal::{SealApplicationState, SealApplicationView, SealRevocationRequest, SealView};
use yinqiao_protocol::{SealApplicationId, SealId};

use super::reason;
use super::view::{application_view, seal_view};
use crate::broker::Broker;
use crate::directory::SealRecord;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::ApiError;
use crate::lifecycle::seal;
use crate::records::seals::{SealApplicationRecord, seal_applications_in, seals_of};

/// The applications in a state, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/seal-application-states/{state}/seal-applications",
    operation_id = "operator_seal_applications",
    tag = "seals",
    params(("state" = SealApplicationState, Path, description = "Where they stand"), PageQuery),
    responses((status = 200, description = "Applications", body = Page<SealApplicationView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn applications(
    broker: web::Data<Broker>,
    caller: Staff,
    state: web::Path<SealApplicationState>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<SealApplicationView>>, ApiError> {
    caller.require(Power::ReadBusiness)?;
    let in_state = seal_applications_in(*state);
    query
        .read(&broker.repository, &in_state, async |record: SealApplicationRecord| {
            Ok(application_view(&record.application))
        })
        .await
}

/// One application.
#[utoipa::path(
    get,
    path = "/v1/operator/seal-applications/{application}",
    operation_id = "operator_seal_application",
    tag = "seals",
    params(("application" = SealApplicationId, Path, description = "The application")),
    responses((status = 200, description = "The application", body = SealApplicationView), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn application(
    broker: web::Data<Broker>,
    caller: Staff,
    id: web::Path<SealApplicationId>,
) -> Result<web::Json<SealApplicationView>, ApiError> {
    caller.require(Power::ReadBusiness)?;
    let found = broker.repository.get::<SealApplicationRecord>(id.as_bytes()).await?;
    let found = found.ok_or(SealRefusal::NotFound)?;
    Ok(web::Json(application_view(&found.value.application)))
}

/// A company's seals, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/enterprises/{code}/seals",
    operation_id = "operator_seals",
    tag = "seals",
    params(("code" = String, Path, description = "统一社会信用代码"), PageQuery),
    responses((status = 200, description = "Seals", body = Page<SealView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn seals(
    broker: web::Data<Broker>,
    caller: Staff,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<SealView>>, ApiError> {
    caller.require(Power::ReadBusiness)?;
    let now = broker.repository.clock().now();
    let view = async |seal: SealRecord| seal_view(&seal, true, now);
    query.read(&broker.repository, &seals_of(code.as_str()), view).await
}

/// One seal.
#[utoipa::path(
    get,
    path = "/v1/operator/enterprises/{code}/seals/{seal}",
    operation_id = "operator_seal",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("seal" = SealId, Path, description = "The seal"),
    ),
    responses((status = 200, description = "The seal", body = SealView), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: Staff,
    path: web::Path<(CreditCode, SealId)>,
) -> Result<web::Json<SealView>, ApiError> {
    caller.require(Power::ReadBusiness)?;
    let (code, id) = path.into_inner();
    let found = seal::find(&broker.repository, &code, &id).await?;
    seal_view(&found.value, true, broker.repository.clock().now()).map(web::Json)
}

/// Revokes a seal, for good.
#[utoipa::path(
    post,
    path = "/v1/operator/enterprises/{code}/seals/{seal}/revoke",
    operation_id = "operator_revoke_seal",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("seal" = SealId, Path, description = "The seal"),
        Post,
    ),
    request_body = SealRevocationRequest,
    responses((status = 200, description = "Revoked", body = SealView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn revoke(
    broker: web::Data<Broker>,
    caller: Staff,
    path: web::Path<(CreditCode, SealId)>,
    post: Post,
    request: web::Json<SealRevocationRequest>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Power::DecideBusiness)?;
    let (code, id) = path.into_inner();
    let actor = caller.actor();
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let next = seal::revoke(transaction, &code, &id, reason(request.reason), &actor).await?;
        Ok(Answer::ok(seal_view(&next, true, transaction.now())?))
    })
    .await
}
