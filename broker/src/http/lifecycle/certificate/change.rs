//! Suspending, resuming and revoking. The broker blocks at once; its CA is told by a job, and a certificate that is resumed
//! answers sessions once the CA has let it go.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use yinqiao_protocol::Sm3Hex;
use yinqiao_protocol::certificate::{
    CertificateRevocationRequest, CertificateSuspensionRequest, CertificateView,
};

use super::super::caller::SignedIn;
use super::super::post::{Answer, Post};
use super::super::problems::ForChange;
use super::view;
use super::view::{revocation_reason, suspension_reason};
use crate::broker::Broker;
use crate::http::problem::ApiError;
use crate::lifecycle::certificate::{self, CertificateCommand};

/// Suspends a certificate, as when the phone is lost.
#[utoipa::path(
    post,
    path = "/v1/certificates/{certificate}/suspend",
    operation_id = "suspend_certificate",
    tag = "certificate",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    request_body = CertificateSuspensionRequest,
    responses((status = 200, description = "Suspended", body = CertificateView), ForChange),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn suspend(
    broker: web::Data<Broker>,
    caller: SignedIn,
    post: Post,
    certificate: web::Path<Sm3Hex>,
    request: web::Json<CertificateSuspensionRequest>,
) -> Result<HttpResponse, ApiError> {
    let command = CertificateCommand::Suspend(suspension_reason(request.reason));
    run(&broker, &caller, &post, &certificate, &*request, command).await
}

/// Ends a suspension.
#[utoipa::path(
    post,
    path = "/v1/certificates/{certificate}/resume",
    operation_id = "resume_certificate",
    tag = "certificate",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    responses(
        (status = 200, description = "Resumed, as soon as `authority_pending` is false", body = CertificateView),
        ForChange,
    ),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn resume(
    broker: web::Data<Broker>,
    caller: SignedIn,
    post: Post,
    certificate: web::Path<Sm3Hex>,
) -> Result<HttpResponse, ApiError> {
    run(&broker, &caller, &post, &certificate, &(), CertificateCommand::Resume).await
}

/// Revokes a certificate, for good.
#[utoipa::path(
    post,
    path = "/v1/certificates/{certificate}/revoke",
    operation_id = "revoke_certificate",
    tag = "certificate",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    request_body = CertificateRevocationRequest,
    responses((status = 200, description = "Revoked", body = CertificateView), ForChange),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn revoke(
    broker: web::Data<Broker>,
    caller: SignedIn,
    post: Post,
    certificate: web::Path<Sm3Hex>,
    request: web::Json<CertificateRevocationRequest>,
) -> Result<HttpResponse, ApiError> {
    let command = CertificateCommand::Revoke(revocation_reason(request.reason));
    run(&broker, &caller, &post, &certificate, &*request, command).await
}

async fn run<B: Serialize>(
    broker: &Broker,
    caller: &SignedIn,
    post: &Post,
    certificate: &Sm3Hex,
    body: &B,
    command: CertificateCommand,
) -> Result<HttpResponse, ApiError> {
    let actor = caller.actor();
    post.run(&broker.repository, &caller.caller(), body, async |transaction| {
        let (_, next) = certificate::change(transaction, certificate, &actor, command).await?;
        Ok(Answer::ok(view(&next, transaction.now())))
    })
    .await
}
