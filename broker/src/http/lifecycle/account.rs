//! Signing in, the account, and the phones that are signed in.

use actix_web::{HttpResponse, web};
use utoipa::OpenApi;

use yinqiao_lifecycle::identity::AssuranceLevel;
use yinqiao_lifecycle::user::{DeviceSession, User};
use yinqiao_protocol::account::{
    Account, DeviceSessionView, RenewalRequest, SessionOpened, SessionRequest, SignInBegun, SignInRequest,
};
use yinqiao_protocol::page::Page;
use yinqiao_protocol::{DeviceSessionId, SignInId};

use super::caller::{ProvenDevice, SignedIn};
use super::page::{PageQuery, sent};
use super::problems::{ForCaller, Public};
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};
use crate::http::resource::resource;
use crate::identity::SignedInPhone;
use crate::records::users::sessions_of;

/// This part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(begin_sign_in, open_session, renew_session, account, sessions, end_session))]
pub struct Document;

/// Sets up the endpoints.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/account").get(account))
        .service(resource("/v1/account/sign-ins").post(begin_sign_in))
        .service(resource("/v1/account/sessions").get(sessions).post(open_session))
        .service(resource("/v1/account/sessions/{session}").delete(end_session))
        .service(resource("/v1/account/sessions/{session}/renew").post(renew_session));
}

/// Begins a sign-in: the answer says what the browser opens. Sent again it begins another one: it has no key, since nobody is
/// known yet to whom its answer, with the secrets in it, could be given again. What is begun and not ended expires.
#[utoipa::path(
    post,
    path = "/v1/account/sign-ins",
    operation_id = "begin_sign_in",
    tag = "account",
    request_body = SignInRequest,
    responses((status = 201, description = "Begun", body = SignInBegun), Public),
)]
pub async fn begin_sign_in(
    broker: web::Data<Broker>,
    request: web::Json<SignInRequest>,
) -> Result<HttpResponse, ApiError> {
    let (sign_in, authorization_url) = broker.begin_sign_in(&request).await?;
    let (id, expires_at): (SignInId, _) = (sign_in.id, sign_in.expires_at);
    Ok(HttpResponse::Created().json(SignInBegun { sign_in: id, authorization_url, expires_at }))
}

/// Ends a sign-in with what the identity provider sent back. The same request sent again gets the same session.
#[utoipa::path(
    post,
    path = "/v1/account/sessions",
    operation_id = "open_session",
    tag = "account",
    params(("DPoP" = String, Header, description = "Proof of the phone's key (RFC 9449)")),
    request_body = SessionRequest,
    responses((status = 201, description = "Signed in", body = SessionOpened), Public),
)]
pub async fn open_session(
    broker: web::Data<Broker>,
    device: ProvenDevice,
    request: web::Json<SessionRequest>,
) -> Result<HttpResponse, ApiError> {
    let opened = broker.finish_sign_in(&request, &device.0).await?;
    Ok(HttpResponse::Created().json(session_opened(&broker, opened)))
}

/// Gets the phone its next tokens. A lost answer may be asked for again within a minute, with the same renewal token.
#[utoipa::path(
    post,
    path = "/v1/account/sessions/{session}/renew",
    operation_id = "renew_session",
    tag = "account",
    params(
        ("session" = DeviceSessionId, Path, description = "The session"),
        ("DPoP" = String, Header, description = "Proof of the phone's key (RFC 9449)"),
    ),
    request_body = RenewalRequest,
    responses((status = 200, description = "The next tokens", body = SessionOpened), Public),
)]
pub async fn renew_session(
    broker: web::Data<Broker>,
    device: ProvenDevice,
    session: web::Path<DeviceSessionId>,
    request: web::Json<RenewalRequest>,
) -> Result<web::Json<SessionOpened>, ApiError> {
    let renewed = broker.renew_session(&request.renewal_token, &device.0, *session).await?;
    Ok(web::Json(session_opened(&broker, renewed)))
}

/// Who is signed in, and which levels are missing before certificates can be had.
#[utoipa::path(
    get,
    path = "/v1/account",
    operation_id = "account",
    tag = "account",
    responses((status = 200, description = "The account", body = Account), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn account(broker: web::Data<Broker>, caller: SignedIn) -> web::Json<Account> {
    web::Json(account_of(&broker, &caller.user))
}

/// The phones that are signed in, the newest first.
#[utoipa::path(
    get,
    path = "/v1/account/sessions",
    operation_id = "sessions",
    tag = "account",
    params(PageQuery),
    responses((status = 200, description = "Phones", body = Page<DeviceSessionView>), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn sessions(
    broker: web::Data<Broker>,
    caller: SignedIn,
    query: web::Query<PageQuery>,
) -> Result<web::Json<Page<DeviceSessionView>>, ApiError> {
    let (after, limit) = query.parse()?;
    let page =
        broker.repository.page::<DeviceSession>(&sessions_of(caller.id()), after.as_ref(), limit).await?;
    let now = broker.repository.clock().now();
    let mut page = page.map(|found| found.value);
    page.items.retain(|session| session.is_live(&caller.user, now));
    Ok(web::Json(sent(page.map(|session| DeviceSessionView {
        session: session.id,
        device_name: session.device_name,
        signed_in_at: session.since,
        last_used_at: session.last_used,
        current: session.id == caller.session.id,
    }))))
}

/// Signs a phone out: this one, or another that was lost.
#[utoipa::path(
    delete,
    path = "/v1/account/sessions/{session}",
    operation_id = "end_session",
    tag = "account",
    params(("session" = DeviceSessionId, Path, description = "The session")),
    responses((status = 204, description = "Signed out"), ForCaller),
    security(("device_session" = ["user"])),
)]
pub async fn end_session(
    broker: web::Data<Broker>,
    caller: SignedIn,
    session: web::Path<DeviceSessionId>,
) -> Result<HttpResponse, ApiError> {
    broker
        .repository
        .transact(async |transaction| {
            let found = transaction.get::<DeviceSession>(session.as_bytes()).await?;
            let found = found
                .filter(|found| found.value.user == caller.id())
                .ok_or_else(|| ApiError::new(Kind::NotFound, "you have no such phone"))?;
            let step = found.value.end(&caller.actor(), "signed out by the user", transaction.now());
            Ok::<_, ApiError>(transaction.take(Some(&found), step)?)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn session_opened(broker: &Broker, phone: SignedInPhone) -> SessionOpened {
    SessionOpened {
        session: phone.session.id,
        access_token: phone.access_token,
        access_token_expires_at: phone.session.access_ends_at(),
        renewal_token: phone.renewal_token,
        account: account_of(broker, &phone.user),
    }
}

/// A user as it is shown.
pub fn account_of(broker: &Broker, user: &User) -> Account {
    let missing = user.level.missing_for(AssuranceLevel::FOR_CERTIFICATES);
    Account {
        user: user.id,
        kind: user.kind,
        name: user.name.clone().unwrap_or_default(),
        masked_id_number: user.id_number.as_ref().map(|number| number.masked()),
        masked_phone_number: user.phone.as_ref().map(|number| number.masked()),
        assurance_level: format!("{:?}", user.level),
        missing_levels: missing.iter().map(|level| format!("{level:?}")).collect(),
        levels_url: broker.identity.levels_url().to_owned(),
        enterprise: user.stands_for(),
    }
}
