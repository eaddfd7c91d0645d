//! A session as it is stored: what was asked, and where it stands.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::holder::{Acceptance, Claimant, Holder};
use yinqiao_protocol::outcome::Outcome;
use yinqiao_protocol::statement::{Display, NamedSeal, RelyingPartyName};
use yinqiao_protocol::{Base64, Cause, OpeningId, SessionId, Sm3Hex, Task, Timestamp};

/// A stored session. Its version and the sequence number of its last event stand beside it in the store.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SessionRecord {
    /// Its name.
    pub id: SessionId,
    /// Who asked.
    pub relying_party: RelyingPartyName,
    /// The opening that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<OpeningId>,
    /// What was asked.
    pub terms: Terms,
    /// Key of the rotating code and of everything derived from it.
    pub secret: CodeSecret,
    /// 16 random bytes in hexadecimal, for the statement.
    pub nonce: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Of the one token that opens the session's websocket next.
    pub socket_token_sm3: Sm3Hex,
    /// Digest of the request that opened it under an idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_sm3: Option<Sm3Hex>,
    /// CAs whose holders scanned and were turned away since their certificates' status was not to be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turned_away: Vec<String>,
    /// Where it stands.
    pub state: State,
}

/// What the bid system asked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Terms {
    /// Purpose and items; the items of a session with late items are filled in when they come.
    pub task: Task,
    /// Whether items follow after the claim.
    pub late_items: bool,
    /// What the holder reads.
    pub display: Display,
    /// Which holders may answer.
    pub accept: Acceptance,
    /// Seconds.
    pub time_to_confirm: u32,
    /// Seconds.
    pub time_to_keep: u32,
    /// In an opening scanning and confirming share one window.
    pub shared_window: bool,
    /// The bid system's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// 32 random bytes. `Debug` prints nothing of them.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, Zeroize, ZeroizeOnDrop)]
pub struct CodeSecret([u8; 32]);

impl CodeSecret {
    /// Wraps 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for CodeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeSecret(…)")
    }
}

/// Where a session stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// For a scan.
    Waiting {
        /// It expires then.
        until: Timestamp,
    },
    /// Claimed; the bid system must send the items.
    ItemsAwaited {
        /// By whom.
        claim: Box<ClaimRecord>,
        /// It expires then.
        until: Timestamp,
    },
    /// Claimed; the holder decides.
    Ready {
        /// By whom.
        claim: Box<ClaimRecord>,
        /// The statement's bytes.
        statement: Base64,
        /// Since when.
        ready_at: Timestamp,
        /// It expires then.
        until: Timestamp,
    },
    /// Answered.
    Completed {
        /// By whom.
        claim: Box<ClaimRecord>,
        /// SM3 of the response's bytes.
        response_sm3: Sm3Hex,
        /// The result, until it is acknowledged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Box<Outcome>>,
        /// When.
        at: Timestamp,
        /// It is removed then.
        keep_until: Timestamp,
    },
    /// Ended without a result.
    Ended {
        /// How.
        how: End,
        /// Why.
        cause: Cause,
        /// Who had claimed it, if anyone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claim: Option<Box<ClaimRecord>>,
        /// When.
        at: Timestamp,
        /// It is removed then.
        keep_until: Timestamp,
    },
}

/// How a session ends without a result.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By the holder or the phone.
    Declined,
    /// It could not be completed.
    Failed,
    /// Time ran out.
    Expired,
    /// By the bid system.
    Cancelled,
}

/// Who claimed a session.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ClaimRecord {
    /// SM3 of the claim's bytes: the same claim gets the same answer.
    pub claim_sm3: Sm3Hex,
    /// Of the token for the phone's further requests.
    pub token_sm3: Sm3Hex,
    /// Whose.
    pub holder: Holder,
    /// Name of the adapter.
    pub certificate_authority: String,
    /// SM3 of the signing certificate's DER.
    pub certificate_sm3: Sm3Hex,
    /// In `seal` sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<NamedSeal>,
    /// What the bid system was told.
    pub claimant: Claimant,
    /// When.
    pub claimed_at: Timestamp,
}

impl SessionRecord {
    /// The state in one word.
    pub fn state_name(&self) -> SessionState {
        match &self.state {
            State::Waiting { .. } => SessionState::Waiting,
            State::ItemsAwaited { .. } => SessionState::ItemsAwaited,
            State::Ready { .. } => SessionState::Ready,
            State::Completed { .. } => SessionState::Completed,
            State::Ended { how: End::Declined, .. } => SessionState::Declined,
            State::Ended { how: End::Failed, .. } => SessionState::Failed,
            State::Ended { how: End::Expired, .. } => SessionState::Expired,
            State::Ended { how: End::Cancelled, .. } => SessionState::Cancelled,
        }
    }

    /// Its claim, if it has one.
    pub fn claim(&self) -> Option<&ClaimRecord> {
        match &self.state {
            State::Waiting { .. } => None,
            State::ItemsAwaited { claim, .. }
            | State::Ready { claim, .. }
            | State::Completed { claim, .. } => Some(claim),
            State::Ended { claim, .. } => claim.as_deref(),
        }
    }

    /// When it expires, or, where it has ended, is removed.
    pub fn deadline(&self) -> Timestamp {
        match &self.state {
            State::Waiting { until } | State::ItemsAwaited { until, .. } | State::Ready { until, .. } => {
                *until
            }
            State::Completed { keep_until, .. } | State::Ended { keep_until, .. } => *keep_until,
        }
    }

    /// Whether nothing more can happen but acknowledgement and removal.
    pub fn is_final(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Ended { .. })
    }
}
