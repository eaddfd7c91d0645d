//! A company's data, and its end.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::cascade::{Cascade, CascadeKind};
use yinqiao_lifecycle::enterprise::{Data, Enterprise, State};
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::Membership;
use yinqiao_lifecycle::user::User;
use yinqiao_protocol::CascadeId;
use yinqiao_protocol::enterprise::{CascadeView, EnterpriseData, EnterpriseView, SuccessorView};
use yinqiao_protocol::holder::masked_name;

use super::{cascade_view, led_by, no_such_company};
use crate::broker::Broker;
use crate::http::lifecycle::caller::SignedIn;
use crate::http::lifecycle::precondition::{IfMatch, versioned};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::ApiError;
use crate::lifecycle::cascade;
use crate::records::Repository;
use crate::records::companies::membership_key;

/// A company as its legal person and its staff see it.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}",
    operation_id = "enterprise",
    tag = "enterprises",
    params(("code" = String, Path, description = "统一社会信用代码")),
    responses((status = 200, description = "The company", body = EnterpriseView), ForCaller),
    security(("device_session" = ["legal_person", "member"])),
)]
pub async fn view(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
) -> Result<HttpResponse, ApiError> {
    let repository = &broker.repository;
    let found = repository.get::<Enterprise>(code.as_str().as_bytes()).await?.ok_or_else(no_such_company)?;
    let leads = found.value.is_led_by(&caller.actor());
    if !leads {
        let membership = repository.get::<Membership>(&membership_key(&code, caller.id())).await?;
        membership.filter(|found| found.value.is_active()).ok_or_else(no_such_company)?;
    }
    let view = view_of(repository, &found.value, leads).await?;
    Ok(versioned(HttpResponse::Ok(), Some(found.version), &view))
}

/// Changes a company's data.
#[utoipa::path(
    put,
    path = "/v1/enterprises/{code}",
    operation_id = "edit_enterprise",
    tag = "enterprises",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        IfMatch,
    ),
    request_body = EnterpriseData,
    responses((status = 200, description = "Changed", body = EnterpriseView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn edit(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    version: IfMatch,
    data: web::Json<EnterpriseData>,
) -> Result<HttpResponse, ApiError> {
    let EnterpriseData { name, address, contact } = data.into_inner();
    let data = Data { name, address, contact };
    let repository = &broker.repository;
    let (version, next) = repository
        .transact(async |transaction| {
            let found = led_by(transaction.repository(), &caller, &code).await?;
            version.check(found.version)?;
            let step = found.value.edit(data.clone(), &caller.actor(), transaction.now())?;
            let version = found.version + u64::from(step.changed);
            Ok::<_, ApiError>((version, transaction.take(Some(&found), step)?))
        })
        .await?;
    let view = view_of(repository, &next, true).await?;
    Ok(versioned(HttpResponse::Ok(), Some(version), &view))
}

/// Deletes a company: all its certificates and seals are revoked and deleted, its orders cancelled, its staff removed. Goes on
/// by itself until nothing is left; asked again it gives the same removal.
#[utoipa::path(
    delete,
    path = "/v1/enterprises/{code}",
    operation_id = "delete_enterprise",
    tag = "enterprises",
    params(("code" = String, Path, description = "统一社会信用代码")),
    responses((status = 202, description = "It is being deleted", body = CascadeView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn delete(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
) -> Result<HttpResponse, ApiError> {
    let id = CascadeId::random();
    let removal = broker
        .repository
        .transact(async |transaction| {
            let found = led_by(transaction.repository(), &caller, &code).await?;
            let step = found.value.delete(id, &caller.actor(), transaction.now())?;
            let changed = step.changed;
            let company = transaction.take(Some(&found), step)?;
            if changed {
                let kind = CascadeKind::DeleteEnterprise { enterprise: company.code };
                return Ok(cascade::start(transaction, id, kind, &caller.actor()).await?);
            }
            let State::Deleting { cascade, .. } = company.state else { return Err(no_such_company()) };
            let under_way = transaction.get::<Cascade>(cascade.as_bytes()).await?;
            under_way.map(|found| found.value).ok_or_else(no_such_company)
        })
        .await?;
    Ok(versioned(HttpResponse::Accepted(), None, &cascade_view(&removal)))
}

/// How far a removal is: of the company, or of somebody from it.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/removals/{cascade}",
    operation_id = "enterprise_removal",
    tag = "enterprises",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("cascade" = CascadeId, Path, description = "The removal"),
    ),
    responses((status = 200, description = "How far it is", body = CascadeView), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn removal(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, CascadeId)>,
) -> Result<web::Json<CascadeView>, ApiError> {
    let (code, id) = path.into_inner();
    caller.must_lead(&code)?;
    let found = broker.repository.get::<Cascade>(id.as_bytes()).await?;
    let found = found.filter(|found| found.value.kind.enterprise() == Some(&code));
    found.map(|found| web::Json(cascade_view(&found.value))).ok_or_else(no_such_company)
}

/// A company as it is shown.
///
/// # Errors
/// When the store fails.
pub async fn view_of(
    repository: &Repository,
    company: &Enterprise,
    for_legal_person: bool,
) -> Result<EnterpriseView, ApiError> {
    let successor = match company.successor.as_ref().filter(|_| for_legal_person) {
        Some(successor) => Some(SuccessorView {
            user: successor.user,
            name: name_of(repository, successor.user).await?,
            requested_at: successor.requested_at,
        }),
        None => None,
    };
    let (state, cascade) = match &company.state {
        State::Active => ("active", None),
        State::Deleting { cascade, .. } => ("deleting", Some(*cascade)),
        State::Deleted { .. } => ("deleted", None),
    };
    let Data { name, address, contact } = company.data.clone();
    Ok(EnterpriseView {
        code: company.code.to_string(),
        data: EnterpriseData { name, address, contact },
        legal_person: name_of(repository, company.legal_person).await?,
        successor,
        state: state.to_owned(),
        cascade,
        since: company.since,
    })
}

/// The masked name of a user.
async fn name_of(repository: &Repository, user: yinqiao_protocol::UserId) -> Result<String, ApiError> {
    let user = repository.get::<User>(user.as_bytes()).await?;
    Ok(user.and_then(|user| user.value.name).map(|name| masked_name(&name)).unwrap_or_default())
}
