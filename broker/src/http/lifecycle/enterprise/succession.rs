//! Another legal person.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_protocol::enterprise::SuccessorView;
use yinqiao_protocol::holder::masked_name;
use yinqiao_protocol::{CascadeId, UserId};

use super::{led_by, no_such_company};
use crate::broker::Broker;
use crate::http::lifecycle::caller::{SignedIn, Verified};
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::problems::ForChange;
use crate::http::problem::ApiError;
use crate::lifecycle::cascade;
use crate::records::Transaction;

/// Asks to become the company's legal person, which the identity provider must confirm. The present one, or an operator of
/// the trading centre, decides.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/succession",
    operation_id = "request_succession",
    tag = "enterprises",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        Post,
    ),
    responses((status = 202, description = "It waits for a decision", body = SuccessorView), ForChange),
    security(("device_session" = ["verified"])),
)]
pub async fn request(
    broker: web::Data<Broker>,
    Verified(caller): Verified,
    code: web::Path<CreditCode>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    post.run(&broker.repository, &caller.caller(), &(), async |transaction| {
        let found = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?;
        let found = found.ok_or_else(no_such_company)?;
        let step = found.value.request_succession(&caller.user.actor(), transaction.now())?;
        let next = transaction.take(Some(&found), step)?;
        let since = next.successor.map_or(transaction.now(), |successor| successor.requested_at);
        Ok(Answer::accepted(SuccessorView {
            user: caller.id(),
            name: masked_name(caller.user.name.as_deref().unwrap_or_default()),
            requested_at: since,
        }))
    })
    .await
}

/// Takes it back.
#[utoipa::path(
    delete,
    path = "/v1/enterprises/{code}/succession",
    operation_id = "withdraw_succession",
    tag = "enterprises",
    params(("code" = String, Path, description = "统一社会信用代码")),
    responses((status = 204, description = "Taken back"), ForChange),
    security(("device_session" = ["user"])),
)]
pub async fn withdraw(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
) -> Result<HttpResponse, ApiError> {
    broker
        .repository
        .transact(async |transaction| {
            let found = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?;
            let found = found
                .filter(|found| found.value.successor.as_ref().is_some_and(|one| one.user == caller.id()))
                .ok_or_else(no_such_company)?;
            let step = found.value.withdraw_succession(&caller.actor(), transaction.now())?;
            Ok::<_, ApiError>(transaction.take(Some(&found), step)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Agrees to the change. The former legal person's certificates of this company are revoked, and the seals in that person's
/// name.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/succession/{user}/approve",
    operation_id = "approve_succession",
    tag = "enterprises",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "Who asks"),
        Post,
    ),
    responses((status = 200, description = "Agreed"), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn approve(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, UserId)>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    decided(&broker, &caller, path.into_inner(), &post, true).await
}

/// Does not agree.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/succession/{user}/reject",
    operation_id = "reject_succession",
    tag = "enterprises",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "Who asks"),
        Post,
    ),
    responses((status = 200, description = "Not agreed"), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn reject(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, UserId)>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    decided(&broker, &caller, path.into_inner(), &post, false).await
}

async fn decided(
    broker: &Broker,
    caller: &SignedIn,
    (code, user): (CreditCode, UserId),
    post: &Post,
    approved: bool,
) -> Result<HttpResponse, ApiError> {
    let id = CascadeId::random();
    post.run(&broker.repository, &caller.caller(), &(), async |transaction| {
        let company = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?;
        // Whoever has agreed to a successor leads no more, and may say so again.
        if !company.is_some_and(|found| found.value.had_succession_decided_by(caller.id())) {
            led_by(transaction.repository(), caller, &code).await?;
        }
        decide(transaction, &code, user, approved, id, &caller.actor()).await?;
        Ok(Answer::ok(()))
    })
    .await
}

/// Decides, with the removal that follows an approval.
///
/// # Errors
/// What stands against it.
pub async fn decide(
    transaction: &mut Transaction<'_>,
    code: &CreditCode,
    user: UserId,
    approved: bool,
    id: CascadeId,
    by: &Actor,
) -> Result<(), ApiError> {
    let found = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?;
    let found = found.ok_or_else(no_such_company)?;
    let step = found.value.decide_succession(user, approved, by, transaction.now())?;
    let former = found.value.legal_person;
    let follows = step.changed && step.next.legal_person != former;
    let company = transaction.take(Some(&found), step)?;
    if follows {
        cascade::start(transaction, id, company.cascade_of_succession(former), by).await?;
    }
    Ok(())
}
