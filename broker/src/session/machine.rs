//! What becomes of a session: a function of its state, an input and the time. No clock, no I/O, no randomness.

use yinqiao_protocol::event::{Ending, Happening, SessionState};
use yinqiao_protocol::holder::{Claimant, Holder};
use yinqiao_protocol::outcome::Outcome;
use yinqiao_protocol::statement::{NamedSeal, SignedText};
use yinqiao_protocol::task::TaskError;
use yinqiao_protocol::{Base64, Cause, Sm3Hex, Statement, Task, Timestamp};

use super::record::{ClaimRecord, End, SessionRecord, State};

/// Something that comes to a session. Signatures and certificates were checked before; whether it fits the state is
/// decided here.
#[derive(Clone, Debug)]
pub enum Input {
    /// A phone with a fresh, authentic code and an accepted certificate.
    Claim(Box<ClaimFacts>),
    /// A phone with a good claim, whose certificate's status is not to be had: the holder is not to blame.
    TurnAway {
        /// Name of the CA's adapter.
        certificate_authority: String,
    },
    /// The items of a session with late items.
    Items(Task),
    /// A response whose signatures are all good.
    Respond(Box<ResponseFacts>),
    /// The holder or the phone gives no answer.
    Decline(Cause),
    /// The session cannot be completed any more.
    Fail(Cause),
    /// The bid system takes it back.
    Cancel(Cause),
    /// The window of its opening ends later.
    Extend {
        /// The new end.
        until: Timestamp,
    },
    /// The result was received.
    Acknowledge,
    /// A websocket presents its token; `next` opens the one after.
    UseSocketToken {
        /// SM3 of the token shown.
        presented: Sm3Hex,
        /// SM3 of the next one.
        next: Sm3Hex,
    },
    /// The bid system asks for a new token.
    RenewSocketToken {
        /// SM3 of the new one.
        next: Sm3Hex,
    },
    /// Time passed.
    Tick {
        /// Known outages that touch the session's life, as causes.
        outages: Vec<Outage>,
    },
}

/// A time in which something was not to be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outage {
    /// Of what; `None` means the broker, else the name of a CA's adapter.
    pub certificate_authority: Option<String>,
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

/// What is known of a claim.
#[derive(Clone, Debug)]
pub struct ClaimFacts {
    /// SM3 of the claim's bytes.
    pub claim_sm3: Sm3Hex,
    /// SM3 of the claim token.
    pub token_sm3: Sm3Hex,
    /// Whose.
    pub holder: Holder,
    /// Name of the adapter.
    pub certificate_authority: String,
    /// SM3 of the signing certificate's DER.
    pub certificate_sm3: Sm3Hex,
    /// In `seal` sessions.
    pub seal: Option<NamedSeal>,
    /// What the bid system is told.
    pub claimant: Claimant,
}

/// What is known of a response.
#[derive(Clone, Debug)]
pub struct ResponseFacts {
    /// SM3 of the response's bytes.
    pub response_sm3: Sm3Hex,
    /// SM3 of the statement's bytes that were verified.
    pub statement_sm3: Sm3Hex,
    /// What the bid system gets.
    pub outcome: Outcome,
}

/// What an input led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A new state, and what is told of it.
    Changed {
        /// To be stored.
        record: Box<SessionRecord>,
        /// To be told once it is stored.
        happenings: Vec<Happening>,
    },
    /// The input had been taken before, or changes nothing.
    Unchanged,
}

