//! Events as they lie in the tree: one log per relying party, and lists of numbers per session and per opening.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::event::{Event, EventPage, Happening};
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId, Timestamp};

use super::draft::Draft;
use super::overlay::Layers;
use super::value::{self, corrupt};
use super::{keys, openings, sessions};
use crate::session::record::{SessionRecord, State};
use crate::store::{EventsOf, StoreError};

/// What is stored of an event: its number stands in the key, a result in the session.
#[derive(Deserialize, Serialize)]
struct Entry {
    session: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opening: Option<OpeningId>,
    at: Timestamp,
    happening: Happening,
}

/// The JSON under which an event will be stored.
pub(super) fn to_json(
    record: &SessionRecord,
    at: Timestamp,
    happening: &Happening,
) -> Result<Vec<u8>, StoreError> {
    let happening = match happening {
        Happening::Completed { keep_until, .. } => {
            Happening::Completed { keep_until: *keep_until, result: None }
        }
        other => other.clone(),
    };
    json(&Entry { session: record.id, opening: record.opening, at, happening })
}

/// A value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| {
        StoreError::Corrupt(format!("it could not be read back, so it is not stored: {error}"))
    })
}

/// Writes an event and its places in the lists.
pub(super) fn put(draft: &mut Draft<'_>, record: &SessionRecord, sequence: u64, json: Vec<u8>) {
    draft.put(keys::event(&record.relying_party.id, sequence), json);
    draft.put(keys::numbered(keys::events_of_session(record.id), sequence), &[]);
    if let Some(opening) = record.opening {
        draft.put(keys::numbered(keys::events_of_opening(opening), sequence), &[]);
    }
}

/// Removes all events of a session and answers with the highest number among them, 0 where there are none.
pub(super) fn remove(
    draft: &mut Draft<'_>,
    session: SessionId,
    relying_party: &RelyingPartyId,
    opening: Option<OpeningId>,
) -> Result<u64, StoreError> {
    let mut highest = 0;
    for sequence in numbers(draft.layers(), keys::events_of_session(session), 0, usize::MAX)? {
        draft.delete(keys::event(relying_party, sequence));
        draft.delete(keys::numbered(keys::events_of_session(session), sequence));
        if let Some(opening) = opening {
            draft.delete(keys::numbered(keys::events_of_opening(opening), sequence));
        }
        highest = sequence;
    }
    let removed = keys::removed(relying_party);
    if highest > value::number(draft.layers(), &removed)? {
        draft.put(removed, &highest.to_be_bytes());
    }
    Ok(highest)
}

/// Reads a page of events.
///
/// A session is removed with all its events and never in part, so as long as it is there none of its own are missing.
/// An opening remembers the last of its own that was removed. Of what is gone altogether only the relying party's mark
/// is left, which may call a page incomplete that is not.
pub(super) fn page(
    layers: Layers<'_>,
    relying_party: &RelyingPartyId,
    of: EventsOf,
    after: u64,
    limit: usize,
) -> Result<EventPage, StoreError> {
    let removed = value::number(layers, &keys::removed(relying_party))?;
    let (list, removed) = match of {
        EventsOf::RelyingParty => (Some(keys::events(relying_party)), removed),
        EventsOf::Session(id) => match sessions::read_summary(layers, id)? {
            Some((_, summary)) if summary.relying_party == *relying_party => {
                (Some(keys::events_of_session(id)), 0)
            }
            _ => (None, removed),
        },
        EventsOf::Opening(id) => match openings::read(layers, id)? {
            Some((opening, removed)) if opening.relying_party == *relying_party => {
                (Some(keys::events_of_opening(id)), removed)
            }
            _ => (None, removed),
        },
    };
    let mut events = Vec::new();
    if let Some(list) = list {
        for sequence in numbers(layers, list, after, limit)? {
            events.push(read(layers, relying_party, sequence)?);
        }
    }
    // A number that was never given out comes from other data than these: from before a restored backup, for example.
    let given_out = value::number(layers, &keys::counter(relying_party))?;
    Ok(EventPage { events, complete: after >= removed && after <= given_out })
}

/// At most `limit` sequence numbers after `after` at the ends of keys that begin with `list`.
fn numbers(layers: Layers<'_>, list: Vec<u8>, after: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
    let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
    layers
        .scan(&list, keys::numbered(list.clone(), first))
        .take(limit)
        .map(|entry| {
            let (key, _) = entry?;
            keys::sequence_of(&key).ok_or_else(|| corrupt(&key, "has a key without a sequence number"))
        })
        .collect()
}

fn read(layers: Layers<'_>, relying_party: &RelyingPartyId, sequence: u64) -> Result<Event, StoreError> {
    let key = keys::event(relying_party, sequence);
    let bytes = layers.get(&key)?.ok_or_else(|| corrupt(&key, "is missing though a list names it"))?;
    let entry: Entry =
        serde_json::from_slice(&bytes).map_err(|error| corrupt(&key, &format!("is no event: {error}")))?;
    let Entry { session, opening, at, mut happening } = entry;
    if let Happening::Completed { result, .. } = &mut happening
        && let Some(stored) = sessions::read(layers, session)?
        && let State::Completed { result: kept, .. } = &stored.record.state
    {
        result.clone_from(kept);
    }
    Ok(Event { sequence, session, opening, at, happening })
}
