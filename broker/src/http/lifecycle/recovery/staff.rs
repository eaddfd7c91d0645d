//! The security officers' side.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::operator::Power;
use yinqiao_protocol::RecoveryId;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::recovery::{RecoveryRejection, RecoveryView};

use super::super::caller::Staff;
use super::super::page::PageQuery;
use super::super::post::{Answer, Post};
use super::super::problems::{ForCaller, ForChange};
use super::view::view;
use crate::broker::Broker;
use crate::http::problem::ApiError;
use crate::lifecycle::recovery::{self, RecoveryRecord, open_for_consent};

/// Requests that wait for consents, the most urgent first.
#[utoipa::path(
    get,
    path = "/v1/operator/recoveries",
    operation_id = "operator_recoveries",
    tag = "recovery",
    params(PageQuery),
    responses((status = 200, description = "Requests", body = Page<RecoveryView>), ForCaller),
    security(("operator" = ["security_officer", "auditor"])),
)]
pub async fn list(
    broker: web::Data<Broker>,
    caller: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<RecoveryView>>, ApiError> {
    if caller.require(Power::ReadAudit).is_err() {
        caller.require(Power::ConsentToRecovery)?;
    }
    let now = broker.repository.clock().now();
    query
        .read(&broker.repository, &open_for_consent(), async |record: RecoveryRecord| Ok(view(&record, now)))
        .await
}

/// Consents to a request. With the consent of a second officer the CA is asked for the key.
#[utoipa::path(
    post,
    path = "/v1/operator/recoveries/{recovery}/consent",
    operation_id = "consent_to_recovery",
    tag = "recovery",
    params(
        ("recovery" = RecoveryId, Path, description = "The request"),
        Post,
    ),
    responses((status = 200, description = "Consented", body = RecoveryView), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn consent(
    broker: web::Data<Broker>,
    caller: Staff,
    post: Post,
    id: web::Path<RecoveryId>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Power::ConsentToRecovery)?;
    let actor = caller.actor();
    post.run(&broker.repository, &caller.caller(), &(), async |transaction| {
        let now = transaction.now();
        let decided = recovery::decide(transaction, *id, |recovery| recovery.consent(&actor, now)).await;
        Ok(Answer::ok(view(&decided?.1, now)))
    })
    .await
}

/// Rejects a request.
#[utoipa::path(
    post,
    path = "/v1/operator/recoveries/{recovery}/reject",
    operation_id = "reject_recovery",
    tag = "recovery",
    params(
        ("recovery" = RecoveryId, Path, description = "The request"),
        Post,
    ),
    request_body = RecoveryRejection,
    responses((status = 200, description = "Rejected", body = RecoveryView), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn reject(
    broker: web::Data<Broker>,
    caller: Staff,
    post: Post,
    id: web::Path<RecoveryId>,
    request: web::Json<RecoveryRejection>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Power::ConsentToRecovery)?;
    let (actor, reason) = (caller.actor(), &request.reason);
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let now = transaction.now();
        let decided =
            recovery::decide(transaction, *id, |recovery| recovery.reject(&actor, reason, now)).await;
        Ok(Answer::ok(view(&decided?.1, now)))
    })
    .await
}
