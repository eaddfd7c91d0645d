//! What many calls leave behind.

use yinqiao_ca_sdk::Operation;
use yinqiao_ca_worker::probe::{Probe, RawCall, Result as Answered, Step};

use super::process::{harmless_calls, snapshot};
use crate::bench::{Bench, CALL, is_status, status_name};
use crate::verdict::{Stop, Verdict, While as _, ensure, failed, holds};

/// What an allocator may keep for itself, in KiB.
const SLACK_KIB: u64 = 2048;
/// What one call may leave in the long run, in octets: caches of a CA's answers grow a little.
const OCTETS_PER_CALL: u64 = 64;

pub(crate) async fn calls(bench: &Bench) -> Verdict {
    let calls: Vec<(String, RawCall)> = harmless_calls(bench)
        .await?
        .into_iter()
        .filter(|(name, _)| name != Operation::Issue.name())
        .collect();
    let total = bench.options.profile.of(2_000_u32, 100_000);
    measured(bench, calls, total, OCTETS_PER_CALL).await
}

pub(crate) async fn issues(bench: &Bench) -> Verdict {
    bench.pair().await?;
    let key = bench.key("leak")?;
    let issue = harmless_calls(bench).await?.into_iter().find(|(name, _)| name == Operation::Issue.name());
    let Some((name, call)) = issue else { return Err(failed("issue is not among the calls")) };
    let call = RawCall { idempotency_key: format!("{key}-{{n}}").into_bytes().into(), ..call };
    let total = bench.options.profile.of(40_u32, 2_000);
    // A plugin may remember what it issued.
    measured(bench, vec![(name, call)], total, 4096).await
}

/// A twentieth of the calls to warm up, the others to measure.
async fn measured(bench: &Bench, calls: Vec<(String, RawCall)>, total: u32, octets_per_call: u64) -> Verdict {
    let mut opened = bench.opened().await?;
    let each = (total / calls.len().max(1) as u32).max(2);
    let warm = (each / 20).max(1);
    let instance = opened.instance;
    repeat(&mut opened.probe, instance, &calls, warm, "a").await?;
    let before = snapshot(&mut opened.probe).await?;
    repeat(&mut opened.probe, instance, &calls, each - warm, "b").await?;
    let after = snapshot(&mut opened.probe).await?;
    let made = u64::from(each - warm) * calls.len() as u64;
    let descriptors = after.descriptors.len().saturating_sub(before.descriptors.len());
    ensure(descriptors <= 2, || format!("{made} calls leave {descriptors} descriptors open"))?;
    let threads = after.threads.saturating_sub(before.threads);
    ensure(threads <= 2, || format!("{made} calls leave {threads} threads"))?;
    let grown = after.resident_kib.saturating_sub(before.resident_kib);
    let allowed = SLACK_KIB + made * octets_per_call / 1024;
    ensure(grown <= allowed, || {
        format!("{made} calls leave {grown} KiB of memory, {} octets each", grown * 1024 / made.max(1))
    })?;
    holds(format!("{made} calls, {grown} KiB more"))
}

async fn repeat(
    probe: &mut Probe,
    instance: usize,
    calls: &[(String, RawCall)],
    times: u32,
    round: &str,
) -> Result<(), Stop> {
    for (name, call) in calls {
        let mut call = RawCall { instance, ..call.clone() };
        if !call.idempotency_key.0.is_empty() {
            call.idempotency_key.0.extend_from_slice(round.as_bytes());
        }
        let limit = CALL * times.max(1);
        match probe.step(&Step::Repeat { call, times }, limit).await.during(name)?.result {
            Answered::Repeated(repeated) => {
                if let Some(status) = repeated.statuses.keys().find(|status| !is_status(**status)) {
                    return Err(failed(format!("{name} returned {}", status_name(*status))));
                }
            }
            other => return Err(failed(format!("{name}: {other:?}"))),
        }
    }
    Ok(())
}
