//! What the handle, its calls and the supervisor share.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};

use super::connection::Connection;
use super::output::Output;
use super::settings::AdapterSettings;

/// Of one adapter, for as long as it is used.
pub(super) struct Shared {
    pub(super) settings: AdapterSettings,
    pub(super) output: Arc<Output>,
    /// The present worker; None while there is none.
    pub(super) present: watch::Sender<Option<Arc<Connection>>>,
    /// One permit per call that may be inside.
    pub(super) threads: Arc<Semaphore>,
    pub(super) concurrency: u32,
    /// True: no new calls, no restart.
    pub(super) stopping: watch::Sender<bool>,
    pub(super) next_call: AtomicU64,
    pub(super) waiting: AtomicUsize,
    pub(super) inside: AtomicUsize,
    pub(super) process_id: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) kills: AtomicU64,
    pub(super) unknown_outcomes: AtomicU64,
    pub(super) stopped: AtomicBool,
    /// Held for a copy.
    pub(super) last_ending: Mutex<Option<Ending>>,
}

/// How the adapter's process is.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// Whether there is a worker.
    pub state: ProcessState,
    /// The worker's process number, when there is one.
    pub process_id: Option<u32>,
    /// Workers that were started after the first.
    pub restarts: u64,
    /// Workers that were killed because a call was overdue.
    pub kills: u64,
    /// Calls whose outcome is unknown.
    pub unknown_outcomes: u64,
    /// Calls inside the plugin now.
    pub inside: usize,
    /// Calls that wait for a free thread now.
    pub waiting: usize,
    /// Why the worker before ended.
    pub last_ending: Option<Ending>,
}

/// Whether there is a worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProcessState {
    /// It ended and will be replaced; calls wait.
    Restarting,
    /// It takes calls.
    Ready,
    /// It was shut down.
    Stopped,
}

/// Why a worker ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// It was asked to.
    Closed,
    /// By itself: its status, in words.
    Exited(String),
    /// The broker killed it: why.
    Killed(String),
    /// It could not be started: why.
    NotStarted(String),
    /// It sent what no worker sends: what.
    Protocol(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("it was asked to end"),
            Self::Exited(status) => write!(f, "it ended by itself ({status})"),
            Self::Killed(reason) => write!(f, "it was killed: {reason}"),
            Self::NotStarted(reason) => write!(f, "it could not be started: {reason}"),
            Self::Protocol(reason) => write!(f, "it broke the protocol: {reason}"),
        }
    }
}
