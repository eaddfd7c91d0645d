//! The bid system's requests about one session.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use yinqiao_protocol::relying_party::{LateItems, OpenSession, OpenedSession, SessionView, SocketToken};
use yinqiao_protocol::statement::RelyingPartyName;
use yinqiao_protocol::{Base64, Cause, SessionId, Timestamp, Token, code};

use super::authentication::RelyingParty;
use super::idempotency::{self, IdempotencyKey, Names};
use super::ownership::own_session;
use super::problem::{ApiError, Kind};
use crate::broker::Broker;
use crate::clock;
use crate::session::machine::Input;
use crate::session::opening::{Fresh, OpenError, Window, new_session};
use crate::session::picture::{self, PictureError};
use crate::session::record::{CodeSecret, SessionRecord, State};
use crate::socket::new_token;
use crate::store::{EventsOf, SessionChange, StoreError, StoredSession};

/// The longest that a request waits, in seconds.
pub const MOST_WAIT_SECONDS: u64 = 60;
/// Path of the websocket.
const SOCKET_PATH: &str = "/v1/socket";

impl From<OpenError> for ApiError {
    fn from(error: OpenError) -> Self {
        Self::new(Kind::InvalidRequest, error.to_string())
    }
}

impl From<PictureError> for ApiError {
    fn from(error: PictureError) -> Self {
        Self::new(Kind::Internal, error.to_string())
    }
}

/// A session about to be stored, with the token that only its bid system gets.
pub struct Prepared {
    /// To be stored.
    pub change: SessionChange,
    token: Token,
}

/// Makes a session of a request.
pub fn prepare(
    broker: &Broker,
    (names, index): (&Names, usize),
    request: OpenSession,
    relying_party: RelyingPartyName,
    window: Option<Window>,
    now: Timestamp,
) -> Result<Prepared, ApiError> {
    for name in &request.accept.certificate_authorities {
        broker.authorities.get(name).map_err(|_| {
            let detail = format!(
                "accept.certificate_authorities: no CA is called \"{name}\" here; GET /v1/certificate-authorities lists them"
            );
            ApiError::new(Kind::InvalidRequest, detail)
        })?;
    }
    let mut secret = [0; 32];
    let mut nonce = [0; 16];
    getrandom::fill(&mut secret)?;
    getrandom::fill(&mut nonce)?;
    let id = names.session(broker, index);
    let token = new_token(&id)?;
    let fresh = Fresh {
        id,
        secret: CodeSecret::new(secret),
        nonce: nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
        socket_token_sm3: token.digest(),
        request_sm3: names.request_sm3(),
    };
    let (record, happening) = new_session(request, relying_party, window, fresh, now)?;
    let change = SessionChange { expected: 0, record: record.into(), happenings: vec![happening], at: now };
    Ok(Prepared { change, token })
}

/// What the bid system gets for a session that was just stored.
pub fn opened(broker: &Broker, prepared: &Prepared, stored: &StoredSession) -> OpenedSession {
    opened_with(broker, stored, prepared.token.clone())
}

/// What it gets when it sends the same request again: the same session with a new websocket token.
pub async fn opened_before(
    broker: &Broker,
    owner: &RelyingPartyName,
    prepared: &Prepared,
) -> Result<OpenedSession, ApiError> {
    let wanted = &prepared.change.record;
    let stored = own_session(broker, &owner.id, wanted.id).await?;
    if stored.record.request_sm3 != wanted.request_sm3 {
        return Err(idempotency::reused());
    }
    let input = Input::RenewSocketToken { next: prepared.token.digest() };
    let applied = broker.sessions.apply(wanted.id, input).await?;
    Ok(opened_with(broker, &applied.stored, prepared.token.clone()))
}

fn opened_with(broker: &Broker, stored: &StoredSession, socket_token: Token) -> OpenedSession {
    let record = &stored.record;
    let step = code::step_at(record.opened_at, clock::now());
    OpenedSession {
        session: record.id,
        sequence: stored.sequence,
        secret: Base64(record.secret.expose().to_vec()),
        code: code::text(&broker.public_url, record.secret.expose(), &record.id, step),
        opened_at: record.opened_at,
        scan_until: record.deadline(),
        socket_token,
        socket: SOCKET_PATH.to_owned(),
        reference: record.terms.reference.clone(),
    }
}

/// `POST /v1/sessions`
pub async fn open(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    key: IdempotencyKey,
    request: web::Json<OpenSession>,
) -> Result<HttpResponse, ApiError> {
    let names = key.names(&relying_party.name.id, &*request)?;
    let prepared =
        prepare(&broker, (&names, 0), request.into_inner(), relying_party.name.clone(), None, clock::now())?;
    broker.sessions.expect(std::slice::from_ref(&prepared.change));
    let answer = match broker.store.commit(vec![prepared.change.clone()]).await {
        Ok(stored) => {
            let first = stored.first().ok_or_else(ApiError::no_session)?;
            let answer = opened(&broker, &prepared, first);
            broker.sessions.adopt(stored);
            answer
        }
        Err(StoreError::Conflict) => opened_before(&broker, &relying_party.name, &prepared).await?,
        Err(error) => return Err(error.into()),
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/v1/sessions/{}", answer.session)))
        .json(answer))
}

