//! A call that was sent: its deadline, and who keeps it when the caller goes away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::AdapterError;

use super::call::Request;
use super::connection::{Connection, RawReply};
use super::pool::Seat;
use super::shared::Shared;
use crate::message::{Call, ToWorker};

/// The last part of a deadline, between the plugin's cancel flag and the kill.
const GRACE: Duration = Duration::from_millis(500);
/// Stands for a deadline that cannot be represented.
const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// When a call ends.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    /// The plugin is told that nobody waits any more.
    pub(super) soft: Instant,
    /// Its process is killed.
    pub(super) hard: Instant,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        let now = Instant::now();
        let hard = now.checked_add(timeout).unwrap_or(now + FAR_AWAY);
        Self { soft: hard - GRACE.min(timeout / 10), hard }
    }
}

/// A call that was sent. Dropped before it has landed, it is cancelled and watched until it ends: only then its thread
/// of the worker is free.
pub(super) struct Flight {
    runtime: Handle,
    connection: Arc<Connection>,
    id: u64,
    /// None when it has landed.
    reply: Option<oneshot::Receiver<RawReply>>,
    deadline: Deadline,
    inside: Option<Inside>,
}

/// Why there is no reply.
pub(super) enum Lost {
    /// The process ended.
    Died,
    /// The time was over; the process is killed.
    Overdue,
}

impl Flight {
    /// Sends a call in its seat. `reply` is already expected.
    pub(super) fn begin(
        runtime: &Handle,
        shared: &Arc<Shared>,
        (seat, id, reply): (Seat, u64, oneshot::Receiver<RawReply>),
        request: Request,
        deadline: Deadline,
    ) -> Result<Self, AdapterError> {
        let connection = seat.connection().clone();
        let what = request.what();
        let call = Call {
            function: request.function,
            operation: request.operation.map_or(0, Operation::number),
            timeout_ms: deadline.soft.duration_since(Instant::now()).as_millis() as u64,
            idempotency_key: request.idempotency_key,
            trace_id: request.options.trace_id,
            document: request.document,
        };
        if let Err(error) = connection.send(id, &ToWorker::Call(call)) {
            connection.forget(id);
            return Err(AdapterError::permanent(format!("the request of {what} cannot be sent: {error}")));
        }
        let inside = Some(Inside::enter(shared.clone(), what, seat));
        Ok(Self { runtime: runtime.clone(), connection, id, reply: Some(reply), deadline, inside })
    }

    /// Waits for the reply, no longer than the deadline.
    pub(super) async fn land(&mut self) -> Result<RawReply, Lost> {
        let Some(reply) = &mut self.reply else { return Err(Lost::Died) };
        let result = match timeout_at(self.deadline.soft, &mut *reply).await {
            Ok(result) => result.map_err(|_| Lost::Died),
            Err(_) => {
                // The plugin's own chance to end in time. A frame without content always fits.
                let _ = self.connection.send(self.id, &ToWorker::Cancel);
                match timeout_at(self.deadline.hard, reply).await {
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
            if timeout_at(deadline.hard, reply).await.is_err() {
                overdue(&connection, id, inside.as_ref());
            }
        });
    }
}

fn overdue(connection: &Connection, id: u64, inside: Option<&Inside>) {
    connection.forget(id);
    if let Some(Inside { what, .. }) = inside {
        connection.kill(format!("{what} was overdue"));
    }
}

/// Counts a call as inside, and keeps its seat in the worker.
struct Inside {
    shared: Arc<Shared>,
    what: String,
    _seat: Seat,
}

impl Inside {
    fn enter(shared: Arc<Shared>, what: String, seat: Seat) -> Self {
        shared.inside.fetch_add(1, Ordering::Relaxed);
        Self { shared, what, _seat: seat }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.shared.inside.fetch_sub(1, Ordering::Relaxed);
    }
}
