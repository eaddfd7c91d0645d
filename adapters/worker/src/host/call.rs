//! One call: waits for a free thread of the worker, sends, keeps the deadline, and says what a missing reply means.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};
use yinqiao_ca_abi::status;
use yinqiao_ca_sdk::messages::{AdapterError, ErrorClass, Pending};
use yinqiao_ca_sdk::{Operation, Reply};

use super::connection::{Connection, RawReply};
use super::shared::Shared;
use crate::message::{Call, Function, ToWorker};
use crate::nesting::{DEPTH_LIMIT, nesting_is_within};

/// The last part of a deadline, between the plugin's cancel flag and the kill.
const GRACE: Duration = Duration::from_millis(500);
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
}

/// Makes the call. A caller that goes away cancels it; it stays inside until the plugin or the deadline ends it.
pub(super) async fn make(
    runtime: &Handle,
    shared: &Arc<Shared>,
    request: Request,
) -> Result<RawReply, AdapterError> {
    let deadline = Instant::now() + request.options.timeout;
    if *shared.stopping.borrow() {
        return Err(AdapterError::new(
            ErrorClass::Retryable,
            "the adapter is shutting down; nothing was sent",
        ));
    }
    let thread = free_thread(shared, deadline).await?;
    let connection = connection(shared, deadline).await.ok_or_else(|| no_worker(shared))?;
    let (lost, what) = (request.lost(), describe(&request));
    let mut flight = Flight::begin(runtime, shared, thread, connection, request, deadline)?;
    let result = flight.land().await;
    if lost == ErrorClass::UnknownOutcome && result.is_err() {
        shared.unknown_outcomes.fetch_add(1, Ordering::Relaxed);
    }
    result.map_err(|reason| match reason {
        Lost::Died => AdapterError::new(lost, format!("the adapter's process ended inside {what}")),
        Lost::Overdue => {
            AdapterError::new(lost, format!("{what} was overdue; the adapter's process was killed"))
        }
    })
}

/// The present worker, or the next one if it comes in time.
async fn connection(shared: &Shared, deadline: Instant) -> Option<Arc<Connection>> {
    if let Some(connection) = &*shared.present.borrow() {
        return Some(connection.clone());
    }
    let mut present = shared.present.subscribe();
    let found = timeout_at(deadline, present.wait_for(Option::is_some)).await;
    found.ok()?.ok()?.clone()
}

/// A permit to be inside.
async fn free_thread(shared: &Arc<Shared>, deadline: Instant) -> Result<OwnedSemaphorePermit, AdapterError> {
    if let Ok(permit) = shared.threads.clone().try_acquire_owned() {
        return Ok(permit);
    }
    let limit = shared.settings.limits.queue;
    let entered = shared
        .waiting
        .try_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| (waiting < limit).then_some(waiting + 1));
    if entered.is_err() {
        let text = format!("{limit} calls wait for this adapter already; nothing was sent, try again later");
        return Err(AdapterError {
            retry_after_ms: Some(RETRY_AFTER_MS),
            ..AdapterError::new(ErrorClass::Limit, text)
        });
    }
    let permit = timeout_at(deadline, shared.threads.clone().acquire_owned()).await;
    shared.waiting.fetch_sub(1, Ordering::Relaxed);
    match permit {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => {
            Err(AdapterError::new(ErrorClass::Retryable, "the adapter was shut down; nothing was sent"))
        }
        Err(_) => {
            let text = "the adapter was busy until the time-out; nothing was sent";
            Err(AdapterError::new(ErrorClass::Retryable, text))
        }
    }
}

/// A call that was sent. Dropped before it has landed, it is cancelled and watched until it ends: only then its thread
/// of the worker is free.
struct Flight {
    runtime: Handle,
    connection: Arc<Connection>,
    id: u64,
    /// None when it has landed.
    reply: Option<oneshot::Receiver<RawReply>>,
    soft: Instant,
    deadline: Instant,
    inside: Option<Inside>,
}

/// Why there is no reply.
enum Lost {
    Died,
    Overdue,
}

impl Flight {
    fn begin(
        runtime: &Handle,
        shared: &Arc<Shared>,
        thread: OwnedSemaphorePermit,
        connection: Arc<Connection>,
        request: Request,
        deadline: Instant,
    ) -> Result<Self, AdapterError> {
        let id = shared.next_call.fetch_add(1, Ordering::Relaxed);
        let what = describe(&request);
        let soft = deadline - GRACE.min(request.options.timeout / 10);
        let call = Call {
            function: request.function,
            operation: request.operation.map_or(0, Operation::number),
            timeout_ms: soft.duration_since(Instant::now()).as_millis() as u64,
            idempotency_key: request.idempotency_key,
            trace_id: request.options.trace_id,
            document: request.document,
        };
        let reply = connection.expect(id).ok_or_else(|| no_worker(shared))?;
        if let Err(error) = connection.send(id, &ToWorker::Call(call)) {
            connection.forget(id);
            return Err(AdapterError::permanent(format!("the request of {what} cannot be sent: {error}")));
        }
        let inside = Some(Inside::enter(shared.clone(), what, thread));
        Ok(Self { runtime: runtime.clone(), connection, id, reply: Some(reply), soft, deadline, inside })
    }

