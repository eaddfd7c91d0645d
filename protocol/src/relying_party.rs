//! The bid system's side of the REST interface. All requests carry `Authorization: Bearer API-KEY`.

use serde::{Deserialize, Serialize};

use crate::binary::Base64;
use crate::cause::{Attribution, Cause};
use crate::event::SessionState;
use crate::holder::{Acceptance, Claimant};
use crate::identifier::{OpeningId, SessionId};
use crate::outcome::Outcome;
use crate::statement::Display;
use crate::task::Task;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// The most sessions in one opening.
pub const MOST_SESSIONS: usize = 1000;
/// Bounds of every time to live, in seconds.
pub const TIME_TO_LIVE_SECONDS: std::ops::RangeInclusive<u32> = 30..=7200;

/// `POST /v1/sessions`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// Purpose and items.
    pub task: Task,
    /// The items follow after the claim, by `PUT /v1/sessions/{id}/items`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late_items: bool,
    /// What the holder reads.
    #[serde(default)]
    pub display: Display,
    /// Which holders may answer.
    #[serde(default)]
    pub accept: Acceptance,
    /// Seconds until an unscanned session expires. Default 180 for login, 600 otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_scan: Option<u32>,
    /// Seconds from the claim until an unanswered session expires. Default as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_confirm: Option<u32>,
    /// Seconds that an unacknowledged result is kept. Default 7,200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_keep: Option<u32>,
    /// The bid system's own name for the session, at most 128 characters; given back in views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Answer to [`OpenSession`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OpenedSession {
    /// Its public name.
    pub session: SessionId,
    /// The event `opened`: start a socket's replay after it, or at 0.
    pub sequence: u64,
    /// Key of the rotating code, 32 bytes; for bid systems that compute codes themselves.
    pub secret: Base64,
    /// The code's text at this moment.
    pub code: String,
    /// When steps are counted from.
    pub opened_at: Timestamp,
    /// It expires then.
    pub scan_until: Timestamp,
    /// For one connection to [`OpenedSession::socket`].
    pub socket_token: Token,
    /// Path of the websocket.
    pub socket: String,
    /// As given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// `GET /v1/sessions/{id}?wait=SECONDS&after=SEQUENCE`: answers at once, or with `wait` as soon as the session has an
/// event after `after`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SessionView {
    /// Its name.
    pub session: SessionId,
    /// The opening that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<OpeningId>,
    /// As given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Where it stands.
    pub state: SessionState,
    /// Of its last event.
    pub sequence: u64,
    /// It expires then, or its result is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimant: Option<Claimant>,
    /// The result, while it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<Outcome>>,
    /// Whether the result was acknowledged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acknowledged: bool,
    /// Why it ended without a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Through whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributed_to: Option<Attribution>,
}

/// `PUT /v1/sessions/{id}/items`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LateItems {
    /// The session's task again, now with its items.
    pub task: Task,
}

/// `POST /v1/sessions/{id}/socket-tokens`: a new token for the session's websocket; the one before is void.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SocketToken {
    /// For one connection.
    pub socket_token: Token,
}

/// `POST /v1/openings`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenOpening {
    /// What the opening is called, at most 200 characters.
    #[serde(default)]
    pub title: String,
    /// Seconds in which every session must be answered; takes the place of the sessions' times to scan and confirm.
    /// Default 1,800.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// 1 to 1,000.
    pub sessions: Vec<OpenSession>,
}

/// Answer to [`OpenOpening`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OpenedOpening {
    /// Its name.
    pub opening: OpeningId,
    /// All sessions expire then, unless it is extended.
    pub until: Timestamp,
    /// In the order given.
    pub sessions: Vec<OpenedSession>,
}

/// `GET /v1/openings/{id}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OpeningView {
    /// Its name.
    pub opening: OpeningId,
    /// As given.
    pub title: String,
    /// When its window ends.
    pub until: Timestamp,
    /// In the order given; results left out.
    pub sessions: Vec<SessionView>,
}

/// `POST /v1/openings/{id}/extend`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendOpening {
    /// The window's new end, at most two hours from now. The same request sent again changes nothing more.
    pub until: Timestamp,
}

/// Answer to extending or cancelling an opening.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OpeningChange {
    /// When its window ends.
    pub until: Timestamp,
    /// Sessions that were changed.
    pub changed: usize,
    /// Sessions that had ended before.
    pub ended_before: usize,
}
