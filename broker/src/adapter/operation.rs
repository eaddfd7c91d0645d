//! An operation at a CA, carried out once: noted before each call, found out about after each doubt.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;
use uuid::Uuid;

use yinqiao_ca_sdk::messages::{
    AdapterError, ErrorClass, IdempotencyKey, LookupQuery, LookupReply, Operation, Pending, Reply, Request,
};
use yinqiao_ca_worker::{AdapterHandle, CallOptions, Submitted};
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::journal::{JournalEntry, JournalError, Progress, Step};
use super::{Authority, AuthorityError};
use crate::clock;
use crate::directory::Versioned;
use crate::failpoint::{self, Failpoint};

/// How long a call that asks something may take.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Pause before a call is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a caller waits for an operation.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a CA that is out of reach, or whose outcome is unknown.
    pub trouble: Duration,
    /// For an operation that the CA has accepted and not finished.
    pub pending: Duration,
}

impl Patience {
    /// For a caller that waits for the result and has no other CA to go to.
    pub const LONG: Self = Self { trouble: Duration::from_secs(30), pending: Duration::from_secs(3) };
    /// For a caller that can go to another CA, as long as nothing was done.
    pub const SHORT: Self = Self { trouble: Duration::from_secs(3), pending: Duration::from_secs(3) };
    /// For a supervisor, which comes again.
    pub const NONE: Self = Self { trouble: Duration::ZERO, pending: Duration::ZERO };
}

/// What one step came to.
enum Came {
    /// It is done, and noted as done.
    Answer(Reply),
    Done(String),
    Pending(Pending),
    /// Nothing was done, for certain.
    NotDone(AdapterError),
    /// As unclear as before.
    Unclear(AdapterError),
}

impl Authority {
    /// Carries out an operation that changes something. The same key gives the same reply, whatever breaks in between.
    ///
    /// # Errors
    /// See [`AuthorityError`]. [`AuthorityError::Unavailable`] and [`AuthorityError::Refused`] promise that nothing was
    /// done.
    pub(super) async fn carry_out(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        request: &Request,
        patience: Patience,
    ) -> Result<Reply, AuthorityError> {
        let (authority, key, request) = (Arc::clone(self), key.clone(), request.clone());
        // A task of its own: a caller that goes away must not let the next one in while the call is still inside.
        let carried_out =
            actix_rt::spawn(async move { authority.go_through(&key, &request, patience).await });
        carried_out.await.unwrap_or_else(|_| Err(self.in_doubt("the broker broke off".to_owned())))
    }

