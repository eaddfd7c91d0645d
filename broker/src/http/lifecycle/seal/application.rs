//! Applications for seals, from the legal person's side.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::seal::SealRefusal;
use yinqiao_protocol::SealApplicationId;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::seal::{SealApplicationRequest, SealApplicationView};

use super::view::{application_view, usage};
use crate::broker::Broker;
use crate::http::lifecycle::caller::{SignedIn, Verified};
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::ApiError;
use crate::lifecycle::seal::{self, NewSealApplication};
use crate::records::Repository;
use crate::records::seals::{SealApplicationRecord, seal_applications_of};

/// Applies for a seal, or for another one in the place of one that is there. It is made for the certificates of the company that
/// are good now; when the company has new ones, it is made anew in the same way.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/seal-applications",
    operation_id = "apply_for_seal",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        Post,
    ),
    request_body = SealApplicationRequest,
    responses((status = 201, description = "The CA reviews it", body = SealApplicationView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn apply(
    broker: web::Data<Broker>,
    Verified(caller): Verified,
    code: web::Path<CreditCode>,
    post: Post,
    request: web::Json<SealApplicationRequest>,
) -> Result<HttpResponse, ApiError> {
    caller.must_lead(&code)?;
    let (id, actor) = (SealApplicationId::random(), caller.actor());
    let SealApplicationRequest { kind, name, picture, certificate_authority, replaces, .. } = &*request;
    let new = NewSealApplication {
        enterprise: code.into_inner(),
        kind: *kind,
        name: name.clone(),
        picture: *picture,
        certificate_authority: certificate_authority.clone(),
        usage: usage(&request.usage)?,
        replaces: *replaces,
    };
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let record = seal::apply(transaction, &*broker.authorities, id, &new, &actor).await?;
        Ok(Answer::created(application_view(&record.application)))
    })
    .await
}

/// A company's applications, the newest first.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/seal-applications",
    operation_id = "seal_applications",
    tag = "seals",
    params(("code" = String, Path, description = "统一社会信用代码"), PageQuery),
    responses((status = 200, description = "Applications", body = Page<SealApplicationView>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn list(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<SealApplicationView>>, ApiError> {
    caller.must_lead(&code)?;
    query
        .read(&broker.repository, &seal_applications_of(&code), async |record: SealApplicationRecord| {
            Ok(application_view(&record.application))
        })
        .await
}

/// One application: where its review stands.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/seal-applications/{application}",
    operation_id = "seal_application",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("application" = SealApplicationId, Path, description = "The application"),
    ),
    responses((status = 200, description = "The application", body = SealApplicationView), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, SealApplicationId)>,
) -> Result<web::Json<SealApplicationView>, ApiError> {
    let (code, id) = path.into_inner();
    caller.must_lead(&code)?;
    let record = of_company(&broker.repository, &code, id).await?;
    Ok(web::Json(application_view(&record.application)))
}

/// Takes an application back that is under review. The CA is told where it can be; a seal that it makes all the same is revoked and
/// never used.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/seal-applications/{application}/cancel",
    operation_id = "cancel_seal_application",
    tag = "seals",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("application" = SealApplicationId, Path, description = "The application"),
        Post,
    ),
    responses((status = 200, description = "Cancelled", body = SealApplicationView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn cancel(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, SealApplicationId)>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    let (code, id) = path.into_inner();
    caller.must_lead(&code)?;
    let actor = caller.actor();
    post.run(&broker.repository, &caller.caller(), &(), async |transaction| {
        of_company(transaction.repository(), &code, id).await?;
        let record = seal::cancel(transaction, id, &actor).await?;
        Ok(Answer::ok(application_view(&record.application)))
    })
    .await
}

async fn of_company(
    repository: &Repository,
    code: &CreditCode,
    id: SealApplicationId,
) -> Result<SealApplicationRecord, ApiError> {
    let found = repository.get::<SealApplicationRecord>(id.as_bytes()).await?;
    let found = found.filter(|found| found.value.application.enterprise == *code);
    found.map(|found| found.value).ok_or_else(|| SealRefusal::NotFound.into())
}
