//! Upgrades in a row under load.
//!
//! Three windows with the same load of logins (half of the rate) and calls: without upgrades, with all of them one
//! after the other, without. Before each upgrade the running version's figures are read, so that a call that failed
//! between broker and plugin is seen though the broker asked again and its caller noticed nothing.

mod questions;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use self::questions::{AUTHORITY, Counts, ask};
use super::catalogue::{self, Counters};
use super::stage::{Stage, Window};
use super::{Arguments, plugins};
use crate::figure;

/// Share of the rate that logins come at: the software CA's plugin is hashed and loaded anew all the time beside them.
const SHARE: f64 = 0.5;
/// The longest that all upgrades may take.
const LONGEST: Duration = Duration::from_secs(1800);

/// What was done to the adapter in a window.
#[derive(Debug, Default)]
struct Upgrades {
    /// How long each took, sorted.
    took: Vec<Duration>,
    failed: u64,
    first_failure: Option<String>,
    /// Of all versions that were replaced.
    counters: Counters,
}

/// Measures and gives the figures.
pub fn measure(arguments: &Arguments) -> Result<Value> {
    let stage = Stage::prepare(arguments, SHARE)?;
    let folder = tempfile::tempdir()?;
    let builds = plugins::two_builds(&plugins::software_ca()?, folder.path())?;
    eprintln!("calls and logins without upgrades");
    let before = quiet(&stage)?;
    eprintln!("{} upgrades", arguments.upgrades);
    let mut done = Upgrades::default();
    let (window, counts) = stage.window_beside(LONGEST, |over| {
        thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&stage.broker, over));
            for library in builds.iter().cycle().take(arguments.upgrades as usize) {
                if over.load(Ordering::Acquire) {
                    break;
                }
                done.make(&stage, library)?;
            }
            over.store(true, Ordering::Release);
            asking.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked"))
        })
    })?;
    done.took.sort_unstable();
    eprintln!("the same without upgrades again");
    let after = quiet(&stage)?;

    let failed = counts.failed() + window.logins.failed() + done.failed;
    let lost = done.counters.unknown_outcomes + done.counters.kills + done.counters.restarts;
    let all = done.took.len() == arguments.upgrades as usize;
    let holds = all && failed == 0 && lost == 0 && before.1.failed() + after.1.failed() == 0;
    eprintln!(
        "{} upgrades, {failed} failed calls: {}",
        done.took.len(),
        if holds { "holds" } else { "DOES NOT HOLD" }
    );
    let mut without = before.0;
    without.add(after.0);
    let ratio = |share| figure(window.logins.percentile(share) / without.logins.percentile(share));
    Ok(json!({
        "holds": holds,
        "upgrades_wanted": arguments.upgrades,
        "upgrades_done": done.took.len(),
        "upgrades_failed": done.failed,
        "first_failure": done.first_failure,
        "failed_calls": failed,
        "upgrade_p50_ms": done.percentile(0.50),
        "upgrade_p99_ms": done.percentile(0.99),
        "rate": stage.rate(),
        "without_upgrades": without.to_json(),
        "with_upgrades": window.to_json(),
        "latency_ratio": { "p50": ratio(0.50), "p95": ratio(0.95), "p99": ratio(0.99) },
        "calls": counts.to_json(),
        "calls_without_upgrades": [before.1.to_json(), after.1.to_json()],
        "adapter": done.counters.to_json(),
    }))
}

/// A window with logins and calls, and nothing else.
fn quiet(stage: &Stage) -> Result<(Window, Counts)> {
    stage.window_beside(stage.length(), |over: &AtomicBool| ask(&stage.broker, over))
}

impl Upgrades {
    fn make(&mut self, stage: &Stage, library: &std::path::Path) -> Result<()> {
        let counted = catalogue::counters(&stage.broker, AUTHORITY).context("the adapter's figures")?;
        self.counters = self.counters.and(counted);
        let begun = Instant::now();
        match catalogue::upgrade(&stage.broker, AUTHORITY, library) {
            Ok(()) => self.took.push(begun.elapsed()),
            Err(reason) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| format!("{reason:#}"));
            }
        }
        Ok(())
    }

    /// Milliseconds within which this share of upgrades was done (nearest rank).
    fn percentile(&self, share: f64) -> Value {
        let rank = (self.took.len() as f64 * share).ceil() as usize;
        self.took.get(rank.saturating_sub(1)).map_or(Value::Null, |took| figure(took.as_secs_f64() * 1000.0))
    }
}
