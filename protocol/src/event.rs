//! What happens to sessions, as bid systems hear of it, and the messages of the websocket.

use serde::{Deserialize, Serialize};

use crate::cause::{Attribution, Cause};
use crate::holder::Claimant;
use crate::identifier::{OpeningId, SessionId};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::task::Purpose;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// One event. Sequence numbers count per relying party from 1 without gaps; those of one session rise.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Event {
    /// Position in the relying party's stream: what `after=N` names.
    pub sequence: u64,
    /// Whose event.
    pub session: SessionId,
    /// The opening that the session belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<OpeningId>,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}

/// What can happen to a session.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Happening {
    /// The session waits for a scan.
    Opened {
        /// What for.
        purpose: Purpose,
        /// It expires then.
        scan_until: Timestamp,
    },
    /// A phone has scanned: show no code any more.
    Claimed {
        /// By whom.
        claimant: Claimant,
        /// Whether the bid system must send the items now.
        items_awaited: bool,
        /// It expires then.
        confirm_until: Timestamp,
    },
    /// Late items have come; the phone shows them.
    Ready {
        /// How many.
        items: usize,
        /// It expires then.
        confirm_until: Timestamp,
    },
    /// Its deadline was moved.
    Extended {
        /// It expires then.
        until: Timestamp,
    },
    /// The answer is verified.
    Completed {
        /// How long the result can be fetched, unless it is acknowledged before.
        keep_until: Timestamp,
        /// The result. Left out in lists of events where it was acknowledged and removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Box<Outcome>>,
    },
    /// The holder, or the phone in the holder's name, gave no answer.
    Declined(Ending),
    /// It cannot be completed any more.
    Failed(Ending),
    /// Time ran out.
    Expired(Ending),
    /// The bid system took it back.
    Cancelled(Ending),
}

/// Why, and through whom, a session ended without a result.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ending {
    /// Why.
    pub cause: Cause,
    /// Through whom.
    pub attributed_to: Attribution,
}

impl From<Cause> for Ending {
    fn from(cause: Cause) -> Self {
        Self { attributed_to: cause.attribution(), cause }
    }
}

/// What a bid system sends on the websocket.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// First message of a connection, within 10 s.
    Hello {
        /// A session's single-use token. Left out where the upgrade request carried the API key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Token>,
        /// Send the events after this sequence number; 0 sends all that are kept.
        #[serde(default)]
        after: u64,
        /// With the API key: only this opening's events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opening: Option<OpeningId>,
        /// On one session's socket: whether to push each new code. Default: yes. A connection by API key gets none: its
        /// bid system computes the codes of its many sessions from their secrets.
        #[serde(default = "yes")]
        codes: bool,
    },
    /// The result was received and stored.
    Acknowledge {
        /// Whose result.
        session: SessionId,
    },
}

fn yes() -> bool {
    true
}

/// What the broker sends on the websocket.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answer to `hello`.
    Welcome {
        /// The number that the replay starts after.
        after: u64,
        /// Whether all events after it are still kept. When `false`, fetch the sessions' states.
        complete: bool,
        /// The token for the next connection of this session's socket; the one used is void.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_token: Option<Token>,
    },
    /// The code to show now.
    Code {
        /// Whose code.
        session: SessionId,
        /// The text to draw.
        text: String,
        /// The next one comes then.
        until: Timestamp,
    },
    /// Something happened.
    Event(Box<Event>),
    /// An acknowledgement is stored.
    Acknowledged {
        /// Whose result.
        session: SessionId,
    },
    /// Something is wrong. After a wrong `hello` the connection is closed.
    Problem(Problem),
}

/// What a list of events answers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct EventPage {
    /// In order.
    pub events: Vec<Event>,
    /// Whether all events after the number asked for are still kept.
    pub complete: bool,
}

/// The state of a session in one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// For a scan.
    Waiting,
    /// Scanned; the bid system must send the items.
    ItemsAwaited,
    /// Scanned; the holder decides.
    Ready,
    /// Final.
    Completed,
    /// Final.
    Declined,
    /// Final.
    Failed,
    /// Final.
    Expired,
    /// Final.
    Cancelled,
}

impl SessionState {
    /// Whether nothing more can happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::ItemsAwaited | Self::Ready)
    }
}
