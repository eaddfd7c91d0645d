//! How an adapter and its processes are.

use std::fmt;

use serde::Serialize;

use super::statistics::BreakerReport;

/// How the adapter is, without asking the plugin.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// Whether there is a process that takes calls.
    pub state: ProcessState,
    /// The number of the first process that takes calls, when there is one.
    pub process_id: Option<u32>,
    /// Processes that were started in the place of one that had ended.
    pub restarts: u64,
    /// Processes that were killed: a call was overdue, or a limit of memory or processor time was passed.
    pub kills: u64,
    /// Calls whose outcome is unknown.
    pub unknown_outcomes: u64,
    /// Calls inside the plugin now.
    pub inside: usize,
    /// Calls that wait for a free thread now.
    pub waiting: usize,
    /// Why the last process that ended did.
    pub last_ending: Option<Ending>,
    /// Whether calls are made at all.
    pub breaker: BreakerReport,
    /// Each process, in the order of the pool.
    pub processes: Vec<ProcessReport>,
    /// Why the plugin will never run with these settings: it was refused for good.
    pub refused: Option<String>,
}

/// One process of the pool.
#[derive(Clone, Debug)]
pub struct ProcessReport {
    /// Whether it takes calls.
    pub state: ProcessState,
    /// Its number, when there is one.
    pub process_id: Option<u32>,
    /// Calls inside it now.
    pub inside: u32,
    /// Why the one before it ended.
    pub last_ending: Option<Ending>,
}

/// Whether there is a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// It ended, or could not be started, and will be replaced; calls wait.
    Restarting,
    /// It takes calls.
    Ready,
    /// It was shut down, or refused for good.
    Stopped,
}

/// Why a process ended.
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
