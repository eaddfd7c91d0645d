//! Counts calls as they happen: relaxed atomics, since each figure stands for itself.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use yinqiao_ca_sdk::Operation;

use super::statistics::{Bucket, CallOutcome, FunctionStatistics, Histogram, LATENCY_BOUNDS, OutcomeCount};
use crate::message::Function;

/// The same bounds in nanoseconds, to be compared without floating point.
const BOUNDS: [u64; LATENCY_BOUNDS.len()] = {
    let mut bounds = [0; LATENCY_BOUNDS.len()];
    let mut index = 0;
    while index < bounds.len() {
        // Adding a half rounds; the casts are exact below 2^53.
        bounds[index] = (LATENCY_BOUNDS[index] * 1e9 + 0.5) as u64;
        index += 1;
    }
    bounds
};

/// One meter for each function and operation.
pub(super) struct Meters(Vec<Meter>);

/// Of one function, or one operation of it.
pub(super) struct Meter {
    function: Function,
    operation: Option<Operation>,
    outcomes: [AtomicU64; CallOutcome::ALL.len()],
    latency: Times,
}

/// A histogram that is being filled.
#[derive(Default)]
pub(super) struct Times {
    /// Not cumulative; what is longer than the last bound is in `count` only.
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    sum_nanoseconds: AtomicU64,
}

impl Meters {
    pub(super) fn new() -> Self {
        let plain = [Function::Health, Function::Lookup, Function::Cancel, Function::List];
        let each = |function| Operation::ALL.iter().map(move |operation| (function, Some(*operation)));
        let kinds = plain.into_iter().map(|function| (function, None));
        let kinds = kinds.chain(each(Function::Submit)).chain(each(Function::Poll));
        Self(kinds.map(|(function, operation)| Meter::new(function, operation)).collect())
    }

    /// The meter of a call.
    pub(super) fn of(&self, function: Function, operation: Option<Operation>) -> Option<&Meter> {
        self.0.iter().find(|meter| meter.function == function && meter.operation == operation)
    }

    /// Those that counted anything.
    pub(super) fn read(&self) -> Vec<FunctionStatistics> {
        self.0.iter().map(Meter::read).filter(|function| function.calls > 0).collect()
    }
}

impl Meter {
    fn new(function: Function, operation: Option<Operation>) -> Self {
        let outcomes = array::from_fn(|_| AtomicU64::new(0));
        Self { function, operation, outcomes, latency: Times::default() }
    }

    /// Counts a call that ended for its caller.
    pub(super) fn ended(&self, outcome: CallOutcome) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts how long the plugin took to answer.
    pub(super) fn answered(&self, took: Duration) {
        self.latency.add(took);
    }

    fn read(&self) -> FunctionStatistics {
        let counted = CallOutcome::ALL.into_iter().map(|outcome| OutcomeCount {
            outcome,
            calls: self.outcomes[outcome as usize].load(Ordering::Relaxed),
        });
        let outcomes: Vec<_> = counted.filter(|count| count.calls > 0).collect();
        FunctionStatistics {
            function: self.function,
            operation: self.operation,
            calls: outcomes.iter().map(|count| count.calls).sum(),
            outcomes,
            latency: self.latency.read(),
        }
    }
}

impl Times {
    pub(super) fn add(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(BOUNDS.partition_point(|bound| *bound < nanoseconds)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Histogram {
        // Before the buckets: what is added in between may be in a bucket and not yet in the count.
        let count = self.count.load(Ordering::Relaxed);
        let mut so_far = 0;
        let buckets = LATENCY_BOUNDS.iter().zip(&self.buckets).map(|(bound, bucket)| {
            so_far += bucket.load(Ordering::Relaxed);
            Bucket { le_seconds: *bound, count: so_far }
        });
        let buckets = buckets.collect();
        let sum_seconds = Duration::from_nanos(self.sum_nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        Histogram { buckets, count: count.max(so_far), sum_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_whose_bound_it_does_not_pass_and_in_all_after_it() {
        let times = Times::default();
        for microseconds in [50, 51, 1_000, 30_000_000, 30_000_001] {
            times.add(Duration::from_micros(microseconds));
        }
        let histogram = times.read();
        let count = |seconds: f64| {
            histogram.buckets.iter().find(|bucket| bucket.le_seconds == seconds).unwrap().count
        };
        assert_eq!([0.000_05, 0.000_1, 0.000_5, 0.001, 10.0, 30.0].map(count), [1, 2, 2, 3, 3, 4]);
        assert_eq!(histogram.count, 5);
        assert!((histogram.sum_seconds - 60.001_102).abs() < 1e-9);
    }

    #[test]
    fn only_what_was_called_is_reported_and_its_calls_are_the_sum_of_its_outcomes() {
        let meters = Meters::new();
        let meter = meters.of(Function::Submit, Some(Operation::Issue)).unwrap();
        meter.ended(CallOutcome::Ok);
        meter.ended(CallOutcome::Abandoned);
        let read = meters.read();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].function, read[0].operation), (Function::Submit, Some(Operation::Issue)));
        assert_eq!((read[0].calls, read[0].latency.count), (2, 0));
    }

    #[test]
    fn every_outcome_has_its_own_counter() {
        for (number, outcome) in CallOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, number);
        }
    }
}
