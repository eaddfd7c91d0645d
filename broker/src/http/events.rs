//! Events by request: for bid systems that hold no websocket.

use actix_web::web;
use serde::Deserialize;

use yinqiao_protocol::event::EventPage;
use yinqiao_protocol::{RelyingPartyId, SessionId};

use super::authentication::RelyingParty;
use super::ownership::own_session;
use super::problem::ApiError;
use super::sessions::MOST_WAIT_SECONDS;
use crate::broker::Broker;
use crate::store::EventsOf;

/// Events in one answer, at most and by default.
const MOST_EVENTS: usize = 500;

/// Which events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: u64,
    limit: Option<usize>,
}

/// `GET /v1/sessions/{session}/events`
pub async fn of_session(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    session: web::Path<SessionId>,
    query: web::Query<Query>,
) -> Result<web::Json<EventPage>, ApiError> {
    own_session(&broker, &relying_party.name.id, *session).await?;
    page(&broker, &relying_party.name.id, EventsOf::Session(*session), &query).await
}

/// `GET /v1/events`
pub async fn of_relying_party(
    broker: web::Data<Broker>,
    RelyingParty(relying_party): RelyingParty,
    query: web::Query<Query>,
) -> Result<web::Json<EventPage>, ApiError> {
    page(&broker, &relying_party.name.id, EventsOf::RelyingParty, &query).await
}

async fn page(
    broker: &Broker,
    relying_party: &RelyingPartyId,
    of: EventsOf,
    query: &Query,
) -> Result<web::Json<EventPage>, ApiError> {
    let limit = query.limit.unwrap_or(MOST_EVENTS).clamp(1, MOST_EVENTS);
    let wait = std::time::Duration::from_secs(query.wait.min(MOST_WAIT_SECONDS));
    let deadline = tokio::time::Instant::now() + wait;
    let (_subscription, woken) = broker.hub.subscribe_waiter(relying_party, of);
    loop {
        let page = broker.store.events(relying_party.clone(), of, query.after, limit).await?;
        let waited = !page.events.is_empty()
            || query.wait == 0
            || tokio::time::timeout_at(deadline, woken.notified()).await.is_err();
        if waited {
            return Ok(web::Json(page));
        }
    }
}
