//! What became of an opening's sessions, as the broker signs it. Pure.

use yinqiao_protocol::opening_record::{OpeningRecord, RecordedSession};
use yinqiao_protocol::statement::RelyingPartyName;
use yinqiao_protocol::{Cause, Timestamp};

use super::record::{SessionRecord, State};
use crate::store::{self, StoredSession};

/// The record of an opening from those of its sessions that are still kept.
pub fn compose(
    opening: &store::OpeningRecord,
    relying_party: &RelyingPartyName,
    sessions: &[StoredSession],
    now: Timestamp,
) -> OpeningRecord {
    let all_ended = sessions.iter().all(|stored| stored.record.is_final());
    OpeningRecord {
        opening: opening.id,
        title: opening.title.clone(),
        relying_party: relying_party.clone(),
        until: opening.until,
        made_at: now,
        complete: all_ended && sessions.len() == opening.sessions.len(),
        sessions: sessions.iter().map(|stored| recorded(&stored.record)).collect(),
    }
}

fn recorded(record: &SessionRecord) -> RecordedSession {
    let claim = record.claim();
    let (ended_at, response_sm3, cause) = match &record.state {
        State::Completed { at, response_sm3, .. } => (Some(*at), Some(*response_sm3), None),
        State::Ended { at, cause, .. } => (Some(*at), None, Some(cause.clone())),
        State::Waiting { .. } | State::ItemsAwaited { .. } | State::Ready { .. } => (None, None, None),
    };
    RecordedSession {
        session: record.id,
        reference: record.terms.reference.clone(),
        state: record.state_name(),
        ended_at,
        claimed_at: claim.map(|claim| claim.claimed_at),
        holder: claim.map(|claim| claim.holder.clone()),
        certificate_sm3: claim.map(|claim| claim.certificate_sm3),
        response_sm3,
        attributed_to: cause.as_ref().map(Cause::attribution),
        cause,
    }
}
