//! What the handle, its calls, its supervisors and its prober share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use yinqiao_ca_sdk::{Description, LogLevel, Threading};

use super::breaker::Verdict;
use super::gate::Gate;
use super::health::{Ending, HealthReport, ProcessReport, ProcessState};
use super::meter::{Meters, Times};
use super::output::Output;
use super::pool::Pool;
use super::settings::AdapterSettings;
use super::statistics::{AdapterStatistics, ProcessStatistics};
use super::watch::Sample;
use crate::message::AdapterInfo;
use crate::sandbox::Isolation;

/// Of one adapter, for as long as it is used.
pub(super) struct Shared {
    pub(super) settings: AdapterSettings,
    pub(super) output: Arc<Output>,
    pub(super) pool: Arc<Pool>,
    pub(super) gate: Gate,
    pub(super) phase: watch::Sender<Phase>,
    /// What the plugin said of itself when it was opened for the first time.
    pub(super) info: OnceLock<AdapterInfo>,
    /// Stands for it until then.
    pub(super) unopened: AdapterInfo,
    /// Why it will never be opened.
    pub(super) refused: OnceLock<String>,
    pub(super) processes: Vec<ProcessFigures>,
    pub(super) meters: Meters,
    pub(super) waited: Times,
    pub(super) next_call: AtomicU64,
    pub(super) inside: AtomicUsize,
    pub(super) queue_refusals: AtomicU64,
    pub(super) breaker_refusals: AtomicU64,
    pub(super) unknown_outcomes: AtomicU64,
    restarts: AtomicU64,
    kills: AtomicU64,
    /// Held for a copy.
    last_ending: Mutex<Option<Ending>>,
}

/// How far the end of the adapter is; it only moves on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Phase {
    Running,
    /// No new calls; those that wait or are inside finish.
    Draining,
    /// Processes close and are not replaced.
    Closing,
    /// Processes are killed.
    Dropped,
    /// All processes are gone.
    Stopped,
}

/// Of one place in the pool, whichever process is in it.
#[derive(Default)]
pub(super) struct ProcessFigures {
    /// 0 while there is none.
    process_id: AtomicU64,
    cpu_nanoseconds: AtomicU64,
    /// Of the processes before.
    cpu_nanoseconds_before: AtomicU64,
    resident_octets: AtomicU64,
    /// Held for a copy.
    last_ending: Mutex<Option<Ending>>,
}

impl ProcessFigures {
    pub(super) fn sampled(&self, sample: Sample) {
        self.cpu_nanoseconds.store(sample.cpu.as_nanos() as u64, Ordering::Relaxed);
        self.resident_octets.store(sample.resident, Ordering::Relaxed);
    }

    fn process_id(&self) -> Option<u32> {
        u32::try_from(self.process_id.load(Ordering::Relaxed)).ok().filter(|id| *id != 0)
    }
}

impl Shared {
    pub(super) fn new(settings: AdapterSettings, output: Arc<Output>) -> Self {
        let size = settings.limits.pool_size();
        Self {
            pool: Pool::new(size, settings.limits.queue),
            gate: Gate::new(settings.limits.breaker_rules()),
            phase: watch::Sender::new(Phase::Running),
            info: OnceLock::new(),
            unopened: unopened(),
            refused: OnceLock::new(),
            processes: (0..size).map(|_| ProcessFigures::default()).collect(),
            meters: Meters::new(),
            waited: Times::default(),
            next_call: AtomicU64::new(1),
            inside: AtomicUsize::new(0),
            queue_refusals: AtomicU64::new(0),
            breaker_refusals: AtomicU64::new(0),
            unknown_outcomes: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            kills: AtomicU64::new(0),
            last_ending: Mutex::new(None),
            settings,
            output,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Moves on to `phase`, never back.
    pub(super) fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|present| {
            let later = *present < phase;
            *present = phase.max(*present);
            later
        });
    }

    /// The CA or the plugin failed, or not. When that opens the breaker, the calls that wait end too.
    pub(super) fn judged(&self, verdict: Verdict, why: String) {
        if self.gate.record(verdict, Some(why.clone())) {
            self.opened(&why);
        }
    }

    /// There is no process and none can be started.
    pub(super) fn no_worker(&self, why: String) {
        if self.gate.no_worker(why.clone()) {
            self.opened(&why);
        }
    }

    fn opened(&self, why: &str) {
        self.output.own(LogLevel::Error, &format!("no calls are made for a while; the last failure: {why}"));
        self.pool.dismiss();
    }

