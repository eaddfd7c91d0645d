//! Sessions as they lie in the tree.
//!
//! ```text
//! content  sequence number of the last event, u64 ‖ deadline in milliseconds, u64 ‖ 1 when ended, else 0
//!          ‖ 1 and 16 bytes of the opening, or 0 and 16 zero bytes ‖ length of the relying party's name, one byte ‖ name
//!          ‖ JSON of the SessionRecord
//! ```
//!
//! Numbers are big-endian. What stands before the JSON is what the writer and the list of deadlines need; it lies within
//! the first part of the value.

use std::sync::Arc;

use yinqiao_protocol::event::{Event, Happening};
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId, Timestamp};

use super::draft::Draft;
use super::overlay::Layers;
use super::value::{self, Head, corrupt};
use super::{events, keys};
use crate::session::record::SessionRecord;
use crate::store::{SessionChange, SessionDeadline, StoreError, StoredSession};

/// What stands before the JSON.
#[derive(Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) sequence: u64,
    pub(super) deadline: Timestamp,
    pub(super) ended: bool,
    pub(super) opening: Option<OpeningId>,
    pub(super) relying_party: RelyingPartyId,
}

/// A change with all that can be made ready outside the writer.
pub(super) struct Prepared {
    change: SessionChange,
    json: Vec<u8>,
    events: Vec<Vec<u8>>,
}

impl Prepared {
    pub(super) fn new(change: SessionChange) -> Result<Self, StoreError> {
        let events = change
            .happenings
            .iter()
            .map(|happening| events::to_json(&change.record, change.at, happening))
            .collect::<Result<_, _>>()?;
        Ok(Self { json: events::json(&*change.record)?, events, change })
    }

    /// Bytes that it will write, about.
    pub(super) fn weight(&self) -> usize {
        256 + self.json.len() + self.events.iter().map(|event| 256 + event.len()).sum::<usize>()
    }

    /// Writes the change and its events to the draft, if it fits what stands there.
    pub(super) fn plan(
        self,
        draft: &mut Draft<'_>,
        announcements: &mut Vec<Announcement>,
    ) -> Result<StoredSession, StoreError> {
        let SessionChange { expected, record, happenings, at } = self.change;
        let key = keys::session(record.id);
        let head = Head::read(draft.layers(), &key)?;
        if head.as_ref().map_or(0, |head| head.version) != expected {
            return Err(StoreError::Conflict);
        }
        let relying_party = &record.relying_party.id;
        let mut sequence = match &head {
            Some(head) => Summary::parse(head.beginning(), &key)?.0.sequence,
            None => 0,
        };
        if !happenings.is_empty() {
            let counter = keys::counter(relying_party);
            sequence = value::number(draft.layers(), &counter)?;
            for (happening, json) in happenings.into_iter().zip(self.events) {
                sequence += 1;
                events::put(draft, &record, sequence, json);
                announcements.push(Announcement::new(&record, sequence, at, happening));
            }
            draft.put(counter, &sequence.to_be_bytes());
        }
        let mut content = Summary::of(&record, sequence).to_bytes();
        content.extend_from_slice(&self.json);
        value::put(draft, key, expected + 1, &content)?;
        Ok(StoredSession { version: expected + 1, sequence, record })
    }
}

/// An event to publish once it is on disk.
pub(super) struct Announcement {
    pub(super) relying_party: RelyingPartyId,
    pub(super) event: Arc<Event>,
}

impl Announcement {
    fn new(record: &SessionRecord, sequence: u64, at: Timestamp, happening: Happening) -> Self {
        Self {
            relying_party: record.relying_party.id.clone(),
            event: Arc::new(Event { sequence, session: record.id, opening: record.opening, at, happening }),
        }
    }
}

