//! The circuit breaker: a CA or plugin that fails again and again is left alone for a while.
//!
//! ```text
//!            `failures` in a row, or no worker can be started
//!   Closed ─────────────────────────────────────────────────▶ Open ◀─────────┐
//!     ▲                                                        │ pause over   │ probe failed: pause doubled
//!     │ probe succeeded                                        ▼              │
//!     └─────────────────────────────────────────────────── HalfOpen ─────────┘
//! ```
//!
//! Pure: time comes in as a duration since a start that the caller chooses and keeps.

use std::time::Duration;

use serde::Serialize;

/// When it opens and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BreakerRules {
    /// So many failures in a row open it; 0 counts as 1.
    pub failures: u32,
    /// How long it is open at first.
    pub pause: Duration,
    /// The longest time that it is open before a probe.
    pub longest_pause: Duration,
}

/// What a call says of the CA and the plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// They work.
    Success,
    /// They do not.
    Failure {
        /// What the CA asks for: not before so long.
        retry_after: Option<Duration>,
    },
    /// Nothing: the request was bad, not offered or too much, or it was never sent.
    Neutral,
}

/// Whether calls are made.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// They are.
    Closed,
    /// They end at once; nothing is sent.
    Open,
    /// They end at once, while one probe asks whether the CA works again.
    HalfOpen,
}

/// The state machine.
#[derive(Clone, Debug)]
pub struct Breaker {
    rules: BreakerRules,
    state: State,
    openings: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        /// In a row.
        failures: u32,
        /// The longest that the CA asked for since the last success.
        asked: Duration,
        /// How long the next opening lasts. It is not the first pause again before a call has succeeded: a CA whose
        /// health is good and whose calls fail would be called in bursts.
        pause: Duration,
    },
    Open {
        until: Duration,
        pause: Duration,
        cause: Cause,
    },
    HalfOpen {
        pause: Duration,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cause {
    Failures,
    NoWorker,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(rules: BreakerRules) -> Self {
        Self { rules, state: closed(rules.pause.min(rules.longest_pause)), openings: 0 }
    }

    /// Whether a call may be made.
    ///
    /// # Errors
    /// It may not; how long until that may change.
    pub fn admit(&self, now: Duration) -> Result<(), Duration> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } => Err(until.saturating_sub(now)),
            State::HalfOpen { .. } => Err(self.first_pause()),
        }
    }

    /// Takes what a call came to. Calls that began before it opened end while it is open; they change nothing then.
    pub fn record(&mut self, now: Duration, verdict: Verdict) {
        let State::Closed { failures, asked, pause } = self.state else { return };
        match verdict {
            Verdict::Success => self.state = closed(self.first_pause()),
            Verdict::Failure { retry_after } => {
                let failures = failures.saturating_add(1);
                let asked = asked.max(retry_after.unwrap_or_default());
                if failures >= self.rules.failures.max(1) {
                    self.open(now, pause, asked, Cause::Failures);
                } else {
                    self.state = State::Closed { failures, asked, pause };
                }
            }
            Verdict::Neutral => {}
        }
    }

    /// No worker runs and none can be started: calls would wait for nothing.
    pub fn no_worker(&mut self, now: Duration) {
        if let State::Closed { pause, .. } = self.state {
            self.open(now, pause, Duration::ZERO, Cause::NoWorker);
        }
    }

    /// A worker runs again. When it was open for the lack of one, the probe is due at once.
    pub fn worker_started(&mut self, now: Duration) {
        if let State::Open { until, cause: Cause::NoWorker, .. } = &mut self.state {
            *until = now.min(*until);
        }
    }

    /// When the next probe is due; `None` when there is none to make.
    #[must_use]
    pub fn probe_due(&self) -> Option<Duration> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// Begins the probe. False when none is due, or one is under way.
    #[must_use]
    pub fn begin_probe(&mut self, now: Duration) -> bool {
        match self.state {
            State::Open { until, pause, .. } if now >= until => {
                self.state = State::HalfOpen { pause };
                true
            }
            _ => false,
        }
    }

    /// Takes what the probe came to. Only success closes.
    pub fn end_probe(&mut self, now: Duration, verdict: Verdict) {
        let State::HalfOpen { pause } = self.state else { return };
        let doubled = (pause * 2).min(self.rules.longest_pause);
        match verdict {
            Verdict::Success => self.state = closed(doubled),
            Verdict::Failure { retry_after } => {
                self.open(now, doubled, retry_after.unwrap_or_default(), Cause::Failures);
            }
            Verdict::Neutral => self.open(now, doubled, Duration::ZERO, Cause::Failures),
        }
    }

    /// Whether calls are made.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// How often it opened, after a failed probe too.
    #[must_use]
    pub fn openings(&self) -> u64 {
        self.openings
    }

    /// Failures in a row while it is closed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        match self.state {
            State::Closed { failures, .. } => failures,
            State::Open { .. } | State::HalfOpen { .. } => 0,
        }
    }

    /// `asked` by the CA may lengthen a pause, within the limit: it must not put itself out of use for ever.
    fn open(&mut self, now: Duration, pause: Duration, asked: Duration, cause: Cause) {
        let until = now.saturating_add(pause.max(asked).min(self.rules.longest_pause));
        self.state = State::Open { until, pause, cause };
        self.openings += 1;
    }

    fn first_pause(&self) -> Duration {
        self.rules.pause.min(self.rules.longest_pause)
    }
}

