//! What the trading centre's staff see of certificates, and do with them.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use yinqiao_lifecycle::certificate::CertificateRefusal;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::operator::Power;
use yinqiao_protocol::certificate::{
    CertificateRevocationRequest, CertificateSuspensionRequest, CertificateView,
};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::{Sm3Hex, UserId};

use super::super::caller::Staff;
use super::super::page::PageQuery;
use super::super::post::{Answer, Post};
use super::super::problems::{ForCaller, ForChange};
use super::list::{Certificates, page};
use super::view;
use super::view::{revocation_reason, suspension_reason};
use crate::broker::Broker;
use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::certificate::{self, CertificateCommand};
use crate::records::{Index, IndexPrefix};

/// A user's certificates, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/users/{user}/certificates",
    operation_id = "operator_user_certificates",
    tag = "certificate",
    params(("user" = UserId, Path, description = "The user"), PageQuery),
    responses((status = 200, description = "Certificates", body = Page<CertificateView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn of_user(
    broker: web::Data<Broker>,
    caller: Staff,
    user: web::Path<UserId>,
    query: web::Query<PageQuery>,
) -> Certificates {
    caller.require(Power::ReadBusiness)?;
    page(&broker, &IndexPrefix::new(Index::CertificateByUser, user.as_bytes()), &query).await
}

/// A company's certificates, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/enterprises/{code}/certificates",
    operation_id = "operator_enterprise_certificates",
    tag = "certificate",
    params(("code" = String, Path, description = "统一社会信用代码 (GB 32100)"), PageQuery),
    responses((status = 200, description = "Certificates", body = Page<CertificateView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn of_enterprise(
    broker: web::Data<Broker>,
    caller: Staff,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Certificates {
    caller.require(Power::ReadBusiness)?;
    page(&broker, &IndexPrefix::new(Index::CertificateByEnterprise, code.as_str().as_bytes()), &query).await
}

/// The certificates with this serial number, as one of the pair, also deleted ones. CAs number each for itself: there may be
/// several.
#[utoipa::path(
    get,
    path = "/v1/operator/serial-numbers/{serial}/certificates",
    operation_id = "operator_serial_certificates",
    tag = "certificate",
    params(("serial" = String, Path, description = "Lower-case hexadecimal"), PageQuery),
    responses((status = 200, description = "Certificates", body = Page<CertificateView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn of_serial(
    broker: web::Data<Broker>,
    caller: Staff,
    serial: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Certificates {
    caller.require(Power::ReadBusiness)?;
    page(&broker, &IndexPrefix::new(Index::CertificateBySerial, serial.as_bytes()), &query).await
}

/// One certificate.
#[utoipa::path(
    get,
    path = "/v1/operator/certificates/{certificate}",
    operation_id = "operator_certificate",
    tag = "certificate",
    params(("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER")),
    responses((status = 200, description = "The certificate", body = CertificateView), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: Staff,
    certificate: web::Path<Sm3Hex>,
) -> Result<web::Json<CertificateView>, ApiError> {
    caller.require(Power::ReadBusiness)?;
    let found = broker.repository.get::<CertificateRecord>(certificate.as_bytes()).await?;
    let found = found.ok_or(CertificateRefusal::NotFound)?;
    Ok(web::Json(view(&found.value, broker.repository.clock().now())))
}

/// Suspends a certificate; its holder can't end it then.
#[utoipa::path(
    post,
    path = "/v1/operator/certificates/{certificate}/suspend",
    operation_id = "operator_suspend_certificate",
    tag = "certificate",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    request_body = CertificateSuspensionRequest,
    responses((status = 200, description = "Suspended", body = CertificateView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn suspend(
    broker: web::Data<Broker>,
    caller: Staff,
    post: Post,
    certificate: web::Path<Sm3Hex>,
    request: web::Json<CertificateSuspensionRequest>,
) -> Result<HttpResponse, ApiError> {
    let command = CertificateCommand::Suspend(suspension_reason(request.reason));
    run(&broker, &caller, &post, &certificate, &*request, command).await
}

/// Ends a suspension, whoever began it.
#[utoipa::path(
    post,
    path = "/v1/operator/certificates/{certificate}/resume",
    operation_id = "operator_resume_certificate",
    tag = "certificate",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    responses(
        (status = 200, description = "Resumed, as soon as `authority_pending` is false", body = CertificateView),
        ForChange,
    ),
    security(("operator" = ["operator"])),
)]
pub async fn resume(
    broker: web::Data<Broker>,
    caller: Staff,
    post: Post,
    certificate: web::Path<Sm3Hex>,
) -> Result<HttpResponse, ApiError> {
    run(&broker, &caller, &post, &certificate, &(), CertificateCommand::Resume).await
}

/// Revokes a certificate, for good.
#[utoipa::path(
    post,
    path = "/v1/operator/certificates/{certificate}/revoke",
    operation_id = "operator_revoke_certificate",
    tag = "certificate",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    request_body = CertificateRevocationRequest,
    responses((status = 200, description = "Revoked", body = CertificateView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn revoke(
    broker: web::Data<Broker>,
    caller: Staff,
    post: Post,
    certificate: web::Path<Sm3Hex>,
    request: web::Json<CertificateRevocationRequest>,
) -> Result<HttpResponse, ApiError> {
    let command = CertificateCommand::Revoke(revocation_reason(request.reason));
    run(&broker, &caller, &post, &certificate, &*request, command).await
}

/// Has a CA asked again that would not revoke a certificate.
#[utoipa::path(
    post,
    path = "/v1/operator/certificates/{certificate}/ask-again",
    operation_id = "operator_ask_authority_again",
    tag = "certificate",
    params(
        ("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER"),
        Post,
    ),
    responses((status = 202, description = "The CA is asked", body = CertificateView), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn ask_again(
    broker: web::Data<Broker>,
    caller: Staff,
    post: Post,
    certificate: web::Path<Sm3Hex>,
) -> Result<HttpResponse, ApiError> {
    run(&broker, &caller, &post, &certificate, &(), CertificateCommand::AskAgain).await
}

async fn run<B: Serialize>(
    broker: &Broker,
    caller: &Staff,
    post: &Post,
    certificate: &Sm3Hex,
    body: &B,
    command: CertificateCommand,
) -> Result<HttpResponse, ApiError> {
    caller.require(Power::DecideBusiness)?;
    let actor = caller.actor();
    post.run(&broker.repository, &caller.caller(), body, async |transaction| {
        let (_, next) = certificate::change(transaction, certificate, &actor, command).await?;
        let told = view(&next, transaction.now());
        Ok(if command == CertificateCommand::AskAgain { Answer::accepted(told) } else { Answer::ok(told) })
    })
    .await
}