/// Reads a session.
pub(super) fn read(layers: Layers<'_>, id: SessionId) -> Result<Option<StoredSession>, StoreError> {
    let key = keys::session(id);
    let Some(head) = Head::read(layers, &key)? else { return Ok(None) };
    let content = head.content(layers, &key)?;
    let (summary, json) = Summary::parse(&content, &key)?;
    let record =
        serde_json::from_slice(json).map_err(|error| corrupt(&key, &format!("is no session: {error}")))?;
    Ok(Some(StoredSession { version: head.version, sequence: summary.sequence, record: Arc::new(record) }))
}

/// Reads what the writer and the events need of a session: its version and summary.
pub(super) fn read_summary(layers: Layers<'_>, id: SessionId) -> Result<Option<(u64, Summary)>, StoreError> {
    let key = keys::session(id);
    let Some(head) = Head::read(layers, &key)? else { return Ok(None) };
    Ok(Some((head.version, Summary::parse(head.beginning(), &key)?.0)))
}

/// Reads all deadlines.
pub(super) fn deadlines(layers: Layers<'_>) -> Result<Vec<SessionDeadline>, StoreError> {
    layers
        .scan(keys::SESSIONS, Vec::new())
        .map(|entry| {
            let (key, bytes) = entry?;
            let id =
                keys::session_of(&key).ok_or_else(|| corrupt(&key, "has the key of a session but no id"))?;
            let head = Head::parse(bytes, &key)?;
            let (summary, _) = Summary::parse(head.beginning(), &key)?;
            Ok(SessionDeadline {
                id,
                version: head.version,
                deadline: summary.deadline,
                ended: summary.ended,
            })
        })
        .collect()
}

impl Summary {
    fn of(record: &SessionRecord, sequence: u64) -> Self {
        Self {
            sequence,
            deadline: record.deadline(),
            ended: record.is_final(),
            opening: record.opening,
            relying_party: record.relying_party.id.clone(),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let name = self.relying_party.as_str().as_bytes();
        let mut bytes = self.sequence.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.deadline.millis().to_be_bytes());
        bytes.push(u8::from(self.ended));
        bytes.push(u8::from(self.opening.is_some()));
        bytes.extend_from_slice(self.opening.as_ref().map_or(&[0; 16], |opening| opening.as_bytes()));
        // A relying party's name has at most 32 bytes.
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name);
        bytes
    }

    /// The summary, and the JSON (or as much of it as is there).
    fn parse<'a>(content: &'a [u8], key: &[u8]) -> Result<(Self, &'a [u8]), StoreError> {
        Self::take(content).ok_or_else(|| corrupt(key, "does not begin like a session"))
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (sequence, bytes) = bytes.split_first_chunk()?;
        let (deadline, bytes) = bytes.split_first_chunk()?;
        let (ended, bytes) = bytes.split_first()?;
        let (has_opening, bytes) = bytes.split_first()?;
        let (opening, bytes) = bytes.split_first_chunk()?;
        let (length, bytes) = bytes.split_first()?;
        let (name, json) = bytes.split_at_checked(usize::from(*length))?;
        let summary = Self {
            sequence: u64::from_be_bytes(*sequence),
            deadline: Timestamp::from_millis(i64::from_be_bytes(*deadline)),
            ended: flag(*ended)?,
            opening: flag(*has_opening)?.then(|| OpeningId::from_bytes(*opening)),
            relying_party: std::str::from_utf8(name).ok()?.parse().ok()?,
        };
        Some((summary, json))
    }
}

fn flag(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_comes_back_and_no_cut_one_is_taken_for_whole() {
        for opening in [None, Some(OpeningId::random())] {
            let summary = Summary {
                sequence: 7,
                deadline: Timestamp::from_millis(1_795_512_600_007),
                ended: opening.is_some(),
                opening,
                relying_party: "platform-1".parse().unwrap(),
            };
            let bytes = summary.to_bytes();
            assert_eq!(Summary::take(&bytes).unwrap(), (summary, &[][..]));
            assert!((0..bytes.len()).all(|length| Summary::take(&bytes[..length]).is_none()));
        }
    }
}
