//! The bid system's requests about an opening: many sessions that are opened, watched, extended and cancelled together.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use futures_util::future::join_all;

use yinqiao_protocol::opening_record::SignedOpeningRecord;
use yinqiao_protocol::relying_party::{
    ExtendOpening, MOST_SESSIONS, OpenOpening, OpenedOpening, OpenedSession, OpeningChange, OpeningView,
    SessionView, TIME_TO_LIVE_SECONDS,
};
use yinqiao_protocol::statement::SignedText;
use yinqiao_protocol::task::is_showable;
use yinqiao_protocol::{Base64, Cause, OpeningId};

use super::authentication::RelyingParty;
use super::idempotency::IdempotencyKey;
use super::ownership::own_opening;
use super::problem::{ApiError, Kind};
use super::sessions::{Prepared, opened, opened_before, prepare, session_view};
use crate::broker::Broker;
use crate::clock;
use crate::session::actor::SessionError;
use crate::session::machine::{Input, Refusal};
use crate::session::opening::{Window, time_to_live};
use crate::session::opening_record;
use crate::store::{OpeningRecord, StoreError, StoredSession};

/// Seconds of a window where none is given.
const WINDOW_SECONDS: u32 = 1800;

/// `POST /v1/openings`
pub async fn open(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    key: IdempotencyKey,
    request: web::Json<OpenOpening>,
) -> Result<HttpResponse, ApiError> {
    let names = key.names(&relying_party.name.id, &*request)?;
    let request = request.into_inner();
    let count = request.sessions.len();
    if count == 0 || count > MOST_SESSIONS {
        return Err(ApiError::new(
            Kind::InvalidRequest,
            format!("{count} sessions: an opening has 1 to {MOST_SESSIONS}; split it"),
        ));
    }
    if !(request.title.is_empty() || is_showable(&request.title, 200)) {
        return Err(ApiError::new(
            Kind::InvalidRequest,
            "title has at most 200 characters and no control characters",
        ));
    }
    let now = clock::now();
    let until = now.plus_seconds(time_to_live("window", request.window, WINDOW_SECONDS)?);
    let window = Window { opening: names.opening(&broker), until };
    let prepared = request
        .sessions
        .into_iter()
        .enumerate()
        .map(|(index, session)| {
            prepare(&broker, (&names, index), session, relying_party.name.clone(), Some(window), now)
                .map_err(|error| error.with("session_index", index.into()))
        })
        .collect::<Result<Vec<Prepared>, ApiError>>()?;
    let record = OpeningRecord {
        id: window.opening,
        relying_party: relying_party.name.id.clone(),
        title: request.title,
        until,
        sessions: prepared.iter().map(|session| session.change.record.id).collect(),
    };
    let changes: Vec<_> = prepared.iter().map(|session| session.change.clone()).collect();
    broker.sessions.expect(&changes);
    let (until, sessions) = match broker.store.commit_opening(record, changes).await {
        Ok(stored) => {
            let opened =
                prepared.iter().zip(&stored).map(|(prepared, stored)| opened(&broker, prepared, stored));
            let opened: Vec<OpenedSession> = opened.collect();
            broker.sessions.adopt(stored);
            (until, opened)
        }
        Err(StoreError::Conflict) => {
            let before = own_opening(&broker, &relying_party.name.id, window.opening).await?;
            let again = prepared.iter().map(|session| opened_before(&broker, &relying_party.name, session));
            (before.until, join_all(again).await.into_iter().collect::<Result<_, _>>()?)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/v1/openings/{}", window.opening)))
        .json(OpenedOpening { opening: window.opening, until, sessions }))
}

/// `GET /v1/openings/{opening}`
pub async fn view(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    opening: web::Path<OpeningId>,
) -> Result<web::Json<OpeningView>, ApiError> {
    let record = own_opening(&broker, &relying_party.name.id, *opening).await?;
    let sessions = present_sessions(&broker, &record).await?;
    let views = sessions.iter().map(|stored| SessionView { result: None, ..session_view(stored) }).collect();
    Ok(web::Json(OpeningView {
        opening: record.id,
        title: record.title,
        until: record.until,
        sessions: views,
    }))
}

/// `POST /v1/openings/{opening}/extend`
pub async fn extend(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    opening: web::Path<OpeningId>,
    request: web::Json<ExtendOpening>,
) -> Result<web::Json<OpeningChange>, ApiError> {
    let record = own_opening(&broker, &relying_party.name.id, *opening).await?;
    let now = clock::now();
    let until = request.until;
    if until > now.plus_seconds(*TIME_TO_LIVE_SECONDS.end()) || until < record.until || until <= now {
        return Err(ApiError::new(
            Kind::InvalidRequest,
            format!(
                "until is {until}: it must lie after the present end {} and at most two hours from now",
                record.until
            ),
        ));
    }
    // First the opening, then its sessions: where this is broken off, the same request does the rest.
    broker.store.commit_opening(OpeningRecord { until, ..record.clone() }, Vec::new()).await?;
    let input = Input::Extend { until };
    let (changed, ended_before) = apply_to_all(&broker, &record, &input).await?;
    Ok(web::Json(OpeningChange { until, changed, ended_before }))
}

/// `POST /v1/openings/{opening}/cancel`
pub async fn cancel(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    opening: web::Path<OpeningId>,
) -> Result<web::Json<OpeningChange>, ApiError> {
    let record = own_opening(&broker, &relying_party.name.id, *opening).await?;
    let (changed, ended_before) =
        apply_to_all(&broker, &record, &Input::Cancel(Cause::OpeningCancelled)).await?;
    Ok(web::Json(OpeningChange { until: record.until, changed, ended_before }))
}

/// `GET /v1/openings/{opening}/record`
pub async fn record(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    opening: web::Path<OpeningId>,
) -> Result<web::Json<SignedOpeningRecord>, ApiError> {
    let opening = own_opening(&broker, &relying_party.name.id, *opening).await?;
    let sessions = present_sessions(&broker, &opening).await?;
    let made = opening_record::compose(&opening, &relying_party.name, &sessions, clock::now());
    let internal = |text: String| ApiError::new(Kind::Internal, text);
    let bytes = made.to_bytes().map_err(|e| internal(e.to_string()))?;
    let (to_sign, key) = (bytes.clone(), broker.signing_key.clone());
    let signature = broker
        .pool
        .run(move || key.sign(&to_sign).and_then(|signature| signature.to_der()))
        .await?
        .map_err(|e| internal(e.to_string()))?;
    Ok(web::Json(SignedOpeningRecord {
        record: Base64(bytes),
        signature: Base64(signature),
        public_key: Base64(broker.signing_key.public_key().to_sec1().to_vec()),
    }))
}

/// The opening's sessions that are still kept, in its order.
async fn present_sessions(broker: &Broker, opening: &OpeningRecord) -> Result<Vec<StoredSession>, ApiError> {
    let results = join_all(opening.sessions.iter().map(|id| broker.sessions.session(*id))).await;
    let mut sessions = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(stored) => sessions.push(stored),
            // Removed since its result's time was over.
            Err(SessionError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sessions)
}

async fn apply_to_all(
    broker: &Broker,
    opening: &OpeningRecord,
    input: &Input,
) -> Result<(usize, usize), ApiError> {
    let results = join_all(opening.sessions.iter().map(|id| broker.sessions.apply(*id, input.clone()))).await;
    let (mut changed, mut ended_before) = (0, 0);
    for result in results {
        match result {
            Ok(applied) if applied.changed => changed += 1,
            Ok(_) => {}
            Err(SessionError::Refused(Refusal::Ended(_)) | SessionError::NotFound) => ended_before += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok((changed, ended_before))
}