/// How a request waits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Seconds to wait at most; 0 answers at once.
    #[serde(default)]
    pub wait: u64,
    /// Wait for something after this sequence number.
    #[serde(default)]
    pub after: u64,
}

impl Wait {
    /// The time that it may take, at most [`MOST_WAIT_SECONDS`].
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.wait.min(MOST_WAIT_SECONDS))
    }
}

/// `GET /v1/sessions/{session}`
pub async fn view(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
    wait: web::Query<Wait>,
) -> Result<web::Json<SessionView>, ApiError> {
    let of = EventsOf::Session(*session);
    let (_subscription, woken) = broker.hub.subscribe_waiter(&relying_party.name.id, of);
    let deadline = tokio::time::Instant::now() + wait.duration();
    loop {
        let stored = own_session(&broker, &relying_party.name.id, *session).await?;
        if stored.sequence > wait.after || wait.wait == 0 || stored.record.is_final() {
            return Ok(web::Json(session_view(&stored)));
        }
        if tokio::time::timeout_at(deadline, woken.notified()).await.is_err() {
            return Ok(web::Json(session_view(&stored)));
        }
    }
}

/// What a bid system sees of a session.
pub fn session_view(stored: &StoredSession) -> SessionView {
    let record = &stored.record;
    let (result, acknowledged) = match &record.state {
        State::Completed { result, .. } => (result.clone(), result.is_none()),
        _ => (None, false),
    };
    let cause = if let State::Ended { cause, .. } = &record.state { Some(cause.clone()) } else { None };
    SessionView {
        session: record.id,
        opening: record.opening,
        reference: record.terms.reference.clone(),
        state: record.state_name(),
        sequence: stored.sequence,
        until: Some(record.deadline()),
        claimant: record.claim().map(|claim| claim.claimant.clone()),
        result,
        acknowledged,
        attributed_to: cause.as_ref().map(Cause::attribution),
        cause,
    }
}

/// The text of the code to show now.
fn current_code(broker: &Broker, record: &SessionRecord) -> Result<String, ApiError> {
    if !matches!(record.state, State::Waiting { .. }) {
        return Err(ApiError::new(
            Kind::WrongState,
            "the session has no code any more: it was scanned or has ended; show its state instead",
        ));
    }
    let step = code::step_at(record.opened_at, clock::now());
    Ok(code::text(&broker.public_url, record.secret.expose(), &record.id, step))
}

/// `GET /v1/sessions/{session}/qr.svg`
pub async fn svg(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
) -> Result<HttpResponse, ApiError> {
    let stored = own_session(&broker, &relying_party.name.id, *session).await?;
    let drawn = picture::svg(&current_code(&broker, &stored.record)?)?;
    Ok(picture_response("image/svg+xml", drawn.into_bytes()))
}

/// `GET /v1/sessions/{session}/qr.png`
pub async fn png(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
) -> Result<HttpResponse, ApiError> {
    let stored = own_session(&broker, &relying_party.name.id, *session).await?;
    Ok(picture_response("image/png", picture::png(&current_code(&broker, &stored.record)?)?))
}

/// `GET /v1/sessions/{session}/qr.txt`: half-block characters for a terminal, then the code's text on a line of its own.
pub async fn text(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
) -> Result<HttpResponse, ApiError> {
    let stored = own_session(&broker, &relying_party.name.id, *session).await?;
    let code = current_code(&broker, &stored.record)?;
    let drawn = picture::half_blocks(&code)?;
    Ok(picture_response("text/plain; charset=utf-8", format!("{drawn}\n{code}\n").into_bytes()))
}

fn picture_response(media_type: &str, body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}

/// `PUT /v1/sessions/{session}/items`
pub async fn items(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
    items: web::Json<LateItems>,
) -> Result<web::Json<SessionView>, ApiError> {
    own_session(&broker, &relying_party.name.id, *session).await?;
    let applied = broker.sessions.apply(*session, Input::Items(items.into_inner().task)).await?;
    Ok(web::Json(session_view(&applied.stored)))
}

/// `POST /v1/sessions/{session}/cancel`
pub async fn cancel(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
) -> Result<web::Json<SessionView>, ApiError> {
    own_session(&broker, &relying_party.name.id, *session).await?;
    let applied = broker.sessions.apply(*session, Input::Cancel(Cause::CancelledByRelyingParty)).await?;
    Ok(web::Json(session_view(&applied.stored)))
}

/// `POST /v1/sessions/{session}/acknowledge`
pub async fn acknowledge(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
) -> Result<web::Json<SessionView>, ApiError> {
    own_session(&broker, &relying_party.name.id, *session).await?;
    let applied = broker.sessions.apply(*session, Input::Acknowledge).await?;
    Ok(web::Json(session_view(&applied.stored)))
}

/// `POST /v1/sessions/{session}/socket-tokens`
pub async fn socket_token(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
) -> Result<HttpResponse, ApiError> {
    own_session(&broker, &relying_party.name.id, *session).await?;
    let token = new_token(&session)?;
    broker.sessions.apply(*session, Input::RenewSocketToken { next: token.digest() }).await?;
    Ok(HttpResponse::Created().json(SocketToken { socket_token: token }))
}
