//! A company's staff, from its legal person's side.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::Step;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::{CreditCode, IdNumber};
use yinqiao_lifecycle::membership::{Membership, MembershipRefusal, State};
use yinqiao_lifecycle::user::User;
use yinqiao_protocol::enterprise::{CascadeView, MemberView, NewMember, Rejection};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::{CascadeId, Timestamp, UserId};

use super::join::{remove as begin_removal, state_name};
use super::{cascade_view, led_by, no_such_company};
use crate::broker::Broker;
use crate::http::lifecycle::caller::SignedIn;
use crate::http::lifecycle::page::PageQuery;
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::precondition::versioned;
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::message::{self, Notice};
use crate::records::companies::{MembershipList, membership_key};
use crate::records::users::users_by_id_number;
use crate::records::{Repository, Transaction, Versioned};

/// Who waits to be let in.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/applications",
    operation_id = "applications",
    tag = "members",
    params(("code" = String, Path, description = "统一社会信用代码"), PageQuery),
    responses((status = 200, description = "Applications", body = Page<MemberView>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn applications(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<MemberView>>, ApiError> {
    listed(&broker.repository, &caller, &code, MembershipList::Applications, &query).await
}

/// The company's staff.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/members",
    operation_id = "members",
    tag = "members",
    params(("code" = String, Path, description = "统一社会信用代码"), PageQuery),
    responses((status = 200, description = "Staff", body = Page<MemberView>), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn list(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<MemberView>>, ApiError> {
    listed(&broker.repository, &caller, &code, MembershipList::Members, &query).await
}

async fn listed(
    repository: &Repository,
    caller: &SignedIn,
    code: &CreditCode,
    list: MembershipList,
    query: &PageQuery,
) -> Result<web::Json<Page<MemberView>>, ApiError> {
    caller.must_lead(code)?;
    let show = async |membership: Membership| view(repository, &membership).await;
    query.read(repository, &list.in_company(code), show).await
}

/// One of the staff, or of those who wait.
#[utoipa::path(
    get,
    path = "/v1/enterprises/{code}/members/{user}",
    operation_id = "member",
    tag = "members",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "The person"),
    ),
    responses((status = 200, description = "The person", body = MemberView), ForCaller),
    security(("device_session" = ["legal_person"])),
)]
pub async fn one(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, UserId)>,
) -> Result<HttpResponse, ApiError> {
    let (code, user) = path.into_inner();
    caller.must_lead(&code)?;
    let found = broker.repository.get::<Membership>(&membership_key(&code, user)).await?;
    let found = found.ok_or(MembershipRefusal::NotAMember)?;
    let view = view(&broker.repository, &found.value).await?;
    Ok(versioned(HttpResponse::Ok(), Some(found.version), &view))
}

