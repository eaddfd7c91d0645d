//! What an adapter has done since it was started, in figures that a scraper of metrics can take as they are.
//!
//! Counters only grow while the handle lives, restarts of processes included. A new handle begins at zero.

use serde::Serialize;
use yinqiao_ca_sdk::{ErrorClass, Operation};

use super::breaker::BreakerState;
use super::health::ProcessState;
use crate::message::Function;

/// Upper bounds of the buckets of every histogram, in seconds. What is longer counts in the histogram's total only.
pub const LATENCY_BOUNDS: [f64; 18] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// Of one adapter.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterStatistics {
    /// Each function, and each operation of submit and poll, that was called at least once.
    pub functions: Vec<FunctionStatistics>,
    /// How long those calls waited that found no free thread and then got one.
    pub waited: Histogram,
    /// Calls inside the plugin now.
    pub inside: usize,
    /// Calls that wait for a free thread now.
    pub waiting: usize,
    /// Calls that were refused because too many waited.
    pub queue_refusals: u64,
    /// Calls that were refused because the breaker was open.
    pub breaker_refusals: u64,
    /// Calls whose outcome is unknown.
    pub unknown_outcomes: u64,
    /// Processes that were started in the place of one that had ended.
    pub restarts: u64,
    /// Processes that were killed: a call was overdue, or a limit of memory or processor time was passed.
    pub kills: u64,
    /// Log lines of the plugin that were passed on.
    pub log_lines: u64,
    /// Log lines of the plugin that were dropped: too many a second.
    pub log_lines_dropped: u64,
    /// The circuit breaker.
    pub breaker: BreakerReport,
    /// Processor time of all processes, of ended ones up to their last sample, in seconds.
    pub cpu_seconds: f64,
    /// Each process, in the order of the pool.
    pub processes: Vec<ProcessStatistics>,
}

/// Of one function, or one operation of it.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionStatistics {
    /// Which function of the contract.
    pub function: Function,
    /// Which operation, for submit and poll, by its number.
    pub operation: Option<Operation>,
    /// Calls that have ended, those that were refused without being sent among them.
    pub calls: u64,
    /// The same by how they ended, where there were any.
    pub outcomes: Vec<OutcomeCount>,
    /// From sent to answered, of the calls that the plugin answered.
    pub latency: Histogram,
}

/// How many calls ended in one way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct OutcomeCount {
    /// The way.
    pub outcome: CallOutcome,
    /// How many.
    pub calls: u64,
}

/// How a call ended for its caller.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// Done.
    Ok,
    /// Accepted, not finished.
    Pending,
    /// [`ErrorClass::Authentication`].
    Authentication,
    /// [`ErrorClass::Limit`], from the CA or the broker's own queue.
    Limit,
    /// [`ErrorClass::NotSupported`].
    NotSupported,
    /// [`ErrorClass::Permanent`].
    Permanent,
    /// [`ErrorClass::Retryable`].
    Retryable,
    /// [`ErrorClass::Unhealthy`], from the CA or the circuit breaker.
    Unhealthy,
    /// [`ErrorClass::UnknownOutcome`].
    UnknownOutcome,
    /// The caller went away before the call ended.
    Abandoned,
}

impl CallOutcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Pending,
        Self::Authentication,
        Self::Limit,
        Self::NotSupported,
        Self::Permanent,
        Self::Retryable,
        Self::Unhealthy,
        Self::UnknownOutcome,
        Self::Abandoned,
    ];
}

impl From<ErrorClass> for CallOutcome {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Authentication => Self::Authentication,
            ErrorClass::Limit => Self::Limit,
            ErrorClass::NotSupported => Self::NotSupported,
            ErrorClass::Permanent => Self::Permanent,
            ErrorClass::Retryable => Self::Retryable,
            ErrorClass::Unhealthy => Self::Unhealthy,
            ErrorClass::UnknownOutcome => Self::UnknownOutcome,
        }
    }
}

/// How long something took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// Cumulative, as Prometheus has them, one for each of [`LATENCY_BOUNDS`]; the bucket of infinity is `count`.
    pub buckets: Vec<Bucket>,
    /// How many.
    pub count: u64,
    /// All together, in seconds.
    pub sum_seconds: f64,
}

/// One bucket of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// Its upper bound in seconds, inclusive.
    pub le_seconds: f64,
    /// How many took at most so long.
    pub count: u64,
}

/// The circuit breaker's state.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct BreakerReport {
    /// Whether calls are made.
    pub state: BreakerState,
    /// How often it opened, after a failed probe too.
    pub openings: u64,
    /// Failures in a row while it is closed.
    pub failures: u32,
    /// Milliseconds until the next probe, while it is open.
    pub retry_after_ms: Option<u64>,
    /// The last failure that it counted, with class and text, secrets masked. It stays when calls succeed again.
    pub last_failure: Option<String>,
}

/// One process of the pool.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessStatistics {
    /// Whether it takes calls.
    pub state: ProcessState,
    /// Its number, when there is one.
    pub process_id: Option<u32>,
    /// Calls inside it now.
    pub inside: u32,
    /// Its processor time at the last sample, in seconds.
    pub cpu_seconds: f64,
    /// Its resident memory at the last sample, in octets.
    pub resident_octets: u64,
    /// Why the one before it ended, in words.
    pub last_ending: Option<String>,
}
