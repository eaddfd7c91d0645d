//! Joining a company and leaving it, from the person's side.

use actix_web::{HttpResponse, web};

use yinqiao_lifecycle::cascade::{Cascade, CascadeKind};
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::{Membership, State};
use yinqiao_protocol::CascadeId;
use yinqiao_protocol::enterprise::{CascadeView, JoinRequest, MembershipView};
use yinqiao_protocol::holder::masked_name;
use yinqiao_protocol::page::Page;

use super::{cascade_view, no_such_company};
use crate::broker::Broker;
use crate::http::lifecycle::caller::{SignedIn, Verified};
use crate::http::lifecycle::page::{PageQuery, sent};
use crate::http::lifecycle::post::{Answer, Post};
use crate::http::lifecycle::precondition::versioned;
use crate::http::lifecycle::problems::{ForCaller, ForChange};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::cascade;
use crate::message::{self, Notice};
use crate::records::companies::{membership_key, memberships_of};
use crate::records::{Transaction, Versioned};

/// Applies to join a company. Its legal person decides.
#[utoipa::path(
    post,
    path = "/v1/enterprises/{code}/applications",
    operation_id = "apply_to_join",
    tag = "memberships",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        Post,
    ),
    request_body = JoinRequest,
    responses((status = 201, description = "It waits for the legal person", body = MembershipView), ForChange),
    security(("device_session" = ["verified"])),
)]
pub async fn apply(
    broker: web::Data<Broker>,
    Verified(caller): Verified,
    code: web::Path<CreditCode>,
    post: Post,
    request: web::Json<JoinRequest>,
) -> Result<HttpResponse, ApiError> {
    post.run(&broker.repository, &caller.caller(), &*request, async |transaction| {
        let company = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?;
        let company = company.ok_or_else(|| {
            ApiError::new(
                Kind::NotFound,
                "no company is registered under this code: its legal person has to sign in first",
            )
        })?;
        company.value.require_active()?;
        transaction.rest_on(&company);
        let found = transaction.get::<Membership>(&membership_key(&code, caller.id())).await?;
        let before = found.as_ref().map(|found| &found.value);
        let step =
            Membership::apply(before, &code, &request.department, &caller.user.actor(), transaction.now())?;
        if step.changed {
            let to = message::to_user(transaction.repository(), company.value.legal_person).await?;
            let applicant = masked_name(caller.user.name.as_deref().unwrap_or_default());
            let enterprise = company.value.data.name.clone();
            message::write(transaction, to, Notice::JoinRequested { enterprise, applicant })?;
        }
        let next = transaction.take(found.as_ref(), step)?;
        Ok(Answer::created(view(&next, &company.value)))
    })
    .await
}

/// The companies that one belongs to, belonged to, or wants to join, the latest first.
#[utoipa::path(
    get,
    path = "/v1/account/memberships",
    operation_id = "memberships",
    tag = "memberships",
    params(PageQuery),
    responses((status = 200, description = "Companies", body = Page<MembershipView>), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn memberships(
    broker: web::Data<Broker>,
    caller: SignedIn,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<MembershipView>>, ApiError> {
    let (after, limit) = query.parse()?;
    let repository = &broker.repository;
    let page = repository.page::<Membership>(&memberships_of(caller.id()), after.as_ref(), limit).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for Versioned { value, .. } in &page.items {
        if let Some(company) = repository.get::<Enterprise>(value.enterprise.as_str().as_bytes()).await? {
            items.push(view(value, &company.value));
        }
    }
    Ok(web::Json(sent(crate::records::Page { items, next: page.next })))
}

/// Takes an application back.
#[utoipa::path(
    post,
    path = "/v1/account/memberships/{code}/withdraw",
    operation_id = "withdraw_application",
    tag = "memberships",
    params(
        ("code" = String, Path, description = "统一社会信用代码"),
        Post,
    ),
    responses((status = 200, description = "Taken back", body = MembershipView), ForChange),
    security(("device_session" = ["user"])),
)]
pub async fn withdraw(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
    post: Post,
) -> Result<HttpResponse, ApiError> {
    post.run(&broker.repository, &caller.caller(), &(), async |transaction| {
        let (found, company) = own(transaction, &caller, &code).await?;
        let step = found.value.withdraw(&caller.actor(), transaction.now())?;
        let next = transaction.take(Some(&found), step)?;
        Ok(Answer::ok(view(&next, &company)))
    })
    .await
}

/// Leaves a company: one's certificates of this company are revoked and deleted.
#[utoipa::path(
    delete,
    path = "/v1/account/memberships/{code}",
    operation_id = "leave",
    tag = "memberships",
    params(("code" = String, Path, description = "统一社会信用代码")),
    responses((status = 202, description = "One is leaving", body = CascadeView), ForChange),
    security(("device_session" = ["user"])),
)]
pub async fn leave(
    broker: web::Data<Broker>,
    caller: SignedIn,
    code: web::Path<CreditCode>,
) -> Result<HttpResponse, ApiError> {
    let id = CascadeId::random();
    let removal = broker
        .repository
        .transact(async |transaction| {
            let (found, company) = own(transaction, &caller, &code).await?;
            remove(transaction, &found, &company, id, &caller.actor()).await
        })
        .await?;
    Ok(versioned(HttpResponse::Accepted(), None, &cascade_view(&removal)))
}

/// Begins to remove a member, or gives the removal under way.
pub(super) async fn remove(
    transaction: &mut Transaction<'_>,
    found: &Versioned<Membership>,
    company: &Enterprise,
    id: CascadeId,
    by: &yinqiao_lifecycle::Actor,
) -> Result<Cascade, ApiError> {
    let step = found.value.remove(company, id, by, transaction.now())?;
    let changed = step.changed;
    let membership = transaction.take(Some(found), step)?;
    if changed {
        let kind = CascadeKind::RemoveMember { enterprise: membership.enterprise, user: membership.user };
        return Ok(cascade::start(transaction, id, kind, by).await?);
    }
    let State::Removing { cascade, .. } = membership.state else { return Err(no_such_company()) };
    let under_way = transaction.get::<Cascade>(cascade.as_bytes()).await?;
    under_way.map(|found| found.value).ok_or_else(no_such_company)
}

async fn own(
    transaction: &Transaction<'_>,
    caller: &SignedIn,
    code: &CreditCode,
) -> Result<(Versioned<Membership>, Enterprise), ApiError> {
    let found = transaction.get::<Membership>(&membership_key(code, caller.id())).await?;
    let company = transaction.get::<Enterprise>(code.as_str().as_bytes()).await?;
    match (found, company) {
        (Some(found), Some(company)) => Ok((found, company.value)),
        _ => Err(no_such_company()),
    }
}

fn view(membership: &Membership, company: &Enterprise) -> MembershipView {
    MembershipView {
        enterprise: membership.enterprise.to_string(),
        enterprise_name: company.data.name.clone(),
        department: membership.department.clone(),
        state: state_name(&membership.state).to_owned(),
        reason: match &membership.state {
            State::Rejected { reason, .. } => Some(reason.clone()),
            _ => None,
        },
        applied_at: membership.applied_at,
    }
}

/// A membership's state as it is called.
pub(super) fn state_name(state: &State) -> &'static str {
    match state {
        State::Applied => "applied",
        State::Active { .. } => "active",
        State::Rejected { .. } => "rejected",
        State::Withdrawn { .. } => "withdrawn",
        State::Removing { .. } => "removing",
        State::Removed { .. } => "removed",
    }
}