/// Lets somebody in.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/applications/{user}/approve",
    operation_id = "approve_application",
    tag = "members",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "The person"),
        Post,
    ),
    responses((status = 200, description = "The person belongs to the company", body = MemberView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn approve(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, UserId)>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    let (code, user) = path.into_inner();
    let decide = |membership: &Membership, company: &Enterprise, now: Timestamp| {
        membership.approve(company, &caller.actor(), now)
    };
    decided(&broker, &caller, &post, (&code, user), &(), decide).await
}

/// Does not let somebody in.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/applications/{user}/reject",
    operation_id = "reject_application",
    tag = "members",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "The person"),
        Post,
    ),
    request_body = Rejection,
    responses((status = 200, description = "Rejected", body = MemberView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn reject(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, UserId)>,
    post: Post,
    request: web::Json<Rejection>,
) -> Result<HttpResponse, ApiError> {
    let (code, user) = path.into_inner();
    let decide = |membership: &Membership, company: &Enterprise, now: Timestamp| {
        membership.reject(company, &request.reason, &caller.actor(), now)
    };
    decided(&broker, &caller, &post, (&code, user), &*request, decide).await
}

async fn decided(
    broker: &Broker,
    caller: &SignedIn,
    post: &Post,
    (code, user): (&CreditCode, UserId),
    body: &impl serde::Serialize,
    decide: impl Fn(&Membership, &Enterprise, Timestamp) -> Result<Step<Membership>, MembershipRefusal>,
) -> Result<HttpResponse, ApiError> {
    post.run(&broker.repository, &caller.caller(), body, async |transaction| {
        let company = led_by(transaction.repository(), caller, code).await?;
        company.value.require_active()?;
        transaction.rest_on(&company);
        let found = transaction.get::<Membership>(&membership_key(code, user)).await?;
        let found = found.ok_or(MembershipRefusal::NoApplication)?;
        let next = take(transaction, &found, &company.value, &decide).await?;
        Ok(Answer::ok(view(transaction.repository(), &next).await?))
    })
    .await
}

async fn take(
    transaction: &mut Transaction<'_>,
    found: &Versioned<Membership>,
    company: &Enterprise,
    decide: &impl Fn(&Membership, &Enterprise, Timestamp) -> Result<Step<Membership>, MembershipRefusal>,
) -> Result<Membership, ApiError> {
    let step = decide(&found.value, company, transaction.now())?;
    if step.changed {
        let to = message::to_user(transaction.repository(), found.value.user).await?;
        let reason = match &step.next.state {
            State::Rejected { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        let notice = Notice::JoinDecided {
            enterprise: company.data.name.clone(),
            approved: step.next.is_active(),
            reason,
        };
        message::write(transaction, to, notice)?;
    }
    Ok(transaction.take(Some(found), step)?)
}

/// Adds somebody who has applied, by name and ID number. Whatever is missing, the answer is the same, so that nobody finds out
/// who is registered.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/members",
    operation_id = "add_member",
    tag = "members",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        Post,
    ),
    request_body = NewMember,
    responses((status = 201, description = "The person belongs to the company", body = MemberView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn add(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    post: Post,
    request: web::Json<NewMember>,
) -> Result<HttpResponse, ApiError> {
    let number: IdNumber =
        request.id_number.parse().map_err(|error: yinqiao_lifecycle::identity::Malformed| {
            ApiError::new(Kind::InvalidRequest, format!("id_number: {error}"))
        })?;
    // An ID number has no place in the stored digest of a request that others could try out.
    let body =
        (&request.name, broker.derive(&[b"id number", number.expose().as_bytes()]).as_bytes().to_vec());
    post.run(&broker.repository, &caller.caller(), &body, async |transaction| {
        let company = led_by(transaction.repository(), &caller, &code).await?;
        company.value.require_active()?;
        transaction.rest_on(&company);
        let mut meant = None;
        for user in transaction.repository().all::<User>(&users_by_id_number(&number)).await? {
            let found = transaction.get::<Membership>(&membership_key(&code, user.value.id)).await?;
            let person = found.as_ref().map(|found| (&user.value, &found.value));
            if Membership::find(person, &request.name, &number).is_ok() {
                meant = found;
            }
        }
        let found = meant.ok_or(MembershipRefusal::NobodyToAdd)?;
        let approve = |membership: &Membership, company: &Enterprise, now: Timestamp| {
            membership.approve(company, &caller.actor(), now)
        };
        let next = take(transaction, &found, &company.value, &approve).await?;
        Ok(Answer::created(view(transaction.repository(), &next).await?))
    })
    .await
}

/// Removes somebody: that person's certificates of this company are revoked and deleted. Goes on by itself until nothing is
/// left; asked again it gives the same removal.
#[utoipa::path(
    delete,
    path = "/v1/enterprises/{code}/members/{user}",
    operation_id = "remove_member",
    tag = "members",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        ("user" = UserId, Path, description = "The person"),
    ),
    responses((status = 202, description = "The person is being removed", body = CascadeView), ForChange),
    security(("device_session" = ["legal_person"])),
)]
pub async fn remove(
    broker: web::Data<Broker>,
    caller: SignedIn,
    path: web::Path<(CreditCode, UserId)>,
) -> Result<HttpResponse, ApiError> {
    let (code, user) = path.into_inner();
    let id = CascadeId::random();
    let removal = broker
        .repository
        .transact(async |transaction| {
            let company = led_by(transaction.repository(), &caller, &code).await?;
            let found = transaction.get::<Membership>(&membership_key(&code, user)).await?;
            let found = found.ok_or_else(no_such_company)?;
            begin_removal(transaction, &found, &company.value, id, &caller.actor()).await
        })
        .await?;
    Ok(versioned(HttpResponse::Accepted(), None, &cascade_view(&removal)))
}

async fn view(repository: &Repository, membership: &Membership) -> Result<MemberView, ApiError> {
    let user = repository.get::<User>(membership.user.as_bytes()).await?.map(|found| found.value);
    let user = user.as_ref();
    Ok(MemberView {
        user: membership.user,
        name: user.and_then(|user| user.name.clone()).unwrap_or_default(),
        masked_id_number: user.and_then(|user| Some(user.id_number.as_ref()?.masked())),
        masked_phone_number: user.and_then(|user| Some(user.phone.as_ref()?.masked())),
        department: membership.department.clone(),
        state: state_name(&membership.state).to_owned(),
        applied_at: membership.applied_at,
        cascade: match membership.state {
            State::Removing { cascade, .. } => Some(cascade),
            _ => None,
        },
    })
}