/// Why an input is refused. Nothing changes.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Another phone was first.
    #[error("another phone has already scanned this code: ask for a new code if that was not you")]
    AlreadyClaimed,
    /// The session has ended.
    #[error("the session has already ended ({0:?}): nothing can be changed any more")]
    Ended(SessionState),
    /// An answer needs a claim first.
    #[error("no phone has scanned the session's code yet")]
    NotClaimed,
    /// The bid system has not sent the items.
    #[error("the bid system has not sent the session's items yet: wait for them")]
    ItemsAwaited,
    /// Items come once.
    #[error("the session has its items already: open another session for others")]
    ItemsAlreadyThere,
    /// Late items that do not fit.
    #[error("{0}")]
    Items(#[from] TaskError),
    /// A different response came before.
    #[error("the session was answered before with other bytes: the first answer stands")]
    OtherResponse,
    /// The response is to a statement that is not the session's.
    #[error("the response answers another statement than the session's: fetch the session again")]
    OtherStatement,
    /// There is no result.
    #[error("the session has no result to acknowledge")]
    NoResult,
    /// The token was used or replaced.
    #[error("the websocket token was used before: get a new one with POST /v1/sessions/{{id}}/socket-tokens")]
    SocketTokenUsed,
    /// The statement cannot be written.
    #[error("the statement cannot be made: {0}")]
    Statement(String),
}

/// Decides what `input` does to `record` at `now`. A session whose time is over takes only [`Input::Tick`] first: call
/// [`is_due`] before.
///
/// # Errors
/// When the state does not allow it.
pub fn apply(record: &SessionRecord, input: Input, now: Timestamp) -> Result<Step, Refusal> {
    match input {
        Input::Claim(facts) => claim(record, *facts, now),
        Input::TurnAway { certificate_authority } => Ok(turn_away(record, certificate_authority)),
        Input::Items(task) => items(record, task, now),
        Input::Respond(facts) => respond(record, *facts, now),
        Input::Decline(cause) => match &record.state {
            State::Waiting { .. } => Err(Refusal::NotClaimed),
            _ => end(record, End::Declined, cause, now),
        },
        Input::Fail(cause) => end(record, End::Failed, cause, now),
        Input::Cancel(cause) => end(record, End::Cancelled, cause, now),
        Input::Extend { until } => extend(record, until),
        Input::Acknowledge => acknowledge(record),
        Input::UseSocketToken { presented, next } => {
            if presented == record.socket_token_sm3 {
                Ok(renewed_token(record, next))
            } else {
                Err(Refusal::SocketTokenUsed)
            }
        }
        Input::RenewSocketToken { next } => Ok(renewed_token(record, next)),
        Input::Tick { outages } => {
            if is_due(record, now) {
                end(record, End::Expired, cause_of_expiry(record, &outages), now)
            } else {
                Ok(Step::Unchanged)
            }
        }
    }
}

/// Whether the session's time is over and it has not been ended yet.
pub fn is_due(record: &SessionRecord, now: Timestamp) -> bool {
    !record.is_final() && record.deadline() <= now
}

fn claim(record: &SessionRecord, facts: ClaimFacts, now: Timestamp) -> Result<Step, Refusal> {
    let until = match &record.state {
        State::Waiting { until } => *until,
        _ => {
            return match record.claim() {
                Some(claim) if claim.claim_sm3 == facts.claim_sm3 => Ok(Step::Unchanged),
                _ if record.is_final() => Err(Refusal::Ended(record.state_name())),
                _ => Err(Refusal::AlreadyClaimed),
            };
        }
    };
    let until =
        if record.terms.shared_window { until } else { now.plus_seconds(record.terms.time_to_confirm) };
    let claim = ClaimRecord {
        claim_sm3: facts.claim_sm3,
        token_sm3: facts.token_sm3,
        holder: facts.holder,
        certificate_authority: facts.certificate_authority,
        certificate_sm3: facts.certificate_sm3,
        seal: facts.seal,
        claimant: facts.claimant,
        claimed_at: now,
    };
    let happening = Happening::Claimed {
        claimant: claim.claimant.clone(),
        items_awaited: record.terms.late_items,
        confirm_until: until,
    };
    let state = if record.terms.late_items {
        State::ItemsAwaited { claim: Box::new(claim), until }
    } else {
        let statement = statement(record, &claim, &record.terms.task, now)?;
        State::Ready { claim: Box::new(claim), statement, ready_at: now, until }
    };
    Ok(changed(record, state, vec![happening]))
}

