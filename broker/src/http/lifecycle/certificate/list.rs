//! Looking at certificates.

use actix_web::web;

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_protocol::certificate::CertificateView;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::{Sm3Hex, UserId};

use super::super::caller::SignedIn;
use super::super::page::PageQuery;
use super::super::problems::ForCaller;
use super::{view, visible};
use crate::broker::Broker;
use crate::directory::{CertificateRecord, of_member as value_of_member};
use crate::http::problem::ApiError;
use crate::records::{Index, IndexPrefix};

pub(super) type Certificates = Result<web::Json<Page<CertificateView>>, ApiError>;

/// The caller's own certificates, the newest first.
#[utoipa::path(
    get,
    path = "/v1/certificates",
    operation_id = "certificates",
    tag = "certificate",
    params(PageQuery),
    responses((status = 200, description = "Certificates", body = Page<CertificateView>), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn own(broker: web::Data<Broker>, caller: SignedIn, query: web::Query<PageQuery>) -> Certificates {
    page(&broker, &IndexPrefix::new(Index::CertificateByUser, caller.id().as_bytes()), &query).await
}

/// One certificate: the caller's own, or one of the company that the caller stands for.
#[utoipa::path(
    get,
    path = "/v1/certificates/{certificate}",
    operation_id = "certificate",
    tag = "certificate",
    params(("certificate" = Sm3Hex, Path, description = "SM3 of the signing certificate's DER")),
    responses((status = 200, description = "The certificate", body = CertificateView), ForCaller),
    security(("device_session" = ["user", "legal_person"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: SignedIn,
    certificate: web::Path<Sm3Hex>,
) -> Result<web::Json<CertificateView>, ApiError> {
    let record = visible(&broker.repository, &caller, &certificate).await?;
    Ok(web::Json(view(&record, broker.repository.clock().now())))
}

/// All certificates of the company, the newest first.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/certificates",
    operation_id = "enterprise_certificates",
    tag = "certificate",
    params(("code" = String, Path, description = "统一社会信用代码 (GB 32100)"), PageQuery),
    responses((status = 200, description = "Certificates", body = Page<CertificateView>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn of_enterprise(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Certificates {
    caller.must_lead(&code)?;
    page(&broker, &IndexPrefix::new(Index::CertificateByEnterprise, code.as_str().as_bytes()), &query).await
}

/// The certificates that a member has of the company, the newest first.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/members/{user}/certificates",
    operation_id = "member_certificates",
    tag = "certificate",
    params(
        ("code" = String, Path, description = "统一社会信用代码 (GB 32100)"),
        ("user" = UserId, Path, description = "The member"),
        PageQuery,
    ),
    responses((status = 200, description = "Certificates", body = Page<CertificateView>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn of_member(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, UserId)>,
    query: web::Query<PageQuery>,
) -> Certificates {
    let (code, user) = path.into_inner();
    caller.must_lead(&code)?;
    let value = value_of_member(code.as_str(), user.as_bytes());
    page(&broker, &IndexPrefix::new(Index::CertificateByEnterprise, &value), &query).await
}

pub(super) async fn page(broker: &Broker, list: &IndexPrefix, query: &PageQuery) -> Certificates {
    let now = broker.repository.clock().now();
    query.read(&broker.repository, list, async |record: CertificateRecord| Ok(view(&record, now))).await
}
