//! Keys: one byte that says what lies there, then names of fixed length or with their length in front, so that the order
//! of the keys is the order in which they are read.

use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

use crate::store::Collection;

/// The format's number: [`FORMAT_NUMBER`] as four bytes, big-endian.
pub(super) const FORMAT: &[u8] = b"F";
/// The layout that this module and its neighbours write.
pub(super) const FORMAT_NUMBER: u32 = 1;
/// Longest key of a record, in bytes. Together with the size of a part it keeps sled's pages small: see `value`.
pub(super) const LONGEST_RECORD_KEY: usize = 1024;

const COUNTER: u8 = b'C';
const EVENT: u8 = b'E';
const OPENING: u8 = b'O';
const OPENING_EVENT: u8 = b'o';
const PART: u8 = b'P';
const REMOVED: u8 = b'R';
const SESSION: u8 = b'S';
const SESSION_EVENT: u8 = b's';
const RECORD: u8 = b'V';

/// All sessions.
pub(super) const SESSIONS: &[u8] = &[SESSION];

/// `S` ‖ id: a session.
pub(super) fn session(id: SessionId) -> Vec<u8> {
    joined(SESSION, &[id.as_bytes()])
}

/// The id in a key made by [`session`].
pub(super) fn session_of(key: &[u8]) -> Option<SessionId> {
    key.strip_prefix(SESSIONS)?.try_into().ok().map(SessionId::from_bytes)
}

/// `O` ‖ id: an opening.
pub(super) fn opening(id: OpeningId) -> Vec<u8> {
    joined(OPENING, &[id.as_bytes()])
}

/// `C` ‖ relying party: the last sequence number given out.
pub(super) fn counter(relying_party: &RelyingPartyId) -> Vec<u8> {
    joined(COUNTER, &[relying_party.as_str().as_bytes()])
}

/// `R` ‖ relying party: the highest sequence number among its removed events.
pub(super) fn removed(relying_party: &RelyingPartyId) -> Vec<u8> {
    joined(REMOVED, &[relying_party.as_str().as_bytes()])
}

/// `E` ‖ length of the relying party's name, one byte ‖ name: what its events' keys begin with.
pub(super) fn events(relying_party: &RelyingPartyId) -> Vec<u8> {
    let name = relying_party.as_str().as_bytes();
    // A relying party's name has at most 32 bytes.
    joined(EVENT, &[&[name.len() as u8], name])
}

/// [`events`] ‖ sequence number: an event.
pub(super) fn event(relying_party: &RelyingPartyId, sequence: u64) -> Vec<u8> {
    numbered(events(relying_party), sequence)
}

/// `s` ‖ session: what the keys that list its events begin with.
pub(super) fn events_of_session(id: SessionId) -> Vec<u8> {
    joined(SESSION_EVENT, &[id.as_bytes()])
}

/// `o` ‖ opening: what the keys that list its events begin with.
pub(super) fn events_of_opening(id: OpeningId) -> Vec<u8> {
    joined(OPENING_EVENT, &[id.as_bytes()])
}

/// A key's beginning with a sequence number behind it.
pub(super) fn numbered(mut beginning: Vec<u8>, sequence: u64) -> Vec<u8> {
    beginning.extend_from_slice(&sequence.to_be_bytes());
    beginning
}

/// The sequence number at a key's end.
pub(super) fn sequence_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// `V` ‖ collection ‖ key: a record.
pub(super) fn record(collection: Collection, key: &[u8]) -> Vec<u8> {
    joined(RECORD, &[&[collection as u8], key])
}

/// The record's own key in a key made by [`record`].
pub(super) fn record_of(key: &[u8]) -> Option<&[u8]> {
    key.get(2..)
}

/// `P` ‖ key of the value ‖ number from 1: a further part of a long value. The number has a fixed length and stands last,
/// so no two values share a part's key.
pub(super) fn part(of: &[u8], number: u32) -> Vec<u8> {
    joined(PART, &[of, &number.to_be_bytes()])
}

/// The first key after all those that begin with `prefix`.
pub(super) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    // Every key begins with a letter, so this ends before nothing is left.
    while end.last() == Some(&0xff) {
        end.pop();
    }
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

fn joined(kind: u8, names: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + names.iter().map(|name| name.len()).sum::<usize>());
    key.push(kind);
    for name in names {
        key.extend_from_slice(name);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_ordered_by_number_and_no_relying_party_sees_anothers() {
        let (short, long): (RelyingPartyId, RelyingPartyId) = ("a".parse().unwrap(), "ab".parse().unwrap());
        assert!(event(&short, 255) < event(&short, 256));
        assert!(!event(&long, 1).starts_with(&events(&short)));
    }

    #[test]
    fn the_end_of_a_prefix_carries_over_the_highest_byte() {
        assert_eq!(end_of(&[b'V', 1, 0xff, 0xff]), [b'V', 2]);
        assert_eq!(end_of(b"S"), b"T");
    }
}