fn turn_away(record: &SessionRecord, certificate_authority: String) -> Step {
    let waits = matches!(record.state, State::Waiting { .. });
    if !waits || record.turned_away.contains(&certificate_authority) {
        return Step::Unchanged;
    }
    let mut record = record.clone();
    record.turned_away.push(certificate_authority);
    Step::Changed { record: Box::new(record), happenings: Vec::new() }
}

fn items(record: &SessionRecord, task: Task, now: Timestamp) -> Result<Step, Refusal> {
    let (claim, until) = match &record.state {
        State::Waiting { .. } => return Err(Refusal::NotClaimed),
        State::ItemsAwaited { claim, until } => (claim, *until),
        State::Ready { .. } if record.terms.late_items && record.terms.task == task => {
            return Ok(Step::Unchanged);
        }
        State::Ready { .. } => return Err(Refusal::ItemsAlreadyThere),
        State::Completed { .. } | State::Ended { .. } => return Err(Refusal::Ended(record.state_name())),
    };
    if !record.terms.task.same_terms(&task) {
        return Err(TaskError::OtherTask.into());
    }
    task.validate(false)?;
    let statement = statement(record, claim, &task, now)?;
    // The time until the items came was the bid system's; the holder's begins now. An opening's window stays as it is.
    let until =
        if record.terms.shared_window { until } else { now.plus_seconds(record.terms.time_to_confirm) };
    let happening = Happening::Ready { items: task.items().len(), confirm_until: until };
    let mut record = record.clone();
    record.terms.task = task;
    let state = State::Ready { claim: claim.clone(), statement, ready_at: now, until };
    Ok(changed(&record, state, vec![happening]))
}

fn respond(record: &SessionRecord, facts: ResponseFacts, now: Timestamp) -> Result<Step, Refusal> {
    match &record.state {
        State::Waiting { .. } => Err(Refusal::NotClaimed),
        State::ItemsAwaited { .. } => Err(Refusal::ItemsAwaited),
        State::Completed { response_sm3, .. } if *response_sm3 == facts.response_sm3 => Ok(Step::Unchanged),
        State::Completed { .. } => Err(Refusal::OtherResponse),
        State::Ended { .. } => Err(Refusal::Ended(record.state_name())),
        State::Ready { statement, .. } if Sm3Hex::of(statement.as_slice()) != facts.statement_sm3 => {
            Err(Refusal::OtherStatement)
        }
        State::Ready { claim, .. } => {
            let keep_until = now.plus_seconds(record.terms.time_to_keep);
            let result = Some(Box::new(facts.outcome));
            let happening = Happening::Completed { keep_until, result: result.clone() };
            let state = State::Completed {
                claim: claim.clone(),
                response_sm3: facts.response_sm3,
                result,
                at: now,
                keep_until,
            };
            Ok(changed(record, state, vec![happening]))
        }
    }
}

fn end(record: &SessionRecord, how: End, cause: Cause, now: Timestamp) -> Result<Step, Refusal> {
    if let State::Ended { how: before, cause: same, .. } = &record.state
        && *before == how
        && *same == cause
    {
        return Ok(Step::Unchanged);
    }
    if record.is_final() {
        return Err(Refusal::Ended(record.state_name()));
    }
    let ending = Ending::from(cause.clone());
    let happening = match how {
        End::Declined => Happening::Declined(ending),
        End::Failed => Happening::Failed(ending),
        End::Expired => Happening::Expired(ending),
        End::Cancelled => Happening::Cancelled(ending),
    };
    let state = State::Ended {
        how,
        cause,
        claim: record.claim().cloned().map(Box::new),
        at: now,
        keep_until: now.plus_seconds(record.terms.time_to_keep),
    };
    Ok(changed(record, state, vec![happening]))
}