fn closed(pause: Duration) -> State {
    State::Closed { failures: 0, asked: Duration::ZERO, pause }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: BreakerRules =
        BreakerRules { failures: 3, pause: Duration::from_secs(1), longest_pause: Duration::from_secs(10) };
    const FAILURE: Verdict = Verdict::Failure { retry_after: None };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(RULES);
        (0..3).for_each(|_| breaker.record(at(0), FAILURE));
        assert_eq!(breaker.state(), BreakerState::Open);
        breaker
    }

    #[test]
    fn a_success_in_between_begins_the_count_again_and_a_bad_request_does_not() {
        let mut breaker = Breaker::new(RULES);
        for verdict in [FAILURE, FAILURE, Verdict::Success, FAILURE, FAILURE, Verdict::Neutral] {
            breaker.record(at(0), verdict);
            assert_eq!(breaker.admit(at(0)), Ok(()));
        }
        breaker.record(at(0), FAILURE);
        assert_eq!(breaker.admit(at(0)), Err(at(1)));
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_to_its_limit() {
        let mut breaker = opened();
        let mut now = at(0);
        for pause in [1, 2, 4, 8, 10, 10] {
            assert!(!breaker.begin_probe(now + at(pause) - Duration::from_millis(1)));
            now += at(pause);
            assert!(breaker.begin_probe(now));
            breaker.end_probe(now, FAILURE);
        }
        assert_eq!(breaker.openings(), 7);
    }

    #[test]
    fn the_pause_is_the_first_one_again_only_after_a_call_succeeded() {
        let mut breaker = opened();
        assert!(breaker.begin_probe(at(1)));
        breaker.end_probe(at(1), Verdict::Success);
        (0..3).for_each(|_| breaker.record(at(1), FAILURE));
        assert_eq!(breaker.admit(at(1)), Err(at(2)));
        assert!(breaker.begin_probe(at(3)));
        breaker.end_probe(at(3), Verdict::Success);
        breaker.record(at(3), Verdict::Success);
        (0..3).for_each(|_| breaker.record(at(3), FAILURE));
        assert_eq!(breaker.admit(at(3)), Err(at(1)));
    }

    #[test]
    fn it_stays_open_as_long_as_the_ca_asked_but_not_longer_than_its_limit() {
        for (asked, pause) in [(0, 1), (5, 5), (3600, 10)] {
            let mut breaker = Breaker::new(RULES);
            breaker.record(at(0), Verdict::Failure { retry_after: Some(at(asked)) });
            (0..2).for_each(|_| breaker.record(at(0), FAILURE));
            assert_eq!(breaker.admit(at(0)), Err(at(pause)));
        }
    }

    #[test]
    fn a_worker_that_starts_again_is_probed_at_once_only_if_the_lack_of_one_had_opened_it() {
        let mut breaker = Breaker::new(RULES);
        breaker.no_worker(at(0));
        assert!(!breaker.begin_probe(at(0)));
        breaker.worker_started(at(0));
        assert!(breaker.begin_probe(at(0)));
        let mut breaker = opened();
        breaker.worker_started(at(0));
        assert!(!breaker.begin_probe(at(0)));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Wait(u64),
        Record(Verdict),
        NoWorker,
        WorkerStarted,
        BeginProbe,
        EndProbe(Verdict),
    }

    fn verdicts() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            3 => Just(Verdict::Success),
            5 => proptest::option::of(0..20_u64)
                .prop_map(|asked| Verdict::Failure { retry_after: asked.map(Duration::from_secs) }),
            1 => Just(Verdict::Neutral),
        ]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            2 => (0..5_u64).prop_map(Step::Wait),
            6 => verdicts().prop_map(Step::Record),
            1 => Just(Step::NoWorker),
            1 => Just(Step::WorkerStarted),
            3 => Just(Step::BeginProbe),
            3 => verdicts().prop_map(Step::EndProbe),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        /// The model knows only the history: failures since the last success, and whether a probe is under way.
        #[test]
        fn it_keeps_its_promises_whatever_happens(steps in steps()) {
            let mut breaker = Breaker::new(RULES);
            let (mut now, mut in_a_row, mut probing) = (at(1000), 0, false);
            for step in steps {
                let before = breaker.state();
                match step {
                    Step::Wait(seconds) => now += at(seconds),
                    Step::Record(verdict) => {
                        breaker.record(now, verdict);
                        if before == BreakerState::Closed {
                            match verdict {
                                Verdict::Success => in_a_row = 0,
                                Verdict::Failure { .. } => in_a_row += 1,
                                Verdict::Neutral => {}
                            }
                            prop_assert_eq!(breaker.state() == BreakerState::Open, in_a_row >= 3);
                        } else {
                            prop_assert_eq!(breaker.state(), before);
                        }
                    }
                    Step::NoWorker => breaker.no_worker(now),
                    Step::WorkerStarted => breaker.worker_started(now),
                    Step::BeginProbe => {
                        let due = breaker.probe_due().is_some_and(|due| due <= now);
                        let begun = breaker.begin_probe(now);
                        prop_assert_eq!(begun, due && !probing);
                        probing |= begun;
                    }
                    Step::EndProbe(verdict) => {
                        breaker.end_probe(now, verdict);
                        if probing {
                            prop_assert_eq!(breaker.state() == BreakerState::Closed, verdict == Verdict::Success);
                        } else {
                            prop_assert_eq!(breaker.state(), before);
                        }
                        probing = false;
                    }
                }
                match breaker.state() {
                    BreakerState::Closed => prop_assert_eq!(breaker.admit(now), Ok(())),
                    BreakerState::Open => {
                        in_a_row = 0;
                        prop_assert!(breaker.admit(now).is_err_and(|left| left <= RULES.longest_pause));
                    }
                    BreakerState::HalfOpen => prop_assert!(probing && breaker.admit(now).is_err()),
                }
            }
        }
    }
}
