//! The broker's side: starts a worker, calls into it, keeps its deadlines, and replaces it when it ends.
//!
//! ```text
//! AdapterHandle::submit ─▶ call (waits for a free thread, keeps the deadline)
//!                            │ connection (frames out, replies by id)
//!                            ▼
//!                          supervisor (reads frames, notices the end, starts the next worker)
//!                            │ process (spawned, killed by pidfd)
//! ```
//!
//! A call that waits for a free thread of the worker waits on this side: what was never sent was, for certain, never done.

mod call;
mod connection;
mod handle;
mod library;
mod mask;
mod output;
mod process;
mod services;
mod settings;
mod shared;
mod supervisor;

pub use call::{CallOptions, Submitted};
pub use handle::AdapterHandle;
pub use library::{Digests, Library, LibraryError};
pub use services::{HostServices, LogLine, LogSource};
pub use settings::{AdapterSettings, Limits, WorkerProgram};
pub use shared::{Ending, HealthReport, ProcessState};
pub use supervisor::StartError;