    /// A process takes calls.
    pub(super) fn process_started(&self, index: usize, process_id: u32, again: bool) {
        if let Some(figures) = self.processes.get(index) {
            figures.process_id.store(process_id.into(), Ordering::Relaxed);
        }
        if again {
            self.restarts.fetch_add(1, Ordering::Relaxed);
            self.output.own(LogLevel::Info, "a new worker takes calls");
        }
    }

    /// A process is gone, or was never there.
    pub(super) fn process_ended(&self, index: usize, ending: &Ending) {
        let level = if *ending == Ending::Closed { LogLevel::Info } else { LogLevel::Error };
        match ending {
            Ending::NotStarted(reason) => self.output.own(level, &format!("there is no worker: {reason}")),
            ending => self.output.own(level, &format!("the worker is gone: {ending}")),
        }
        if matches!(ending, Ending::Killed(_)) {
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(figures) = self.processes.get(index) {
            figures.process_id.store(0, Ordering::Relaxed);
            figures.resident_octets.store(0, Ordering::Relaxed);
            let cpu = figures.cpu_nanoseconds.swap(0, Ordering::Relaxed);
            figures.cpu_nanoseconds_before.fetch_add(cpu, Ordering::Relaxed);
            *figures.last_ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending.clone());
        }
        *self.last_ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending.clone());
    }

    pub(super) fn last_ending(&self) -> Option<Ending> {
        self.last_ending.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn health(&self) -> HealthReport {
        let processes = self.process_reports();
        let ready = processes.iter().find(|process| process.state == ProcessState::Ready);
        HealthReport {
            state: ready.map_or_else(|| self.without_process(), |ready| ready.state),
            process_id: ready.and_then(|ready| ready.process_id),
            restarts: self.restarts.load(Ordering::Relaxed),
            kills: self.kills.load(Ordering::Relaxed),
            unknown_outcomes: self.unknown_outcomes.load(Ordering::Relaxed),
            inside: self.inside.load(Ordering::Relaxed),
            waiting: self.pool.waiting(),
            last_ending: self.last_ending(),
            breaker: self.gate.report(),
            refused: self.refused.get().cloned(),
            processes,
        }
    }

    pub(super) fn statistics(&self) -> AdapterStatistics {
        let reports = self.process_reports();
        let seconds = |nanoseconds: u64| Duration::from_nanos(nanoseconds).as_secs_f64();
        let (log_lines, log_lines_dropped) = self.output.lines();
        let processes = reports.into_iter().zip(&self.processes).map(|(report, figures)| ProcessStatistics {
            state: report.state,
            process_id: report.process_id,
            inside: report.inside,
            cpu_seconds: seconds(figures.cpu_nanoseconds.load(Ordering::Relaxed)),
            resident_octets: figures.resident_octets.load(Ordering::Relaxed),
            last_ending: report.last_ending.map(|ending| ending.to_string()),
        });
        let processes: Vec<_> = processes.collect();
        let before =
            self.processes.iter().map(|figures| figures.cpu_nanoseconds_before.load(Ordering::Relaxed));
        AdapterStatistics {
            functions: self.meters.read(),
            waited: self.waited.read(),
            inside: self.inside.load(Ordering::Relaxed),
            waiting: self.pool.waiting(),
            queue_refusals: self.queue_refusals.load(Ordering::Relaxed),
            breaker_refusals: self.breaker_refusals.load(Ordering::Relaxed),
            unknown_outcomes: self.unknown_outcomes.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            kills: self.kills.load(Ordering::Relaxed),
            log_lines,
            log_lines_dropped,
            breaker: self.gate.report(),
            cpu_seconds: seconds(before.sum())
                + processes.iter().map(|process| process.cpu_seconds).sum::<f64>(),
            processes,
        }
    }

    fn process_reports(&self) -> Vec<ProcessReport> {
        let without = self.without_process();
        let reports =
            self.pool.loads().into_iter().zip(&self.processes).map(|(load, figures)| ProcessReport {
                state: if load.ready { ProcessState::Ready } else { without },
                process_id: figures.process_id(),
                inside: load.inside,
                last_ending: figures.last_ending.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            });
        reports.collect()
    }

    /// The state of a place without a process.
    fn without_process(&self) -> ProcessState {
        if self.phase() == Phase::Stopped || self.refused.get().is_some() {
            ProcessState::Stopped
        } else {
            ProcessState::Restarting
        }
    }
}

/// Says nothing of a plugin that nobody has seen open.
fn unopened() -> AdapterInfo {
    AdapterInfo {
        vendor: String::new(),
        name: String::new(),
        version: String::new(),
        build_id: String::new(),
        abi_major: 0,
        abi_minor: 0,
        capabilities: 0,
        threading: Threading::Serial,
        concurrency: 0,
        description: Description::default(),
        isolation: Isolation::default(),
    }
}
