//! What happens between a connection's `hello` and its `welcome`: prove, subscribe, read what was missed.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix::Recipient;

use yinqiao_protocol::event::Event;
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId, Token};

use super::{events_of, new_token};
use crate::broker::Broker;
use crate::event::{Deliver, Subscription};
use crate::http::ownership::own_opening;
use crate::http::problem::{ApiError, Kind};
use crate::session::machine::Input;
use crate::store::StoredSession;

/// Events read at once: results come with them, and a page is read in one moment of the store.
const PAGE: usize = 100;

/// A `hello`.
pub(super) struct Greeting {
    pub(super) relying_party: Option<RelyingPartyId>,
    pub(super) token: Option<Token>,
    pub(super) opening: Option<OpeningId>,
    pub(super) after: u64,
    pub(super) deliver: Recipient<Deliver>,
    pub(super) overrun: Arc<AtomicBool>,
}

/// A proven connection.
pub(super) struct Welcomed {
    pub(super) relying_party: RelyingPartyId,
    pub(super) session: Option<StoredSession>,
    pub(super) next_token: Option<Token>,
    pub(super) subscription: Subscription,
    pub(super) missed: Vec<Arc<Event>>,
    pub(super) complete: bool,
}

impl Greeting {
    pub(super) async fn run(self, broker: &Broker) -> Result<Welcomed, ApiError> {
        let (relying_party, session, next_token) = match (&self.relying_party, &self.token) {
            (Some(relying_party), None) => {
                if let Some(opening) = self.opening {
                    own_opening(broker, relying_party, opening).await?;
                }
                (relying_party.clone(), None, None)
            }
            (None, Some(token)) => {
                let (stored, next) = use_token(broker, token).await?;
                (stored.record.relying_party.id.clone(), Some(stored), Some(next))
            }
            (Some(_), Some(_)) => {
                return Err(ApiError::new(
                    Kind::InvalidRequest,
                    "an API key watches all sessions, a token one: send either",
                ));
            }
            (None, None) => {
                return Err(ApiError::new(
                    Kind::Unauthorized,
                    "send the session's socket_token in hello, or the API key with the upgrade request",
                ));
            }
        };
        let of = events_of(session.as_ref().map(|stored| stored.record.id), self.opening);
        // First subscribe, then read: what happens in between comes by the subscription and is sent once, by its number.
        let subscription = broker.hub.subscribe_socket(&relying_party, of, self.deliver, self.overrun);
        let mut missed = Vec::new();
        let mut after = self.after;
        let mut complete = true;
        loop {
            let page = broker.store.events(relying_party.clone(), of, after, PAGE).await?;
            complete &= page.complete;
            let full = page.events.len() == PAGE;
            after = page.events.last().map_or(after, |event| event.sequence);
            missed.extend(page.events.into_iter().map(Arc::new));
            if !full {
                break;
            }
        }
        Ok(Welcomed { relying_party, session, next_token, subscription, missed, complete })
    }
}

async fn use_token(broker: &Broker, token: &Token) -> Result<(StoredSession, Token), ApiError> {
    let unknown = || {
        ApiError::new(Kind::Unauthorized, "the token is not of a session here: use the socket_token as given")
    };
    let session: SessionId = token_session(token).ok_or_else(unknown)?;
    let next = new_token(&session)?;
    let input = Input::UseSocketToken { presented: token.digest(), next: next.digest() };
    let applied = broker.sessions.apply(session, input).await?;
    Ok((applied.stored, next))
}

fn token_session(token: &Token) -> Option<SessionId> {
    let bytes = token.to_bytes()?;
    let name: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
    (bytes.len() == 48).then(|| SessionId::from_bytes(name))
}
