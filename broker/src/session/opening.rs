//! From what a bid system asks to a new session: defaults and bounds. Pure; ids and randomness come in.

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_protocol::event::Happening;
use yinqiao_protocol::relying_party::{OpenSession, TIME_TO_LIVE_SECONDS};
use yinqiao_protocol::statement::RelyingPartyName;
use yinqiao_protocol::task::TaskError;
use yinqiao_protocol::{OpeningId, Purpose, SessionId, Sm3Hex, Timestamp};

use super::record::{CodeSecret, SessionRecord, State, Terms};

/// Seconds to scan and to confirm a login.
const LOGIN_SECONDS: u32 = 180;
/// Seconds to scan and to confirm anything else.
const DEFAULT_SECONDS: u32 = 600;
/// Seconds that a result is kept.
const KEEP_SECONDS: u32 = 7200;

/// Why a session cannot be opened as asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The task breaks a rule.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A time to live out of bounds.
    #[error("{name} is {given} s: it must lie between {} and {} s", TIME_TO_LIVE_SECONDS.start(), TIME_TO_LIVE_SECONDS.end())]
    TimeToLive {
        /// Which.
        name: &'static str,
        /// What was asked.
        given: u32,
    },
    /// Too long, or not to be shown.
    #[error("{0}")]
    Text(&'static str),
    /// Names a company that cannot exist.
    #[error(
        "accept.enterprises: \"{0}\" is not a unified social credit code (GB 32100): its last character follows from the others"
    )]
    CreditCode(String),
}

/// What only the shell can give.
pub struct Fresh {
    /// New.
    pub id: SessionId,
    /// 32 random bytes.
    pub secret: CodeSecret,
    /// 16 random bytes in hexadecimal.
    pub nonce: String,
    /// SM3 of the first websocket token.
    pub socket_token_sm3: Sm3Hex,
    /// Digest of the request, where it carries an idempotency key.
    pub request_sm3: Option<Sm3Hex>,
}

/// The opening that a session belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Which.
    pub opening: OpeningId,
    /// When its window ends.
    pub until: Timestamp,
}

/// A new session, and what is told of it.
///
/// # Errors
/// The first rule that does not hold.
pub fn new_session(
    request: OpenSession,
    relying_party: RelyingPartyName,
    window: Option<Window>,
    fresh: Fresh,
    now: Timestamp,
) -> Result<(SessionRecord, Happening), OpenError> {
    request.task.validate(request.late_items)?;
    validate_texts(&request)?;
    let purpose = request.task.purpose();
    let default = if purpose == Purpose::Login { LOGIN_SECONDS } else { DEFAULT_SECONDS };
    let time_to_scan = time_to_live("time_to_scan", request.time_to_scan, default)?;
    let terms = Terms {
        task: request.task,
        late_items: request.late_items,
        display: request.display,
        accept: request.accept,
        time_to_confirm: time_to_live("time_to_confirm", request.time_to_confirm, default)?,
        time_to_keep: time_to_live("time_to_keep", request.time_to_keep, KEEP_SECONDS)?,
        shared_window: window.is_some(),
        reference: request.reference,
    };
    let until = window.map_or_else(|| now.plus_seconds(time_to_scan), |window| window.until);
    let record = SessionRecord {
        id: fresh.id,
        relying_party,
        opening: window.map(|window| window.opening),
        terms,
        secret: fresh.secret,
        nonce: fresh.nonce,
        opened_at: now,
        socket_token_sm3: fresh.socket_token_sm3,
        request_sm3: fresh.request_sm3,
        turned_away: Vec::new(),
        state: State::Waiting { until },
    };
    Ok((record, Happening::Opened { purpose, scan_until: until }))
}

/// A time to live within its bounds.
///
/// # Errors
/// [`OpenError::TimeToLive`].
pub fn time_to_live(name: &'static str, given: Option<u32>, default: u32) -> Result<u32, OpenError> {
    let seconds = given.unwrap_or(default);
    if TIME_TO_LIVE_SECONDS.contains(&seconds) {
        Ok(seconds)
    } else {
        Err(OpenError::TimeToLive { name, given: seconds })
    }
}

fn validate_texts(request: &OpenSession) -> Result<(), OpenError> {
    let display = &request.display;
    let lines = display.text.split('\n');
    if !showable_or_empty(&display.title, 100) {
        return Err(OpenError::Text("display.title has at most 100 characters and no control characters"));
    }
    if display.text.chars().count() > 1000 || !lines.into_iter().all(|line| showable_or_empty(line, 1000)) {
        return Err(OpenError::Text(
            "display.text has at most 1,000 characters and no control characters but line feeds",
        ));
    }
    if !request.reference.as_deref().is_none_or(|reference| showable_or_empty(reference, 128)) {
        return Err(OpenError::Text("reference has at most 128 characters and no control characters"));
    }
    let accept = &request.accept;
    if accept.certificate_authorities.len() > 100
        || accept.enterprises.len() > 1000
        || accept.persons.len() > 1000
    {
        return Err(OpenError::Text(
            "accept names at most 100 certificate authorities, 1,000 enterprises and 1,000 persons",
        ));
    }
    match accept.enterprises.iter().find(|code| code.parse::<CreditCode>().is_err()) {
        Some(wrong) => Err(OpenError::CreditCode(wrong.clone())),
        None => Ok(()),
    }
}

fn showable_or_empty(text: &str, most: usize) -> bool {
    text.is_empty() || yinqiao_protocol::task::is_showable(text, most)
}
