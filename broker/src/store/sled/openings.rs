//! Openings as they lie in the tree: the highest number among the removed events of its sessions, u64 big-endian, then the
//! JSON of the OpeningRecord.

use yinqiao_protocol::{OpeningId, SessionId};

use super::draft::Draft;
use super::overlay::Layers;
use super::value::{self, Head, corrupt};
use super::{events, keys};
use crate::store::{OpeningRecord, StoreError};

/// An opening's JSON, made ready outside the writer.
pub(super) struct Prepared {
    id: OpeningId,
    sessions: Vec<SessionId>,
    json: Vec<u8>,
}

impl Prepared {
    pub(super) fn new(opening: OpeningRecord) -> Result<Self, StoreError> {
        Ok(Self { id: opening.id, json: events::json(&opening)?, sessions: opening.sessions })
    }

    /// Bytes that it will write, about.
    pub(super) fn weight(&self) -> usize {
        256 + self.json.len()
    }

    /// Writes it to the draft, new or in the place of the one before. Its sessions' changes come first: an opening is
    /// stored as long as one of its sessions is.
    pub(super) fn plan(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        let key = keys::opening(self.id);
        if !has_sessions(draft.layers(), &self.sessions)? {
            return Err(StoreError::Conflict);
        }
        let before = Head::read(draft.layers(), &key)?;
        let (version, removed) = match &before {
            Some(head) => (head.version, take_removed(head.beginning(), &key)?.0),
            None => (0, 0),
        };
        value::put(draft, key, version + 1, &[&removed.to_be_bytes(), self.json.as_slice()].concat())
    }
}

/// Reads an opening and the highest number among its removed events.
pub(super) fn read(layers: Layers<'_>, id: OpeningId) -> Result<Option<(OpeningRecord, u64)>, StoreError> {
    let key = keys::opening(id);
    let Some(head) = Head::read(layers, &key)? else { return Ok(None) };
    let content = head.content(layers, &key)?;
    let (removed, json) = take_removed(&content, &key)?;
    let opening =
        serde_json::from_slice(json).map_err(|error| corrupt(&key, &format!("is no opening: {error}")))?;
    Ok(Some((opening, removed)))
}

/// Some of an opening's sessions were removed, the last of their events being `removed`: removes the opening, too, when
/// none is left.
pub(super) fn sessions_removed(draft: &mut Draft<'_>, id: OpeningId, removed: u64) -> Result<(), StoreError> {
    let key = keys::opening(id);
    let Some(head) = Head::read(draft.layers(), &key)? else { return Ok(()) };
    let Some((opening, before)) = read(draft.layers(), id)? else { return Ok(()) };
    if !has_sessions(draft.layers(), &opening.sessions)? {
        return value::delete(draft, key);
    }
    let content = [&removed.max(before).to_be_bytes(), events::json(&opening)?.as_slice()].concat();
    value::put(draft, key, head.version, &content)
}

/// Whether any of the sessions is stored.
fn has_sessions(layers: Layers<'_>, sessions: &[SessionId]) -> Result<bool, StoreError> {
    for session in sessions {
        if layers.get(&keys::session(*session))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn take_removed<'a>(content: &'a [u8], key: &[u8]) -> Result<(u64, &'a [u8]), StoreError> {
    let (removed, json) =
        content.split_first_chunk().ok_or_else(|| corrupt(key, "is too short for an opening"))?;
    Ok((u64::from_be_bytes(*removed), json))
}
