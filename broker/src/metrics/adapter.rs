//! The adapters' figures.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use yinqiao_ca_worker::{AdapterStatistics, BreakerState, FunctionStatistics, Histogram, ProcessState};

use super::Family;
use crate::adapter::Authorities;
use crate::clock;

/// What is known of one adapter now.
pub(super) struct Observed {
    name: String,
    fresh_revocation_list: bool,
    /// None when its plugin does not run.
    statistics: Option<AdapterStatistics>,
}

/// Asks every adapter's process, and no plugin.
pub(super) fn observe(authorities: &Authorities) -> Vec<Observed> {
    let now = clock::now();
    let all = authorities.all();
    let observed = all.iter().map(|authority| Observed {
        name: authority.name().to_owned(),
        fresh_revocation_list: authority.trust().has_fresh_list(now),
        statistics: authority.handle().ok().map(|handle| handle.statistics()),
    });
    observed.collect()
}

/// Writes all of it.
pub(super) fn encode(observed: &[Observed], mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
    let gauges: [Gauge; 6] = [
        ("adapter_up", "1 when a process of the adapter takes calls", |adapter| {
            i64::from(adapter.processes().any(|state| state == ProcessState::Ready))
        }),
        ("adapter_revocation_list_fresh", "1 when the CA's revocation list may be relied on", |adapter| {
            i64::from(adapter.fresh_revocation_list)
        }),
        ("adapter_breaker_open", "1 when the circuit breaker lets no call through", |adapter| {
            i64::from(
                adapter.statistics.as_ref().is_some_and(|known| known.breaker.state != BreakerState::Closed),
            )
        }),
        ("adapter_calls_inside", "Calls inside the plugin", |adapter| adapter.size(|known| known.inside)),
        ("adapter_calls_waiting", "Calls that wait for a free thread of the plugin", |adapter| {
            adapter.size(|known| known.waiting)
        }),
        ("adapter_resident_bytes", "Memory of the adapter's processes", |adapter| {
            adapter.size(|known| known.processes.iter().map(|process| process.resident_octets as usize).sum())
        }),
    ];
    for (name, help, value) in gauges {
        let mut family = Family::begin(&mut encoder, name, help, MetricType::Gauge)?;
        for adapter in observed {
            family.gauge(&[("adapter", adapter.name.as_str())], value(adapter))?;
        }
    }
    let counters: [Counter; 7] = [
        ("adapter_restarts", "Processes started in the place of one that had ended", |known| known.restarts),
        ("adapter_kills", "Processes killed for an overdue call or a limit", |known| known.kills),
        ("adapter_unknown_outcomes", "Calls whose outcome was unknown", |known| known.unknown_outcomes),
        ("adapter_queue_refusals", "Calls refused because too many waited", |known| known.queue_refusals),
        ("adapter_breaker_refusals", "Calls refused by the open breaker", |known| known.breaker_refusals),
        ("adapter_breaker_openings", "Times that the breaker opened", |known| known.breaker.openings),
        ("adapter_log_lines_dropped", "Log lines dropped: too many a second", |known| {
            known.log_lines_dropped
        }),
    ];
    for (name, help, value) in counters {
        let mut family = Family::begin(&mut encoder, name, help, MetricType::Counter)?;
        for (adapter, known) in running(observed) {
            family.count(&[("adapter", adapter)], value(known))?;
        }
    }
    let mut family = Family::begin(
        &mut encoder,
        "adapter_cpu_seconds",
        "Processor time of the adapter's processes",
        MetricType::Counter,
    )?;
    for (adapter, known) in running(observed) {
        family.seconds(&[("adapter", adapter)], known.cpu_seconds)?;
    }
    encode_calls(observed, &mut encoder)
}

type Gauge = (&'static str, &'static str, fn(&Observed) -> i64);
type Counter = (&'static str, &'static str, fn(&AdapterStatistics) -> u64);

fn encode_calls(observed: &[Observed], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut family = Family::begin(
        encoder,
        "adapter_calls",
        "Calls that have ended, by how they did",
        MetricType::Counter,
    )?;
    for (adapter, known) in running(observed) {
        for function in &known.functions {
            let (called, operation) = names(function);
            for outcome in &function.outcomes {
                let labels = [
                    ("adapter", adapter.to_owned()),
                    ("function", called.clone()),
                    ("operation", operation.clone()),
                    ("outcome", word(&outcome.outcome)),
                ];
                family.count(&labels, outcome.calls)?;
            }
        }
    }
    let help = "Time from sent to answered of the calls that the plugin answered";
    let mut family = Family::begin(encoder, "adapter_call_duration_seconds", help, MetricType::Histogram)?;
    for (adapter, known) in running(observed) {
        for function in &known.functions {
            let (called, operation) = names(function);
            let labels = [("adapter", adapter.to_owned()), ("function", called), ("operation", operation)];
            let Histogram { count, sum_seconds, .. } = function.latency;
            family.encoder.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                sum_seconds,
                count,
                &buckets(&function.latency),
                None,
            )?;
        }
    }
    Ok(())
}

impl Observed {
    fn processes(&self) -> impl Iterator<Item = ProcessState> {
        self.statistics.iter().flat_map(|known| known.processes.iter().map(|process| process.state))
    }

    fn size(&self, value: fn(&AdapterStatistics) -> usize) -> i64 {
        self.statistics.as_ref().map_or(0, |known| i64::try_from(value(known)).unwrap_or(i64::MAX))
    }
}

fn running(observed: &[Observed]) -> impl Iterator<Item = (&str, &AdapterStatistics)> {
    observed.iter().filter_map(|adapter| Some((adapter.name.as_str(), adapter.statistics.as_ref()?)))
}

fn names(function: &FunctionStatistics) -> (String, String) {
    let operation = function.operation.map(|operation| operation.to_string()).unwrap_or_default();
    (word(&function.function), operation)
}

/// The name that an enumeration's value has in JSON.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Buckets as the encoder wants them: each with its own count, the last one without a bound.
fn buckets(histogram: &Histogram) -> Vec<(f64, u64)> {
    let mut below = 0;
    let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(histogram.buckets.len() + 1);
    for bucket in &histogram.buckets {
        buckets.push((bucket.le_seconds, bucket.count.saturating_sub(below)));
        below = bucket.count;
    }
    buckets.push((f64::INFINITY, histogram.count.saturating_sub(below)));
    buckets
}

#[cfg(test)]
mod tests {
    use yinqiao_ca_worker::Bucket;

    use super::*;

    #[test]
    fn cumulative_buckets_become_counts_of_their_own_with_one_for_what_is_longer() {
        let bucket = |le_seconds, count| Bucket { le_seconds, count };
        let histogram =
            Histogram { buckets: vec![bucket(0.1, 2), bucket(1.0, 5)], count: 6, sum_seconds: 9.0 };
        assert_eq!(buckets(&histogram), [(0.1, 2), (1.0, 3), (f64::INFINITY, 1)]);
    }
}
