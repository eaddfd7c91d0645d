//! Faulty plugins beside logins through another CA.
//!
//! For each fault the windows are: without it, with it, without it (and again, for more rounds). "With it" begins after
//! the plugin was added and ends before it is removed; "without it" begins when its last process is gone. The first case,
//! `none`, is the good plugin: what it costs to issue beside logins, whoever does it.

mod callers;
mod cases;

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use self::callers::{Calls, Phones, load_wrong_sizes};
use self::cases::Case;
use super::catalogue::{self, Counters};
use super::stage::{Stage, Window};
use super::{Arguments, plugins};
use crate::figure;

/// The longest that a percentile may be, as a multiple of the same without the plugin.
const MOST: f64 = 1.5;
/// By how many octets more than without the plugin the broker may have grown in the time of a window: what an allocator
/// holds back, and certificates that were issued.
const FLAT: f64 = (8 << 20) as f64;
/// Percentiles that are compared.
const PERCENTILES: [(&str, f64); 3] = [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)];
/// What the cases are called in which no plugin is faulty, and all that are refused at load.
const NO_FAULT: &str = "none";
const WRONG_SIZES: &str = "wrong_sizes";

/// Measures and gives the figures.
pub fn measure(arguments: &Arguments) -> Result<Value> {
    let build = plugins::build()?;
    let faulty = build.join("faulty");
    let stage = Stage::prepare(arguments, 1.0)?;
    let chosen = |name: &str| {
        arguments.fault.is_empty() || arguments.fault.iter().any(|wanted| name.starts_with(wanted.as_str()))
    };
    let mut rows = serde_json::Map::new();
    let mut run = |name: &str, plugin: &dyn Plugin| -> Result<()> {
        if chosen(name) {
            let row = measure_one(&stage, name, plugin, arguments.rounds)?;
            rows.insert(name.to_owned(), row);
        }
        Ok(())
    };
    let good = build.join("libvendor_ca.so");
    run(NO_FAULT, &Enrolling { case: Case { library: "vendor_ca", variant: None }, library: &good })?;
    for case in cases::all(arguments.variants) {
        let library = faulty.join(format!("lib{}.so", case.library));
        run(&case.name(), &Enrolling { case, library: &library })?;
    }
    run(WRONG_SIZES, &Loading { folder: &faulty })?;
    anyhow::ensure!(
        !rows.is_empty(),
        "no fault is called so: they are the libraries of examples/vendor-plugin-c/faulty"
    );
    let broken: Vec<_> =
        rows.iter().filter(|(_, row)| row["holds"] != true).map(|(name, _)| name.clone()).collect();
    Ok(json!({
        "holds": broken.is_empty(),
        "not_holding": broken,
        "seconds_per_window": stage.length().as_secs(),
        "most_times_the_latency": MOST,
        "rate": stage.rate(),
        "by_fault": rows,
    }))
}

/// What a window with a plugin is.
trait Plugin {
    fn window(&self, stage: &Stage) -> Result<(Window, Calls, Counters)>;
}

/// A plugin that is added, has to issue, and is removed.
struct Enrolling<'a> {
    case: Case,
    library: &'a Path,
}

/// Plugins that are to be refused at load.
struct Loading<'a> {
    folder: &'a Path,
}

impl Plugin for Enrolling<'_> {
    fn window(&self, stage: &Stage) -> Result<(Window, Calls, Counters)> {
        let (broker, name) = (&stage.broker, self.case.adapter());
        catalogue::add(broker, &name, self.library, &self.case.configuration(broker))?;
        let phones = Phones::prepare(stage, &name)?;
        let length = stage.length();
        let (window, calls) = stage.window_beside(length, |over| phones.enrol(length, over))?;
        let counters = catalogue::counters(broker, &name)?;
        catalogue::remove(broker, &name, 1)?;
        Ok((window, calls, counters))
    }
}

impl Plugin for Loading<'_> {
    fn window(&self, stage: &Stage) -> Result<(Window, Calls, Counters)> {
        let (window, calls) =
            stage.window_beside(stage.length(), |over| load_wrong_sizes(stage, self.folder, over))?;
        Ok((window, calls, Counters::default()))
    }
}

fn measure_one(stage: &Stage, name: &str, plugin: &dyn Plugin, rounds: u32) -> Result<Value> {
    let first = stage.window()?;
    let mut without = first.to_json();
    let mut before = first;
    let (mut with, mut after) = (Window::default(), Window::default());
    let (mut calls, mut counters) = (Calls::default(), Counters::default());
    for _ in 0..rounds {
        let (window, made, counted) = plugin.window(stage)?;
        with.add(window);
        calls.add(made);
        counters = counters.and(counted);
        after.add(stage.window()?);
    }
    let last = after.to_json();
    let drift = ratios(&after, &before);
    before.add(after);
    let ratios = ratios(&with, &before);
    let grown = (with.growth_per_second() - before.growth_per_second()) * with.seconds;
    let within = ratios.iter().all(|(_, ratio)| *ratio <= MOST);
    let holds = with.logins.failed() == 0 && before.logins.failed() == 0 && within && grown <= FLAT;
    eprintln!(
        "{name}: {}; {} logins, {} failed; latency {}; without the plugin it drifted {}; {} kills, {} restarts",
        if holds { "holds" } else { "DOES NOT HOLD" },
        with.logins.count(),
        with.logins.failed(),
        spoken(&ratios),
        spoken(&drift),
        counters.kills,
        counters.restarts,
    );
    without["and_after"] = last;
    Ok(json!({
        "holds": holds,
        "without": without,
        "with": with.to_json(),
        "calls": calls.to_json(),
        "adapter": counters.to_json(),
        "latency_ratio": members(&ratios),
        "drift_without_the_plugin": members(&drift),
        "rss_growth_beyond_without_kib": figure(grown / 1024.0),
    }))
}

type Ratios = [(&'static str, f64); 3];

fn ratios(of: &Window, to: &Window) -> Ratios {
    PERCENTILES.map(|(name, share)| (name, of.logins.percentile(share) / to.logins.percentile(share)))
}

fn members(ratios: &Ratios) -> Value {
    ratios
        .iter()
        .map(|(name, ratio)| ((*name).to_owned(), figure(*ratio)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn spoken(ratios: &Ratios) -> String {
    ratios.iter().map(|(name, ratio)| format!("{name} {ratio:.2}")).collect::<Vec<_>>().join(", ")
}
