//! One call: passes the breaker, waits for a free thread of a worker, sends, keeps the deadline, and says what a missing
//! reply means.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use yinqiao_ca_abi::{capability, status};
use yinqiao_ca_sdk::messages::{AdapterError, ErrorClass, Pending};
use yinqiao_ca_sdk::{Operation, Reply};

use super::breaker::Verdict;
use super::connection::RawReply;
use super::flight::{Deadline, Flight, Lost};
use super::gate::Shut;
use super::meter::Meter;
use super::pool::{NoSeat, Seat};
use super::shared::{Phase, Shared};
use super::statistics::CallOutcome;
use crate::message::Function;

/// When a refused call may be tried again, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// How to call.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// Until the call ends, one way or another.
    pub timeout: Duration,
    /// For the plugin's log.
    pub trace_id: String,
}

impl CallOptions {
    /// A time-out and no trace.
    #[must_use]
    pub fn within(timeout: Duration) -> Self {
        Self { timeout, trace_id: String::new() }
    }
}

/// What a submitted operation came to.
#[derive(Clone, Debug)]
pub enum Submitted {
    /// Finished.
    Done {
        /// The reply.
        reply: Box<Reply>,
        /// The reply as the adapter wrote it.
        document: Vec<u8>,
    },
    /// Accepted, not finished: poll.
    Pending(Pending),
}

/// A call on its way.
pub(super) struct Request {
    pub(super) function: Function,
    pub(super) operation: Option<Operation>,
    pub(super) idempotency_key: String,
    pub(super) document: Vec<u8>,
    pub(super) options: CallOptions,
}

/// Who calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Admission {
    /// The circuit breaker lets it pass, or not, and learns from it.
    Call,
    /// The breaker itself.
    Probe,
}

impl Request {
    /// What it means when the worker is gone and there was no reply.
    fn lost(&self) -> ErrorClass {
        let changes = match self.function {
            Function::Submit => self.operation.is_none_or(Operation::changes),
            Function::Cancel => true,
            Function::Health | Function::Poll | Function::Lookup | Function::List => false,
        };
        if changes { ErrorClass::UnknownOutcome } else { ErrorClass::Unhealthy }
    }

    /// For errors and logs.
    pub(super) fn what(&self) -> String {
        match (self.function, self.operation) {
            (Function::Submit, Some(operation)) => format!("the operation {operation}"),
            (function, _) => format!("the function {function:?}").to_lowercase(),
        }
    }

    /// Whether the plugin offers it; a plugin that was never opened may.
    fn offered(&self, shared: &Shared) -> Result<(), AdapterError> {
        let (bit, function) = match (self.function, self.operation) {
            (Function::Submit, operation) => (operation.map_or(0, Operation::capability), "submit"),
            (Function::Poll, _) => (capability::CA_CAN_POLL, "poll"),
            (Function::Lookup, _) => (capability::CA_CAN_LOOKUP, "lookup"),
            (Function::Cancel, _) => (capability::CA_CAN_CANCEL, "cancel"),
            (Function::List, _) => (capability::CA_CAN_LIST, "list"),
            (Function::Health, _) => return Ok(()),
        };
        match (shared.info.get(), self.function, self.operation) {
            (None, ..) => Ok(()),
            (Some(info), ..) if info.capabilities & bit == bit => Ok(()),
            (Some(_), Function::Submit, Some(operation)) => Err(AdapterError::not_supported(operation)),
            (Some(info), ..) => {
                let text = format!("the adapter {} does not offer {function}", info.name);
                Err(AdapterError::new(ErrorClass::NotSupported, text))
            }
        }
    }
}

/// Makes the call and reads its reply. A caller that goes away cancels it; it stays inside until the plugin or the
/// deadline ends it.
pub(super) async fn make<T>(
    runtime: &Handle,
    shared: &Arc<Shared>,
    request: Request,
    admission: Admission,
    read: impl FnOnce(&Shared, RawReply) -> Result<T, AdapterError>,
) -> Result<T, AdapterError> {
    let meter = shared.meters.of(request.function, request.operation);
    let mut counted = Counted { meter, ended: false };
    let result = attempt(runtime, shared, request, admission, meter).await;
    let mut outcome = CallOutcome::Ok;
    let result = result.and_then(|raw| {
        if raw.status == status::CA_PENDING {
            outcome = CallOutcome::Pending;
        }
        let result = read(shared, raw);
        if admission == Admission::Call {
            judge(shared, result.as_ref().err());
        }
        result
    });
    if let Err(error) = &result {
        outcome = error.class.into();
        if error.class == ErrorClass::UnknownOutcome {
            shared.unknown_outcomes.fetch_add(1, Ordering::Relaxed);
        }
    }
    counted.end(outcome);
    result
}

/// Tells the breaker what the plugin's reply says of the CA. What was lost with its process is not told here: the process
/// ended once, however many calls were inside.
fn judge(shared: &Shared, error: Option<&AdapterError>) {
    match error {
        None => {
            shared.gate.record(Verdict::Success, None);
        }
        Some(error) => shared.judged(verdict(error), in_words(error)),
    }
}

/// What an error that the plugin gave says of it and its CA.
pub(super) fn verdict(error: &AdapterError) -> Verdict {
    match error.class {
        ErrorClass::Authentication
        | ErrorClass::Retryable
        | ErrorClass::Unhealthy
        | ErrorClass::UnknownOutcome => {
            Verdict::Failure { retry_after: error.retry_after_ms.map(Duration::from_millis) }
        }
        ErrorClass::Limit | ErrorClass::NotSupported | ErrorClass::Permanent => Verdict::Neutral,
    }
}

