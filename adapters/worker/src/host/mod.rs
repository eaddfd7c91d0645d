//! The broker's side: starts workers, calls into them, keeps their deadlines, and replaces them when they end.
//!
//! ```text
//! AdapterSlot ─▶ AdapterHandle::submit
//!                  │ gate (circuit breaker; its probe asks by itself)
//!                  ▼
//!                call ── pool (a free thread of a process, or the queue)
//!                  │ flight (the deadline) over its connection (frames out, replies by id)
//!                  ▼
//!                supervisor of each process (reads frames, samples, notices the end, starts the next)
//!                  │ process (spawned, killed by pidfd)
//! ```
//!
//! A call that waits for a free thread waits on this side: what was never sent was, for certain, never done.

mod breaker;
mod call;
mod connection;
mod elf;
mod flight;
mod gate;
mod handle;
mod health;
mod library;
mod mask;
mod meter;
mod output;
mod pace;
mod place;
mod pool;
mod probe;
mod process;
mod reply;
mod secrets;
mod services;
mod settings;
mod shared;
mod slot;
mod statistics;
mod supervisor;
mod watch;

pub use breaker::BreakerState;
pub use call::{CallOptions, Submitted};
pub use handle::AdapterHandle;
pub use health::{Ending, HealthReport, ProcessReport, ProcessState};
pub use library::{Digests, Library, LibraryError};
pub use place::PlaceError;
pub(crate) use process::{in_words, spawn};
pub use services::{HostServices, LogLine, LogSource};
pub use settings::{AdapterSettings, Limits, WorkerProgram};
pub use slot::{AdapterSlot, StillInUse};
pub use statistics::{
    AdapterStatistics, BreakerReport, Bucket, CallOutcome, FunctionStatistics, Histogram, LATENCY_BOUNDS,
    OutcomeCount, ProcessStatistics,
};
pub use supervisor::StartError;
