//! The smallest sessions that can be stored, and what can become of them.

use std::sync::Arc;

use yinqiao_protocol::event::{Ending, Happening};
use yinqiao_protocol::holder::{Acceptance, Claimant, Holder, HolderKind};
use yinqiao_protocol::outcome::{CertificateStatus, ItemOutcome, Outcome, Status, StatusSource};
use yinqiao_protocol::statement::{Display, RelyingPartyName};
use yinqiao_protocol::{
    Base64, Cause, HolderId, IdentifierError, OpeningId, Purpose, RelyingPartyId, SessionId, Sm3Hex, Task,
    Timestamp,
};

use crate::session::record::{ClaimRecord, CodeSecret, End, SessionRecord, State, Terms};
use crate::store::{OpeningRecord, SessionChange, StoredSession};

/// When everything happens.
pub fn now() -> Timestamp {
    Timestamp::from_millis(1_795_512_600_000)
}

/// A login session that waits for a scan.
pub fn waiting(relying_party: &RelyingPartyId) -> SessionRecord {
    let id = SessionId::random();
    SessionRecord {
        id,
        relying_party: RelyingPartyName {
            id: relying_party.clone(),
            name: "招标平台".to_owned(),
            domain: "bid.example".to_owned(),
        },
        opening: None,
        terms: Terms {
            task: Task::Login {},
            late_items: false,
            display: Display { title: "登录".to_owned(), text: String::new() },
            accept: Acceptance::default(),
            time_to_confirm: 180,
            time_to_keep: 7200,
            shared_window: false,
            reference: Some("reference".to_owned()),
        },
        secret: CodeSecret::new([7; 32]),
        nonce: "00112233445566778899aabbccddeeff".to_owned(),
        opened_at: now(),
        socket_token_sm3: Sm3Hex::of(id.as_bytes()),
        request_sm3: None,
        turned_away: Vec::new(),
        state: State::Waiting { until: now().plus_seconds(180) },
    }
}

/// The change that stores a new session.
pub fn open(record: SessionRecord) -> SessionChange {
    let happening = Happening::Opened { purpose: Purpose::Login, scan_until: record.deadline() };
    change(0, record, vec![happening])
}

/// A change that nobody hears of: the token for the next socket is another.
pub fn renew_token(stored: &StoredSession, token: &str) -> SessionChange {
    let mut record = SessionRecord::clone(&stored.record);
    record.socket_token_sm3 = Sm3Hex::of(token.as_bytes());
    change(stored.version, record, Vec::new())
}

/// The change by which a holder claims a session.
pub fn claim(stored: &StoredSession, holder: &str) -> SessionChange {
    let until = now().plus_seconds(360);
    let claim = claim_record(holder);
    let happening =
        Happening::Claimed { claimant: claim.claimant.clone(), items_awaited: false, confirm_until: until };
    let mut record = SessionRecord::clone(&stored.record);
    record.state = State::Ready {
        ready_at: record.opened_at,
        claim: Box::new(claim),
        statement: Base64(b"YINQIAO STATEMENT 1\n{}".to_vec()),
        until,
    };
    change(stored.version, record, vec![happening])
}

/// The change that completes a session, with a result of `items` items of 1,500 bytes each.
///
/// # Errors
/// When an item's number makes no name, which it always does.
pub fn complete(stored: &StoredSession, items: usize) -> Result<SessionChange, IdentifierError> {
    let keep_until = now().plus_seconds(7200);
    let claim = stored.record.claim().cloned().unwrap_or_else(|| claim_record("holder"));
    let result = Some(Box::new(outcome(&claim.holder, items)?));
    let mut record = SessionRecord::clone(&stored.record);
    record.state = State::Completed {
        claim: Box::new(claim),
        response_sm3: Sm3Hex::of(b"response"),
        result: result.clone(),
        at: now(),
        keep_until,
    };
    Ok(change(stored.version, record, vec![Happening::Completed { keep_until, result }]))
}

/// The change by which a bid system acknowledges the result: it is stored no longer.
pub fn acknowledge(stored: &StoredSession) -> SessionChange {
    let mut record = SessionRecord::clone(&stored.record);
    if let State::Completed { result, .. } = &mut record.state {
        *result = None;
    }
    change(stored.version, record, Vec::new())
}

/// The change by which a session expires unscanned.
pub fn expire(stored: &StoredSession) -> SessionChange {
    let mut record = SessionRecord::clone(&stored.record);
    record.state = State::Ended {
        how: End::Expired,
        cause: Cause::NeverScanned,
        claim: None,
        at: now(),
        keep_until: now().plus_seconds(7200),
    };
    change(stored.version, record, vec![Happening::Expired(Ending::from(Cause::NeverScanned))])
}

/// An opening, and `count` sessions that belong to it.
pub fn opening(relying_party: &RelyingPartyId, count: usize) -> (OpeningRecord, Vec<SessionRecord>) {
    let id = OpeningId::random();
    let sessions: Vec<SessionRecord> =
        (0..count).map(|_| SessionRecord { opening: Some(id), ..waiting(relying_party) }).collect();
    let opening = OpeningRecord {
        id,
        relying_party: relying_party.clone(),
        title: "开标".to_owned(),
        until: now().plus_seconds(1800),
        sessions: sessions.iter().map(|session| session.id).collect(),
    };
    (opening, sessions)
}

fn change(expected: u64, record: SessionRecord, happenings: Vec<Happening>) -> SessionChange {
    SessionChange { expected, record: Arc::new(record), happenings, at: now() }
}

fn claim_record(holder: &str) -> ClaimRecord {
    ClaimRecord {
        claim_sm3: Sm3Hex::of(holder.as_bytes()),
        token_sm3: Sm3Hex::of(b"token"),
        holder: Holder {
            id: HolderId::from_bytes([1; 16]),
            kind: HolderKind::Person,
            name: holder.to_owned(),
            enterprise: None,
        },
        certificate_authority: "softca".to_owned(),
        certificate_sm3: Sm3Hex::of(b"certificate"),
        seal: None,
        claimant: Claimant {
            masked_name: "王**".to_owned(),
            enterprise: None,
            match_code: "4711".to_owned(),
            certificate: None,
            seal: None,
        },
        claimed_at: now(),
    }
}

fn outcome(holder: &Holder, items: usize) -> Result<Outcome, IdentifierError> {
    let items = (0..items)
        .map(|number| {
            Ok(ItemOutcome { id: format!("item-{number}").parse()?, value: Base64(vec![number as u8; 1500]) })
        })
        .collect::<Result<Vec<_>, IdentifierError>>()?;
    Ok(Outcome {
        purpose: Purpose::Login,
        holder: holder.clone(),
        certificate_authority: "softca".to_owned(),
        statement: Base64(b"YINQIAO STATEMENT 1\n{}".to_vec()),
        statement_signature: Base64(vec![0x30; 70]),
        certificate: Base64(vec![0x30; 600]),
        chain: vec![Base64(vec![0x30; 500])],
        status: CertificateStatus {
            status: Status::Good,
            source: StatusSource::Crl,
            this_update: now(),
            next_update: now().plus_seconds(3600),
            fetched_at: now(),
        },
        completed_at: now(),
        items,
        encryption_certificate: None,
        opened_keys: None,
        opened_keys_signature: None,
    })
}