/// A deadline only ever moves on: two extensions that meet must not shorten the window.
fn extend(record: &SessionRecord, until: Timestamp) -> Result<Step, Refusal> {
    let state = match record.state.clone() {
        State::Waiting { .. } => State::Waiting { until },
        State::ItemsAwaited { claim, .. } => State::ItemsAwaited { claim, until },
        State::Ready { claim, statement, ready_at, .. } => State::Ready { claim, statement, ready_at, until },
        State::Completed { .. } | State::Ended { .. } => return Err(Refusal::Ended(record.state_name())),
    };
    if until <= record.deadline() {
        return Ok(Step::Unchanged);
    }
    Ok(changed(record, state, vec![Happening::Extended { until }]))
}

fn acknowledge(record: &SessionRecord) -> Result<Step, Refusal> {
    match &record.state {
        State::Completed { result: None, .. } => Ok(Step::Unchanged),
        State::Completed { claim, response_sm3, result: Some(_), at, keep_until } => {
            let state = State::Completed {
                claim: claim.clone(),
                response_sm3: *response_sm3,
                result: None,
                at: *at,
                keep_until: *keep_until,
            };
            Ok(changed(record, state, Vec::new()))
        }
        _ => Err(Refusal::NoResult),
    }
}

fn renewed_token(record: &SessionRecord, next: Sm3Hex) -> Step {
    let mut record = record.clone();
    record.socket_token_sm3 = next;
    Step::Changed { record: Box::new(record), happenings: Vec::new() }
}

fn changed(record: &SessionRecord, state: State, happenings: Vec<Happening>) -> Step {
    Step::Changed { record: Box::new(SessionRecord { state, ..record.clone() }), happenings }
}

/// Milliseconds of service before a deadline that are enough to answer in.
const ENOUGH_MILLIS: u64 = 60_000;

/// A bidder is to blame only where enough time was left to answer in: after the last outage of broker or CA, and after
/// the bid system's items. Of a short life half is enough.
fn cause_of_expiry(record: &SessionRecord, outages: &[Outage]) -> Cause {
    let (begin, end) = (record.opened_at, record.deadline());
    let enough = ENOUGH_MILLIS.min(begin.millis_until(end) / 2);
    let left_too_little = |until: Timestamp| until.millis_until(end) < enough;
    let concerned = |name: &str| match record.claim() {
        Some(claim) => claim.certificate_authority == name,
        None => record.turned_away.iter().any(|turned| turned == name),
    };
    let touching = outages.iter().filter(|o| o.from < end && o.until > begin && left_too_little(o.until));
    for outage in touching {
        match &outage.certificate_authority {
            None => return Cause::BrokerUnavailable { from: outage.from, until: outage.until },
            Some(name) if concerned(name) => {
                return Cause::CertificateAuthorityUnavailable { from: outage.from, until: outage.until };
            }
            Some(_) => {}
        }
    }
    match &record.state {
        State::ItemsAwaited { .. } => Cause::ItemsNeverCame,
        State::Ready { ready_at, .. } if record.terms.late_items && left_too_little(*ready_at) => {
            Cause::ItemsCameLate
        }
        State::Ready { .. } => Cause::NotConfirmed,
        _ => Cause::NeverScanned,
    }
}

/// The statement of a claimed session. Its time is in whole seconds, since it becomes the signing time of messages.
fn statement(
    record: &SessionRecord,
    claim: &ClaimRecord,
    task: &Task,
    now: Timestamp,
) -> Result<Base64, Refusal> {
    Statement {
        session: record.id,
        nonce: record.nonce.clone(),
        relying_party: record.relying_party.clone(),
        display: record.terms.display.clone(),
        holder: claim.holder.clone(),
        certificate_sm3: claim.certificate_sm3,
        match_code: claim.claimant.match_code.clone(),
        opened_at: record.opened_at,
        stated_at: Timestamp::from_millis(now.seconds() * 1000),
        seal: claim.seal.clone(),
        task: task.clone(),
    }
    .to_bytes()
    .map(Base64)
    .map_err(|e| Refusal::Statement(e.to_string()))
}

#[cfg(test)]
mod tests;