/// Class, text and the vendor's code.
pub(super) fn in_words(error: &AdapterError) -> String {
    let code = error.vendor_code.as_ref().map(|code| format!(" ({code})"));
    format!("{error}{}", code.unwrap_or_default())
}

async fn attempt(
    runtime: &Handle,
    shared: &Arc<Shared>,
    request: Request,
    admission: Admission,
    meter: Option<&Meter>,
) -> Result<RawReply, AdapterError> {
    let deadline = Deadline::after(request.options.timeout);
    let mut until = Phase::Running;
    let (seat, id, reply) = loop {
        admit(shared, &request, admission, until)?;
        // What was let in once is served while the adapter drains.
        until = Phase::Draining;
        let seat = match shared.pool.try_seat() {
            Some(seat) => seat,
            None => {
                let Some(seat) = waited_for_seat(shared, deadline.soft).await? else { continue };
                // The breaker may have opened while it waited; the plugin may be known only now.
                admit(shared, &request, admission, until)?;
                seat
            }
        };
        let id = shared.next_call.fetch_add(1, Ordering::Relaxed);
        if let Some(reply) = seat.connection().expect(id) {
            break (seat, id, reply);
        }
        // The process went away before anything was sent: there is another, or will be.
    };
    let (lost, what, sent) = (request.lost(), request.what(), Instant::now());
    let mut flight = Flight::begin(runtime, shared, (seat, id, reply), request, deadline)?;
    match flight.land().await {
        Ok(raw) => {
            if let Some(meter) = meter {
                meter.answered(sent.elapsed());
            }
            Ok(raw)
        }
        Err(Lost::Died) => Err(AdapterError::new(lost, format!("the adapter's process ended inside {what}"))),
        Err(Lost::Overdue) => {
            Err(AdapterError::new(lost, format!("{what} was overdue; the adapter's process was killed")))
        }
    }
}

/// Whether the call may be made now.
fn admit(shared: &Shared, request: &Request, admission: Admission, until: Phase) -> Result<(), AdapterError> {
    if shared.phase() > until {
        let text = "the adapter is shutting down; nothing was sent";
        return Err(AdapterError::new(ErrorClass::Retryable, text));
    }
    request.offered(shared)?;
    match admission {
        Admission::Probe => Ok(()),
        Admission::Call => shared.gate.admit().map_err(|shut| {
            shared.breaker_refusals.fetch_add(1, Ordering::Relaxed);
            refused_by_breaker(shared, shut)
        }),
    }
}

/// A seat of a call that may have to wait; `None` when all that waited were sent away. What would begin when its plugin
/// is to be cancelled already is not sent.
async fn waited_for_seat(shared: &Arc<Shared>, deadline: Instant) -> Result<Option<Seat>, AdapterError> {
    let began = Instant::now();
    match shared.pool.seat(deadline).await {
        Ok(seat) => {
            shared.waited.add(began.elapsed());
            Ok(Some(seat))
        }
        Err(NoSeat::Dismissed) => Ok(None),
        Err(NoSeat::QueueFull(limit)) => {
            shared.queue_refusals.fetch_add(1, Ordering::Relaxed);
            let text =
                format!("{limit} calls wait for this adapter already; nothing was sent, try again later");
            Err(AdapterError {
                retry_after_ms: Some(RETRY_AFTER_MS),
                ..AdapterError::new(ErrorClass::Limit, text)
            })
        }
        Err(NoSeat::Late { any_process: true }) => {
            let text = "the adapter was busy until the time-out; nothing was sent";
            Err(AdapterError::new(ErrorClass::Retryable, text))
        }
        Err(NoSeat::Late { any_process: false }) => Err(no_worker(shared)),
    }
}

/// Counts a call when it ends for its caller, who may just go away.
struct Counted<'a> {
    meter: Option<&'a Meter>,
    ended: bool,
}

impl Counted<'_> {
    fn end(&mut self, outcome: CallOutcome) {
        self.ended = true;
        if let Some(meter) = self.meter {
            meter.ended(outcome);
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(CallOutcome::Abandoned);
        }
    }
}

fn no_worker(shared: &Shared) -> AdapterError {
    let reason =
        shared.last_ending().map_or_else(|| "it has not ended yet".to_owned(), |ending| ending.to_string());
    let text =
        format!("the adapter has no worker until the time-out; of the last one: {reason}; nothing was sent");
    AdapterError { retry_after_ms: Some(RETRY_AFTER_MS), ..AdapterError::unhealthy(text) }
}

fn refused_by_breaker(shared: &Shared, shut: Shut) -> AdapterError {
    let reason = shut.last_failure.unwrap_or_else(|| "not known".to_owned());
    let text = match shared.refused.get() {
        Some(_) => format!("the adapter cannot be used: {reason}; nothing was sent"),
        None => {
            format!("the adapter is not called for a while; its last failure: {reason}; nothing was sent")
        }
    };
    // A probe that is due waits for a process: 0 would ask for a busy loop.
    let retry_after_ms = match shut.retry_after.as_millis() as u64 {
        0 => RETRY_AFTER_MS,
        left => left,
    };
    AdapterError { retry_after_ms: Some(retry_after_ms), ..AdapterError::unhealthy(text) }
}
