//! A plugin in a process of its own: the worker that loads it, and the broker's side that starts, calls, limits,
//! kills and replaces it.
//!
//! ```text
//! broker ── AdapterHandle ── supervisor ── socket pair, frames ── worker ── ca_adapter.h ── plugin.so
//!              host/                          frame, message        worker/
//! ```
//!
//! The broker's binary plays both roles: as a hidden subcommand it calls [`worker::main`].

pub mod frame;
pub mod host;
pub mod message;
mod nesting;
pub mod probe;
mod sandbox;
pub mod worker;

pub use host::{
    AdapterHandle, AdapterSettings, AdapterSlot, AdapterStatistics, BreakerReport, BreakerState, Bucket,
    CallOptions, CallOutcome, Digests, Ending, FunctionStatistics, HealthReport, Histogram, HostServices,
    LATENCY_BOUNDS, Library, LibraryError, Limits, LogLine, LogSource, OutcomeCount, PlaceError,
    ProcessReport, ProcessState, ProcessStatistics, StartError, StillInUse, Submitted, WorkerProgram,
};
pub use message::AdapterInfo;
pub use nesting::{DEPTH_LIMIT, nesting_is_within};
pub use sandbox::{Enforcement, Isolation, Network, Sandbox};