    async fn land(&mut self) -> Result<RawReply, Lost> {
        let Some(reply) = &mut self.reply else { return Err(Lost::Died) };
        let result = match timeout_at(self.soft, &mut *reply).await {
            Ok(result) => result.map_err(|_| Lost::Died),
            Err(_) => {
                // The plugin's own chance to end in time. A frame without content always fits.
                let _ = self.connection.send(self.id, &ToWorker::Cancel);
                match timeout_at(self.deadline, reply).await {
                    Ok(result) => result.map_err(|_| Lost::Died),
                    Err(_) => {
                        overdue(&self.connection, self.id, self.inside.as_ref());
                        Err(Lost::Overdue)
                    }
                }
            }
        };
        self.reply = None;
        result
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Some(reply) = self.reply.take() else { return };
        let (connection, id, deadline, inside) =
            (self.connection.clone(), self.id, self.deadline, self.inside.take());
        let _ = connection.send(id, &ToWorker::Cancel);
        self.runtime.spawn(async move {
            if timeout_at(deadline, reply).await.is_err() {
                overdue(&connection, id, inside.as_ref());
            }
        });
    }
}

fn overdue(connection: &Connection, id: u64, inside: Option<&Inside>) {
    connection.forget(id);
    let Some(Inside { shared, what, .. }) = inside else { return };
    if connection.kill(format!("{what} was overdue")) {
        shared.kills.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a call as inside, and keeps its thread of the worker.
struct Inside {
    shared: Arc<Shared>,
    what: String,
    _thread: OwnedSemaphorePermit,
}

impl Inside {
    fn enter(shared: Arc<Shared>, what: String, thread: OwnedSemaphorePermit) -> Self {
        shared.inside.fetch_add(1, Ordering::Relaxed);
        Self { shared, what, _thread: thread }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.shared.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

fn describe(request: &Request) -> String {
    match (request.function, request.operation) {
        (Function::Submit, Some(operation)) => format!("the operation {operation}"),
        (function, _) => format!("the function {function:?}").to_lowercase(),
    }
}

fn no_worker(shared: &Shared) -> AdapterError {
    let ending = shared.last_ending.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let reason = ending.map_or_else(|| "it has not ended yet".to_owned(), |ending| ending.to_string());
    let text =
        format!("the adapter has no worker until the time-out; of the last one: {reason}; nothing was sent");
    AdapterError { retry_after_ms: Some(RETRY_AFTER_MS), ..AdapterError::unhealthy(text) }
}

/// What a reply to submit or poll means.
pub(super) fn submitted(
    shared: &Shared,
    operation: Operation,
    raw: RawReply,
) -> Result<Submitted, AdapterError> {
    let unknown = if operation.changes() { ErrorClass::UnknownOutcome } else { ErrorClass::Unhealthy };
    let RawReply { status, document } = raw;
    let result = match status {
        status::CA_OK => {
            within_depth(&document, unknown).and_then(|()| match Reply::parse(operation, &document) {
                Ok(reply) => Ok(Submitted::Done { reply: Box::new(reply), document }),
                Err(error) => Err(AdapterError::new(unknown, error.to_string())),
            })
        }
        status::CA_PENDING => read(&document, unknown).map(Submitted::Pending),
        status => Err(vendors(shared, status, &document, unknown)),
    };
    if let Err(AdapterError { class: ErrorClass::UnknownOutcome, .. }) = result {
        shared.unknown_outcomes.fetch_add(1, Ordering::Relaxed);
    }
    result
}

/// What a reply to the other functions means.
pub(super) fn answered<T: DeserializeOwned>(shared: &Shared, raw: &RawReply) -> Result<T, AdapterError> {
    match raw.status {
        status::CA_OK => read(&raw.document, ErrorClass::Unhealthy),
        status => Err(vendors(shared, status, &raw.document, ErrorClass::Unhealthy)),
    }
}

/// The adapter's error, with the secrets it was given masked.
fn vendors(shared: &Shared, status: i32, document: &[u8], unknown: ErrorClass) -> AdapterError {
    let mut error = AdapterError::from_status(status, document, unknown);
    error.text = shared.output.masked(&error.text);
    error.vendor_code = error.vendor_code.map(|code| shared.output.masked(&code));
    error
}

fn read<T: DeserializeOwned>(document: &[u8], unknown: ErrorClass) -> Result<T, AdapterError> {
    within_depth(document, unknown)?;
    serde_json::from_slice(document)
        .map_err(|error| AdapterError::new(unknown, format!("the adapter's reply is not valid: {error}")))
}

fn within_depth(document: &[u8], unknown: ErrorClass) -> Result<(), AdapterError> {
    if nesting_is_within(document, DEPTH_LIMIT) {
        return Ok(());
    }
    Err(AdapterError::new(unknown, format!("the adapter's reply is nested more than {DEPTH_LIMIT} deep")))
}
