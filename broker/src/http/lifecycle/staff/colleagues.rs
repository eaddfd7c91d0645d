//! Who is of the staff.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::actor::OperatorRole;
use yinqiao_lifecycle::operator::{Operator, Power};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::staff::{NewStaff, StaffRole, StaffToken, StaffView};
use yinqiao_protocol::{OperatorId, Token};

use crate::broker::Broker;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::records::{Index, IndexPrefix, Repository, Transaction};

/// All of the staff.
#[utoipa::path(
    get,
    path = "/v1/operator/staff",
    operation_id = "staff",
    tag = "staff",
    params(PageQuery),
    responses((status = 200, description = "Staff", body = Page<StaffView>), ForCaller),
    security(("operator" = ["security_officer"])),
)]
pub async fn list(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<StaffView>>, ApiError> {
    staff.require(Power::ManageStaff)?;
    let prefix = IndexPrefix::new(Index::OperatorByTime, &[]);
    query.read(&broker.repository, &prefix, async |operator: Operator| Ok(view(&operator))).await
}

/// Adds somebody. The answer has the token, once; a lost one is replaced by another.
#[utoipa::path(
    post,
    path = "/v1/operator/staff",
    operation_id = "add_staff",
    tag = "staff",
    request_body = NewStaff,
    responses((status = 201, description = "Added", body = StaffToken), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn add_staff(
    broker: web::Data<Broker>,
    staff: Staff,
    request: web::Json<NewStaff>,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::ManageStaff)?;
    let added = add(&broker.repository, &request, &staff.actor()).await?;
    Ok(HttpResponse::Created().json(added))
}

/// Disables somebody: the token opens nothing any more.
#[utoipa::path(
    post,
    path = "/v1/operator/staff/{operator}/disable",
    operation_id = "disable_staff",
    tag = "staff",
    params(("operator" = OperatorId, Path, description = "Who")),
    responses((status = 200, description = "Disabled", body = StaffView), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn disable_staff(
    broker: web::Data<Broker>,
    staff: Staff,
    operator: web::Path<OperatorId>,
) -> Result<web::Json<StaffView>, ApiError> {
    staff.require(Power::ManageStaff)?;
    Ok(web::Json(view(&disable(&broker.repository, *operator, &staff.actor()).await?)))
}

/// Gives somebody a new token; the old one opens nothing any more.
#[utoipa::path(
    post,
    path = "/v1/operator/staff/{operator}/token",
    operation_id = "renew_staff_token",
    tag = "staff",
    params(("operator" = OperatorId, Path, description = "Who")),
    responses((status = 200, description = "The token, once", body = StaffToken), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn renew_staff_token(
    broker: web::Data<Broker>,
    staff: Staff,
    operator: web::Path<OperatorId>,
) -> Result<web::Json<StaffToken>, ApiError> {
    staff.require(Power::ManageStaff)?;
    Ok(web::Json(renew_token(&broker.repository, *operator, &staff.actor()).await?))
}

/// Adds somebody, with a new token.
///
/// # Errors
/// When the name does not fit or is taken.
pub async fn add(repository: &Repository, new: &NewStaff, by: &Actor) -> Result<StaffToken, ApiError> {
    let (id, token) = (OperatorId::random(), Token::random()?);
    let role = match new.role {
        StaffRole::Operator => OperatorRole::Operator,
        StaffRole::Auditor => OperatorRole::Auditor,
        StaffRole::SecurityOfficer => OperatorRole::SecurityOfficer,
    };
    repository
        .transact(async |transaction| {
            rest_on_actor(transaction, by).await?;
            let taken = IndexPrefix::new(Index::OperatorByName, new.name.as_bytes());
            let taken = !transaction.repository().page::<Operator>(&taken, None, 1).await?.items.is_empty();
            let step = Operator::add(id, &new.name, role, token.digest(), taken, by, transaction.now())?;
            Ok::<_, ApiError>(transaction.take(None, step)?)
        })
        .await?;
    Ok(StaffToken { operator: id, token })
}

/// Disables somebody.
///
/// # Errors
/// When there is nobody of that id, or it is oneself.
pub async fn disable(repository: &Repository, id: OperatorId, by: &Actor) -> Result<Operator, ApiError> {
    repository
        .transact(async |transaction| {
            rest_on_actor(transaction, by).await?;
            let found = transaction.get::<Operator>(id.as_bytes()).await?.ok_or_else(nobody)?;
            let step = found.value.disable(by, transaction.now())?;
            Ok(transaction.take(Some(&found), step)?)
        })
        .await
}

/// Gives somebody a new token.
///
/// # Errors
/// When there is nobody of that id.
pub async fn renew_token(
    repository: &Repository,
    id: OperatorId,
    by: &Actor,
) -> Result<StaffToken, ApiError> {
    let token = Token::random()?;
    repository
        .transact(async |transaction| {
            rest_on_actor(transaction, by).await?;
            let found = transaction.get::<Operator>(id.as_bytes()).await?;
            let found = found.filter(|found| found.value.disabled_at.is_none()).ok_or_else(nobody)?;
            let step = found.value.renew_token(token.digest(), by, transaction.now());
            Ok::<_, ApiError>(transaction.take(Some(&found), step)?)
        })
        .await?;
    Ok(StaffToken { operator: id, token })
}

/// Of two officers who disable each other at once, one is first, and the other one is nobody any more: without this the trading centre
/// could be left without any.
async fn rest_on_actor(transaction: &mut Transaction<'_>, by: &Actor) -> Result<(), ApiError> {
    let Actor::Operator { id, .. } = by else { return Ok(()) };
    let acting = transaction.get::<Operator>(id.as_bytes()).await?;
    let acting = acting.filter(|found| found.value.disabled_at.is_none()).ok_or_else(|| {
        ApiError::new(Kind::NotAllowed, "you were disabled in the meantime: ask another security officer")
    })?;
    transaction.rest_on(&acting);
    Ok(())
}

fn nobody() -> ApiError {
    ApiError::new(Kind::NotFound, "nobody of the staff has this id")
}

/// A member of the staff as it is shown.
pub fn view(operator: &Operator) -> StaffView {
    StaffView {
        operator: operator.id,
        name: operator.name.clone(),
        role: role_name(operator.role).to_owned(),
        since: operator.since,
        disabled_at: operator.disabled_at,
    }
}

/// A role as it is called.
pub fn role_name(role: OperatorRole) -> &'static str {
    match role {
        OperatorRole::Operator => "operator",
        OperatorRole::Auditor => "auditor",
        OperatorRole::SecurityOfficer => "security_officer",
    }
}