    async fn go_through(
        &self,
        key: &IdempotencyKey,
        request: &Request,
        patience: Patience,
    ) -> Result<Reply, AuthorityError> {
        let operation = request.operation();
        let document = request.to_json().map_err(|e| self.broken(e.to_string()))?;
        let _alone = self.journal.alone(key).await;
        let begun = Instant::now();
        let request_sm3 = Sm3Hex::of(&document);
        let mut entry = self.journal.open(key, self.name(), operation, request_sm3, clock::now()).await?;
        let mut failure = None;
        loop {
            let waited = begun.elapsed();
            let came = self.take_step(key, request, &mut entry).await?;
            let now = clock::now();
            if matches!(came, Came::Done(_) | Came::Pending(_)) {
                self.call_works();
            }
            let pause = match came {
                Came::Answer(reply) => return Ok(reply),
                Came::Done(reply) => {
                    self.journal.note(&mut entry, Progress::Done { reply }, now).await?;
                    continue;
                }
                Came::Pending(pending) => {
                    let pause = Duration::from_millis(pending.retry_after_ms).max(PAUSE);
                    self.journal.note(&mut entry, progress(pending), now).await?;
                    if waited + pause > patience.pending {
                        return Err(self.pending(pause));
                    }
                    pause
                }
                Came::NotDone(error) => {
                    self.journal.note(&mut entry, Progress::NotDone, now).await?;
                    match failure.insert(self.failed(error)) {
                        AuthorityError::Unavailable { .. } => PAUSE,
                        _ => Duration::MAX,
                    }
                }
                Came::Unclear(error) => {
                    failure = Some(self.in_doubt(error.text));
                    PAUSE
                }
            };
            if let Some(error) = failure.take() {
                if waited.saturating_add(pause) > patience.trouble {
                    return Err(error);
                }
                self.call_fails(&error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn take_step(
        &self,
        key: &IdempotencyKey,
        request: &Request,
        entry: &mut Versioned<JournalEntry>,
    ) -> Result<Came, AuthorityError> {
        let operation = request.operation();
        let handle = self.handle();
        let capabilities = handle.as_ref().map_or(0, |handle| handle.capabilities());
        let doubt = entry.value.progress.is_in_doubt();
        match (entry.value.next(capabilities, clock::now()), handle) {
            (Step::Answer(reply), _) => {
                match Reply::parse(operation, reply.as_bytes()) {
                    Ok(reply) => Ok(Came::Answer(reply)),
                    Err(error) => {
                        // What cannot be read is no result: the CA is asked again, and people may be.
                        self.journal.note(entry, Progress::Submitted, clock::now()).await?;
                        Err(self.broken(error.to_string()))
                    }
                }
            }
            (_, Err(error)) if doubt => Err(self.in_doubt(error.to_string())),
            (_, Err(error)) => Err(error),
            (Step::Submit, Ok(handle)) => {
                self.journal.note(entry, Progress::Submitted, clock::now()).await?;
                failpoint::pass(Failpoint::AdapterBefore);
                let submitted = handle.submit(request, key, &CallOptions::within(CALL_WITHIN)).await;
                failpoint::pass(Failpoint::AdapterAfter);
                match came(submitted) {
                    // That this call did nothing says nothing of the one before.
                    Came::NotDone(error) if doubt && may_pass(error.class) => Ok(Came::Unclear(error)),
                    came => Ok(came),
                }
            }
            (Step::Poll(token), Ok(handle)) => {
                match handle.poll(operation, &token, &CallOptions::within(CALL_WITHIN)).await {
                    // It is refused, or the CA knows no such token any more: what it did is another question.
                    Err(error) if error.class == ErrorClass::Permanent => {
                        self.journal.note(entry, Progress::Submitted, clock::now()).await?;
                        match offers_lookup(&handle) {
                            true => Ok(self.look_up(&handle, key, operation).await?.map_absence(error)),
                            false => Ok(Came::Unclear(error)),
                        }
                    }
                    result => Ok(came_of_poll(result)),
                }
            }
            (Step::LookUp, Ok(handle)) => self.look_up(&handle, key, operation).await,
            (Step::AskPeople, Ok(_)) => {
                self.journal.note(entry, Progress::Submitted, clock::now()).await?;
                Err(self.unresolved(key))
            }
            (Step::GiveUp, Ok(_)) => Err(AuthorityError::Over),
        }
    }

    async fn look_up(
        &self,
        handle: &AdapterHandle,
        key: &IdempotencyKey,
        operation: Operation,
    ) -> Result<Came, AuthorityError> {
        let query = LookupQuery::IdempotencyKey(key.clone());
        match handle.lookup(&query, &CallOptions::within(CALL_WITHIN)).await {
            Ok(LookupReply::Absent) => {
                Ok(Came::NotDone(AdapterError::new(ErrorClass::Retryable, "the CA knows nothing of it")))
            }
            Ok(LookupReply::Pending { token }) => {
                Ok(Came::Pending(Pending { token, retry_after_ms: 0, expires_at_ms: None }))
            }
            Ok(LookupReply::Done { operation: done, reply }) if done == operation => {
                match Reply::parse(operation, reply.get().as_bytes()) {
                    Ok(_) => {
                        info!(adapter = %self.name(), %operation, "the CA had done it before");
                        Ok(Came::Done(reply.get().to_owned()))
                    }
                    Err(error) => {
                        let text = format!("it says that it has done it, in a reply that cannot be: {error}");
                        Ok(Came::Unclear(AdapterError::unknown_outcome(text)))
                    }
                }
            }
            Ok(LookupReply::Done { operation: done, .. }) => {
                Err(self.broken(format!("the key of an {operation} is that of an {done}")))
            }
            Err(error) => Ok(Came::Unclear(error)),
        }
    }

    /// A question that changes nothing.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn ask(&self, request: Request) -> Result<Reply, AuthorityError> {
        let key = IdempotencyKey::try_from(Uuid::new_v4().to_string())
            .map_err(|e| self.broken(format!("idempotency key: {e}")))?;
        let handle = self.handle()?;
        match handle.submit(&request, &key, &CallOptions::within(CALL_WITHIN)).await {
            Ok(Submitted::Done { reply, .. }) => {
                self.answers();
                Ok(*reply)
            }
            Ok(Submitted::Pending(pending)) => {
                Err(self.pending(Duration::from_millis(pending.retry_after_ms)))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn failed(&self, failure: AdapterError) -> AuthorityError {
        let authority = self.name().to_owned();
        let text = match failure.vendor_code {
            Some(code) => format!("{} [{code}]", failure.text),
            None => failure.text,
        };
        match failure.class {
            ErrorClass::Retryable
            | ErrorClass::Unhealthy
            | ErrorClass::Limit
            | ErrorClass::Authentication => AuthorityError::Unavailable { authority, text },
            ErrorClass::Permanent => AuthorityError::Refused { authority, text },
            ErrorClass::NotSupported => AuthorityError::NotSupported { authority, text },
            ErrorClass::UnknownOutcome => AuthorityError::UnknownOutcome { authority, text },
        }
    }

    fn in_doubt(&self, text: String) -> AuthorityError {
        AuthorityError::UnknownOutcome { authority: self.name().to_owned(), text }
    }

    fn pending(&self, retry_after: Duration) -> AuthorityError {
        AuthorityError::Pending { authority: self.name().to_owned(), retry_after }
    }

    fn unresolved(&self, key: &IdempotencyKey) -> AuthorityError {
        AuthorityError::Unresolved { authority: self.name().to_owned(), key: key.as_str().to_owned() }
    }

    pub(super) fn unexpected_reply(&self) -> AuthorityError {
        self.broken("the reply is to another operation".into())
    }

    pub(super) fn broken(&self, text: String) -> AuthorityError {
        AuthorityError::Broken { authority: self.name().to_owned(), text }
    }
}

impl Came {
    /// The CA's own word why it does not do a pending operation, where a lookup finds nothing done.
    fn map_absence(self, refusal: AdapterError) -> Self {
        if matches!(self, Self::NotDone(_)) { Self::NotDone(refusal) } else { self }
    }
}

impl From<JournalError> for AuthorityError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Store(error) => Self::Store(error),
            error => Self::Journal(error.to_string()),
        }
    }
}

fn came(result: Result<Submitted, AdapterError>) -> Came {
    match result {
        Ok(Submitted::Done { document, .. }) => done(document),
        Ok(Submitted::Pending(pending)) => Came::Pending(pending),
        Err(error) if error.class == ErrorClass::UnknownOutcome => Came::Unclear(error),
        Err(error) => Came::NotDone(error),
    }
}

/// A poll that fails changes nothing: the operation goes on at the CA.
fn came_of_poll(result: Result<Submitted, AdapterError>) -> Came {
    match came(result) {
        Came::NotDone(error) => Came::Unclear(error),
        came => came,
    }
}

fn done(document: Vec<u8>) -> Came {
    match String::from_utf8(document) {
        Ok(reply) => Came::Done(reply),
        // Cannot be: the worker's side has parsed it as JSON.
        Err(error) => Came::Unclear(AdapterError::unknown_outcome(error.to_string())),
    }
}

fn progress(pending: Pending) -> Progress {
    let expires_at = pending.expires_at_ms.and_then(|millis| i64::try_from(millis).ok());
    Progress::Pending { token: pending.token, expires_at: expires_at.map(Timestamp::from_millis) }
}

fn offers_lookup(handle: &AdapterHandle) -> bool {
    handle.capabilities() & yinqiao_ca_abi::capability::CA_CAN_LOOKUP != 0
}

/// Whether the same call may succeed later.
fn may_pass(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Retryable | ErrorClass::Unhealthy | ErrorClass::Limit | ErrorClass::Authentication
    )
}
