//! Who is of the staff.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::actor::OperatorRole;
use yinqiao_lifecycle::operator::{Operator, Power};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::staff::{NewStaff, StaffRole, StaffToken, StaffView};
use yinqiao_protocol::{OperatorId, Sm3Hex, Token};

use crate::broker::Broker;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::post::{Answer, Post};
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

/// Adds somebody. The answer has the token; the same request sent again gets the same one.
#[utoipa::path(
    post,
    path = "/v1/operator/staff",
    operation_id = "add_staff",
    tag = "staff",
    params(Post),
    request_body = NewStaff,
    responses((status = 201, description = "Added", body = StaffToken), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn add_staff(
    broker: web::Data<Broker>,
    staff: Staff,
    post: Post,
    request: web::Json<NewStaff>,
) -> Result<HttpResponse, ApiError> {
    let (id, by) = (OperatorId::random(), staff.actor());
    with_token(&broker, &staff, &post, &*request, async |transaction, token| {
        put_new(transaction, id, &request, token, &by).await?;
        Ok(Answer::created(id))
    })
    .await
}

/// Disables somebody: the token opens nothing any more.
#[utoipa::path(
    post,
    path = "/v1/operator/staff/{operator}/disable",
    operation_id = "disable_staff",
    tag = "staff",
    params(("operator" = OperatorId, Path, description = "Who"), Post),
    responses((status = 200, description = "Disabled", body = StaffView), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn disable_staff(
    broker: web::Data<Broker>,
    staff: Staff,
    operator: web::Path<OperatorId>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::ManageStaff)?;
    let by = staff.actor();
    post.run(&broker.repository, &staff.caller(), &(), async |transaction| {
        Ok(Answer::ok(view(&put_disabled(transaction, *operator, &by).await?)))
    })
    .await
}

/// Gives somebody a new token; the old one opens nothing any more. The same request sent again gets the same one.
#[utoipa::path(
    post,
    path = "/v1/operator/staff/{operator}/token",
    operation_id = "renew_staff_token",
    tag = "staff",
    params(("operator" = OperatorId, Path, description = "Who"), Post),
    responses((status = 200, description = "The token", body = StaffToken), ForChange),
    security(("operator" = ["security_officer"])),
)]
pub async fn renew_staff_token(
    broker: web::Data<Broker>,
    staff: Staff,
    operator: web::Path<OperatorId>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    let by = staff.actor();
    with_token(&broker, &staff, &post, &(), async |transaction, token| {
        put_token(transaction, *operator, token, &by).await?;
        Ok(Answer::ok(*operator))
    })
    .await
}

/// What is stored of an answer with a token: of the salt and a key that only the broker has, the token is made again.
#[derive(Deserialize, Serialize)]
struct TokenMade {
    operator: OperatorId,
    salt: Sm3Hex,
}

async fn with_token(
    broker: &Broker,
    staff: &Staff,
    post: &Post,
    body: &impl Serialize,
    mut decide: impl AsyncFnMut(&mut Transaction<'_>, &Token) -> Result<Answer<OperatorId>, ApiError>,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::ManageStaff)?;
    let made_of =
        |salt: &Sm3Hex| Token::from_bytes(broker.derive(&[b"staff token", salt.as_bytes()]).as_bytes());
    let salt = Token::random()?.digest();
    let token = made_of(&salt);
    let answer = post
        .once(&broker.repository, &staff.caller(), body, async |transaction| {
            let answer = decide(transaction, &token).await?;
            Ok(answer.map(|operator| TokenMade { operator, salt }))
        })
        .await?;
    let made = TokenMade::deserialize(&answer.body);
    let TokenMade { operator, salt } =
        made.map_err(|error| ApiError::new(Kind::Internal, error.to_string()))?;
    Ok(answer.response(&StaffToken { operator, token: made_of(&salt) }))
}

/// Adds somebody, with a new token.
///
/// # Errors
/// When the name does not fit or is taken.
pub async fn add(repository: &Repository, new: &NewStaff, by: &Actor) -> Result<StaffToken, ApiError> {
    let (operator, token) = (OperatorId::random(), Token::random()?);
    repository.transact(async |transaction| put_new(transaction, operator, new, &token, by).await).await?;
    Ok(StaffToken { operator, token })
}

/// Disables somebody.
///
/// # Errors
/// When there is nobody of that id, or it is oneself.
pub async fn disable(repository: &Repository, id: OperatorId, by: &Actor) -> Result<Operator, ApiError> {
    repository.transact(async |transaction| put_disabled(transaction, id, by).await).await
}

/// Gives somebody a new token.
///
/// # Errors
/// When there is nobody of that id.
pub async fn renew_token(
    repository: &Repository,
    operator: OperatorId,
    by: &Actor,
) -> Result<StaffToken, ApiError> {
    let token = Token::random()?;
    repository.transact(async |transaction| put_token(transaction, operator, &token, by).await).await?;
    Ok(StaffToken { operator, token })
}

async fn put_new(
    transaction: &mut Transaction<'_>,
    id: OperatorId,
    new: &NewStaff,
    token: &Token,
    by: &Actor,
) -> Result<(), ApiError> {
    let role = match new.role {
        StaffRole::Operator => OperatorRole::Operator,
        StaffRole::Auditor => OperatorRole::Auditor,
        StaffRole::SecurityOfficer => OperatorRole::SecurityOfficer,
    };
    rest_on_actor(transaction, by).await?;
    let taken = IndexPrefix::new(Index::OperatorByName, new.name.as_bytes());
    let taken = !transaction.repository().page::<Operator>(&taken, None, 1).await?.items.is_empty();
    let step = Operator::add(id, &new.name, role, token.digest(), taken, by, transaction.now())?;
    transaction.take(None, step)?;
    Ok(())
}

async fn put_disabled(
    transaction: &mut Transaction<'_>,
    id: OperatorId,
    by: &Actor,
) -> Result<Operator, ApiError> {
    rest_on_actor(transaction, by).await?;
    let found = transaction.get::<Operator>(id.as_bytes()).await?.ok_or_else(nobody)?;
    let step = found.value.disable(by, transaction.now())?;
    Ok(transaction.take(Some(&found), step)?)
}

async fn put_token(
    transaction: &mut Transaction<'_>,
    id: OperatorId,
    token: &Token,
    by: &Actor,
) -> Result<(), ApiError> {
    rest_on_actor(transaction, by).await?;
    let found = transaction.get::<Operator>(id.as_bytes()).await?;
    let found = found.filter(|found| found.value.disabled_at.is_none()).ok_or_else(nobody)?;
    let step = found.value.renew_token(token.digest(), by, transaction.now());
    transaction.take(Some(&found), step)?;
    Ok(())
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
