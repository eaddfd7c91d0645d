//! The circuit breaker in use: with its clock, and the failure that operators want to read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::breaker::{Breaker, BreakerRules, BreakerState, Verdict};
use super::statistics::BreakerReport;

/// Every call passes it.
pub(super) struct Gate {
    epoch: Instant,
    /// Held for a few instructions.
    inner: Mutex<Inner>,
    /// There may be a probe to make, or another time for it.
    changed: Notify,
}

struct Inner {
    breaker: Breaker,
    last_failure: Option<String>,
}

/// Why a call may not pass.
pub(super) struct Shut {
    pub(super) retry_after: Duration,
    pub(super) last_failure: Option<String>,
}

impl Gate {
    pub(super) fn new(rules: BreakerRules) -> Self {
        let inner = Inner { breaker: Breaker::new(rules), last_failure: None };
        Self { epoch: Instant::now(), inner: Mutex::new(inner), changed: Notify::new() }
    }

    pub(super) fn admit(&self) -> Result<(), Shut> {
        let inner = self.lock();
        inner
            .breaker
            .admit(self.now())
            .map_err(|retry_after| Shut { retry_after, last_failure: inner.last_failure.clone() })
    }

    /// Takes what a call, or the end of a process, came to; true when it opened by this.
    pub(super) fn record(&self, verdict: Verdict, why: Option<String>) -> bool {
        let why = why.filter(|_| matches!(verdict, Verdict::Failure { .. }));
        self.change(|breaker, now| breaker.record(now, verdict), why)
    }

    /// Opens for the lack of a process; true when it was not open.
    pub(super) fn no_worker(&self, why: String) -> bool {
        self.change(Breaker::no_worker, Some(why))
    }

    pub(super) fn worker_started(&self) {
        self.change(Breaker::worker_started, None);
        // A probe that was due waits for a worker, too.
        self.changed.notify_one();
    }

    /// Waits until a probe is due and `possible`, and begins it. What makes one possible is told by
    /// [`Self::worker_started`].
    pub(super) async fn begin_probe_when_due(&self, possible: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified();
            let due = self.lock().breaker.probe_due();
            match due {
                Some(due) if possible() => {
                    let left = due.saturating_sub(self.now());
                    if left.is_zero() && self.lock().breaker.begin_probe(self.now()) {
                        return;
                    }
                    let _ = tokio::time::timeout(left, changed).await;
                }
                _ => changed.await,
            }
        }
    }

    /// Takes what the probe came to; true when calls pass again.
    pub(super) fn probe_ended(&self, verdict: Verdict, why: Option<String>) -> bool {
        self.change(|breaker, now| breaker.end_probe(now, verdict), why);
        self.lock().breaker.state() == BreakerState::Closed
    }

    pub(super) fn report(&self) -> BreakerReport {
        let inner = self.lock();
        let retry_after = inner.breaker.admit(self.now()).err();
        BreakerReport {
            state: inner.breaker.state(),
            openings: inner.breaker.openings(),
            failures: inner.breaker.failures(),
            retry_after_ms: retry_after.map(|left| left.as_millis() as u64),
            last_failure: inner.last_failure.clone(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Breaker, Duration), why: Option<String>) -> bool {
        let mut inner = self.lock();
        let openings = inner.breaker.openings();
        change(&mut inner.breaker, self.now());
        if why.is_some() {
            inner.last_failure = why;
        }
        let opened = inner.breaker.openings() > openings;
        drop(inner);
        if opened {
            self.changed.notify_one();
        }
        opened
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
