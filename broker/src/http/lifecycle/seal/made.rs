//! Seals that were made, from the company's side.

use actix_web::{HttpResponse, web};

use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::x509::Certificate;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::Membership;
use yinqiao_lifecycle::seal::SealRefusal;
use yinqiao_protocol::SealId;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::seal::{SealRevocationRequest, SealUsage, SealUserView, SealView};

use super::view::{broken, seal_view, usage};
use super::{picture, reason};
use crate::broker::Broker;
use crate::directory::{CertificateRecord, SealRecord};
use crate::http::lifecycle::caller::SignedIn;
use crate::http::lifecycle::certificate::view as certificate_view;
use crate::http::lifecycle::page::{PageQuery, sent};
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::precondition::{IfMatch, versioned};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::ApiError;
use crate::lifecycle::seal;
use crate::records::companies::membership_key;
use crate::records::seals::seals_of;
use crate::records::{Index, IndexPrefix, Page as Records, Repository};

/// Whether the caller leads the company; who neither leads it nor belongs to it is told that there is none.
async fn leads(repository: &Repository, caller: &SignedIn, code: &CreditCode) -> Result<bool, ApiError> {
    if caller.must_lead(code).is_ok() {
        return Ok(true);
    }
    let membership = repository.get::<Membership>(&membership_key(code, caller.id())).await?;
    match membership.is_some_and(|found| found.value.is_active()) {
        true => Ok(false),
        false => Err(SealRefusal::NotFound.into()),
    }
}

/// A company's seals, the newest first, also those that are revoked. Its legal person is told as well who may use them.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/seals",
    operation_id = "seals",
    tag = "seals",
    params(("code" = String, Path, description = "统一社会信用代码"), PageQuery),
    responses((status = 200, description = "Seals", body = Page<SealView>), ForCaller),
    security(("device_session" = ["legal_person", "member"])),
)]
pub async fn list(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<SealView>>, ApiError> {
    let repository = &broker.repository;
    let leads = leads(repository, &caller, &code).await?;
    let now = repository.clock().now();
    query
        .read(repository, &seals_of(code.as_str()), async |seal: SealRecord| seal_view(&seal, leads, now))
        .await
}

/// One seal.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/seals/{seal}",
    operation_id = "seal",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("seal" = SealId, Path, description = "The seal"),
    ),
    responses((status = 200, description = "The seal", body = SealView), ForCaller),
    security(("device_session" = ["legal_person", "member"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, SealId)>,
) -> Result<HttpResponse, ApiError> {
    let (code, id) = path.into_inner();
    let repository = &broker.repository;
    let leads = leads(repository, &caller, &code).await?;
    let found = seal::find(repository, &code, &id).await?;
    let view = seal_view(&found.value, leads, repository.clock().now())?;
    Ok(versioned(HttpResponse::Ok(), Some(found.version), &view))
}

/// What a seal looks like.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/seals/{seal}/picture",
    operation_id = "picture_of_seal",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("seal" = SealId, Path, description = "The seal"),
    ),
    responses(
        (status = 200, description = "The picture in the seal; PNG, unless its CA has made another of it",
            content_type = "image/png", body = Vec<u8>),
        ForCaller,
    ),
    security(("device_session" = ["legal_person", "member"])),
)]
pub async fn picture(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, SealId)>,
) -> Result<HttpResponse, ApiError> {
    let (code, id) = path.into_inner();
    leads(&broker.repository, &caller, &code).await?;
    let found = seal::find(&broker.repository, &code, &id).await?;
    let seal = SesSeal::from_der(found.value.der.as_slice()).map_err(broken)?;
    let media_type = match seal.picture().kind.to_ascii_uppercase().as_str() {
        "PNG" => "image/png",
        "JPG" | "JPEG" => "image/jpeg",
        "GIF" => "image/gif",
        "BMP" => "image/bmp",
        // An SVG or OFD file could hold programs: it is not shown as what it is.
        _ => "application/octet-stream",
    };
    Ok(picture::picture(media_type, seal.picture().data.clone()))
}

/// The certificates that a seal names and that may use it. Pages follow the company's certificates: one may have fewer items than
/// asked for, or none, and others still follow.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/seals/{seal}/users",
    operation_id = "seal_users",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("seal" = SealId, Path, description = "The seal"),
        PageQuery,
    ),
    responses((status = 200, description = "Certificates", body = Page<SealUserView>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn users(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, SealId)>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<SealUserView>>, ApiError> {
    let (code, id) = path.into_inner();
    caller.must_lead(&code)?;
    let repository = &broker.repository;
    let record = seal::find(repository, &code, &id).await?.value;
    let seal = SesSeal::from_der(record.der.as_slice()).map_err(broken)?;
    let (after, limit) = query.parse()?;
    let of_company = IndexPrefix::new(Index::CertificateByEnterprise, code.as_str().as_bytes());
    let page = repository.page::<CertificateRecord>(&of_company, after.as_ref(), limit).await?;
    let now = repository.clock().now();
    let named = |known: &CertificateRecord| {
        let certificate = Certificate::from_der(known.signing_certificate.as_slice());
        record.is_for(&known.facts) && certificate.is_ok_and(|known| seal.signers().contains(&known))
    };
    let items = page.items.into_iter().map(|found| found.value).filter(named).map(|known| SealUserView {
        certificate_sm3: known.facts.sm3,
        user: known.facts.user,
        name: known.holder.name.clone(),
        state: certificate_view(&known, now).state,
    });
    Ok(web::Json(sent(Records { items: items.collect(), next: page.next })))
}

/// Says who may use a seal, from now on.
#[utoipa::path(
    put,
    path = "/v1/enterprises/{code}/seals/{seal}/usage",
    operation_id = "change_seal_usage",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("seal" = SealId, Path, description = "The seal"),
        IfMatch,
    ),
    request_body = SealUsage,
    responses((status = 200, description = "Changed", body = SealView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn change_usage(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, SealId)>,
    version: IfMatch,
    request: web::Json<SealUsage>,
) -> Result<HttpResponse, ApiError> {
    let (code, id) = path.into_inner();
    caller.must_lead(&code)?;
    let (actor, wanted) = (caller.actor(), usage(&request)?);
    let (version, view) = broker
        .repository
        .transact(async |transaction| {
            let found = seal::find(transaction.repository(), &code, &id).await?;
            version.check(found.version)?;
            let company = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?;
            let company = company.ok_or(SealRefusal::NotFound)?;
            let next = seal::change_usage(transaction, &found, &company.value, &wanted, &actor).await?;
            let version = found.version + u64::from(next != found.value);
            Ok::<_, ApiError>((version, seal_view(&next, true, transaction.now())?))
        })
        .await?;
    Ok(versioned(HttpResponse::Ok(), Some(version), &view))
}

/// Revokes a seal, for good.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/seals/{seal}/revoke",
    operation_id = "revoke_seal",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("seal" = SealId, Path, description = "The seal"),
        Post,
    ),
    request_body = SealRevocationRequest,
    responses((status = 200, description = "Revoked", body = SealView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn revoke(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, SealId)>,
    post: Post,
    request: web::Json<SealRevocationRequest>,
) -> Result<HttpResponse, ApiError> {
    let (code, id) = path.into_inner();
    caller.must_lead(&code)?;
    let actor = caller.actor();
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let next = seal::revoke(transaction, &code, &id, reason(request.reason), &actor).await?;
        Ok(Answer::ok(seal_view(&next, true, transaction.now())?))
    })
    .await
}
