//! What belongs to a relying party. Another's session or opening is answered like one that never was, so that nothing can
//! be found out.

use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

use super::problem::{ApiError, Kind};
use crate::broker::Broker;
use crate::store::{OpeningRecord, StoredSession};

/// A session of this relying party.
///
/// # Errors
/// `not-found` where there is none, or it is another's.
pub async fn own_session(
    broker: &Broker,
    owner: &RelyingPartyId,
    id: SessionId,
) -> Result<StoredSession, ApiError> {
    let stored = broker.sessions.session(id).await?;
    if stored.record.relying_party.id == *owner { Ok(stored) } else { Err(ApiError::no_session()) }
}

/// An opening of this relying party.
///
/// # Errors
/// `not-found` where there is none, or it is another's.
pub async fn own_opening(
    broker: &Broker,
    owner: &RelyingPartyId,
    id: OpeningId,
) -> Result<OpeningRecord, ApiError> {
    match broker.store.opening(id).await? {
        Some(record) if record.relying_party == *owner => Ok(record),
        _ => Err(ApiError::new(
            Kind::NotFound,
            "there is no such opening: it never existed, or its results' time is over",
        )),
    }
}
