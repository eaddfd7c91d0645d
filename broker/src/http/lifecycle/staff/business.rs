//! Companies and persons, for staff.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::operator::Power;
use yinqiao_lifecycle::user::User;
use yinqiao_protocol::account::Account;
use yinqiao_protocol::enterprise::EnterpriseView;
use yinqiao_protocol::page::Page;
use yinqiao_protocol::{CascadeId, UserId};

use crate::broker::Broker;
use crate::http::lifecycle::account::account_of;
use crate::http::lifecycle::caller::Staff;
use crate::http::lifecycle::enterprise::{decide_succession, view_of};
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::records::{Index, IndexPrefix};

/// All companies, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/enterprises",
    operation_id = "staff_enterprises",
    tag = "staff",
    params(PageQuery),
    responses((status = 200, description = "Companies", body = Page<EnterpriseView>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn enterprises(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<EnterpriseView>>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let prefix = IndexPrefix::new(Index::EnterpriseByTime, &[]);
    let show = async |company: Enterprise| view_of(&broker.repository, &company, true).await;
    query.read(&broker.repository, &prefix, show).await
}

/// A company.
#[utoipa::path(
    get,
    path = "/v1/operator/enterprises/{code}",
    operation_id = "staff_enterprise",
    tag = "staff",
    params(("code" = String, Path, description = "统一社会信用代码")),
    responses((status = 200, description = "The company", body = EnterpriseView), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn enterprise(
    broker: web::Data<Broker>,
    staff: Staff,
    code: web::Path<CreditCode>,
) -> Result<web::Json<EnterpriseView>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let found = broker.repository.get::<Enterprise>(code.as_str().as_bytes()).await?;
    let found =
        found.ok_or_else(|| ApiError::new(Kind::NotFound, "no company is registered under this code"))?;
    Ok(web::Json(view_of(&broker.repository, &found.value, true).await?))
}

/// Agrees to another legal person of a company.
#[utoipa::path(
    post,
    path = "/v1/operator/enterprises/{code}/succession/{user}/approve",
    operation_id = "staff_approve_succession",
    tag = "staff",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "Who asks"),
        Post,
    ),
    responses((status = 200, description = "Agreed"), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn approve_succession(
    broker: web::Data<Broker>,
    staff: Staff,
    path: web::Path<(CreditCode, UserId)>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    succession(&broker, &staff, path.into_inner(), &post, true).await
}

/// Does not agree to another legal person of a company.
#[utoipa::path(
    post,
    path = "/v1/operator/enterprises/{code}/succession/{user}/reject",
    operation_id = "staff_reject_succession",
    tag = "staff",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "Who asks"),
        Post,
    ),
    responses((status = 200, description = "Not agreed"), ForChange),
    security(("operator" = ["operator"])),
)]
pub async fn reject_succession(
    broker: web::Data<Broker>,
    staff: Staff,
    path: web::Path<(CreditCode, UserId)>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    succession(&broker, &staff, path.into_inner(), &post, false).await
}

async fn succession(
    broker: &Broker,
    staff: &Staff,
    (code, user): (CreditCode, UserId),
    post: &Post,
    approved: bool,
) -> Result<HttpResponse, ApiError> {
    staff.require(Power::DecideBusiness)?;
    let id = CascadeId::random();
    post.run(&broker.repository, &staff.caller(), &(), async |transaction| {
        decide_succession(transaction, &code, user, approved, id, &staff.actor()).await?;
        Ok(Answer::ok(()))
    })
    .await
}

/// All persons who have signed in, the newest first.
#[utoipa::path(
    get,
    path = "/v1/operator/users",
    operation_id = "staff_users",
    tag = "staff",
    params(PageQuery),
    responses((status = 200, description = "Persons", body = Page<Account>), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn users(
    broker: web::Data<Broker>,
    staff: Staff,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<Account>>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let prefix = IndexPrefix::new(Index::UserByTime, &[]);
    query.read(&broker.repository, &prefix, async |user: User| Ok(account_of(&broker, &user))).await
}

/// A person.
#[utoipa::path(
    get,
    path = "/v1/operator/users/{user}",
    operation_id = "staff_user",
    tag = "staff",
    params(("user" = UserId, Path, description = "The person")),
    responses((status = 200, description = "The person", body = Account), ForCaller),
    security(("operator" = ["operator", "auditor"])),
)]
pub async fn user(
    broker: web::Data<Broker>,
    staff: Staff,
    user: web::Path<UserId>,
) -> Result<web::Json<Account>, ApiError> {
    staff.require(Power::ReadBusiness)?;
    let found = broker.repository.get::<User>(user.as_bytes()).await?;
    let found = found.ok_or_else(|| ApiError::new(Kind::NotFound, "there is no such person"))?;
    Ok(web::Json(account_of(&broker, &found.value)))
}
