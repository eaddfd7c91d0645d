//! Faulty plugins beside logins through another CA.
//!
//! What is asked is what the fault costs: so a faulty plugin is held against the good one that is called as often, since
//! whoever issues certificates beside logins makes the same disk and processors busy. What the good one costs, held
//! against logins alone, is the first case, `none`; it has no limit.
//!
//! Plugins that are refused at load, the case `wrong_sizes`, are added every half a second. They are held against the good one, added and
//! removed as often: whoever tries a plugin pays for a process and for the command, whatever becomes of it. How they compare with logins
//! alone is reported beside that, `beside_logins_alone`, and not judged.
//!
//! For each fault the windows are: without it, with it, without it (and again, for more rounds). "With it" begins after
//! the plugin was added and ends before it is removed; "without it" begins when its last process is gone. What does not
//! hold gets more rounds, since a machine that others use too is never still; all windows count, the first ones too. How
//! far the windows without it differ among themselves is given as drift.

mod callers;
mod cases;

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use self::callers::{Calls, Candidate, Phones, add_and_remove};
use self::cases::Case;
use super::catalogue::{self, Counters};
use super::stage::{Stage, Window};
use super::{Arguments, plugins};
use crate::figure;

/// The longest that a percentile may be, as a multiple of the same without the plugin.
const MOST: f64 = 1.5;
/// By how many octets more than without the plugin the broker may have grown over all windows: two of the largest replies
/// (8 MiB) at the same time, and what an allocator holds back.
const FLAT: f64 = (24 << 20) as f64;
/// Rounds that a case gets beyond those asked for, where it does not hold.
const MORE_ROUNDS: u32 = 2;
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
    let mut run = |name: &str, pair: Pair<'_>| -> Result<()> {
        if chosen(name) {
            let row = measure_one(&stage, name, pair, arguments.rounds)?;
            rows.insert(name.to_owned(), row);
        }
        Ok(())
    };
    let library = build.join("libvendor_ca.so");
    let good = Enrolling { case: Case { library: "vendor_ca", variant: None }, library: &library };
    run(NO_FAULT, Pair { plugin: &good, without: &LoginsAlone, limited: false, reported: None })?;
    for case in cases::all(arguments.variants) {
        let library = faulty.join(format!("lib{}.so", case.library));
        let plugin = &Enrolling { case, library: &library };
        run(&case.name(), Pair { plugin, without: &good, limited: true, reported: None })?;
    }
    let refused = Adding { candidates: Candidate::wrong_sizes(&faulty) };
    let taken = Adding { candidates: Candidate::good(&library) };
    let pair = Pair { plugin: &refused, without: &taken, limited: true, reported: Some(&LoginsAlone) };
    run(WRONG_SIZES, pair)?;
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

/// What is held against what.
#[derive(Clone, Copy)]
struct Pair<'a> {
    plugin: &'a dyn Plugin,
    /// What goes on in the windows without it.
    without: &'a dyn Plugin,
    /// Whether there is a most that it may cost.
    limited: bool,
    /// What it is compared with beside that, without being judged by it.
    reported: Option<&'a dyn Plugin>,
}

/// No plugin but the one that the logins go through.
struct LoginsAlone;

/// A plugin that is added, has to issue, and is removed.
struct Enrolling<'a> {
    case: Case,
    library: &'a Path,
}

/// Plugins that are added, and removed where they are taken.
struct Adding {
    candidates: Vec<Candidate>,
}

impl Plugin for LoginsAlone {
    fn window(&self, stage: &Stage) -> Result<(Window, Calls, Counters)> {
        Ok((stage.window()?, Calls::default(), Counters::default()))
    }
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

impl Plugin for Adding {
    fn window(&self, stage: &Stage) -> Result<(Window, Calls, Counters)> {
        let (window, calls) =
            stage.window_beside(stage.length(), |over| add_and_remove(stage, &self.candidates, over))?;
        Ok((window, calls, Counters::default()))
    }
}

/// All windows of one case.
#[derive(Debug, Default)]
struct Measured {
    before: Window,
    with: Window,
    after: Window,
    /// What is reported and not judged.
    alone: Option<Window>,
    calls: Calls,
    /// Of the windows without it.
    calls_without: Calls,
    counters: Counters,
    limited: bool,
}

fn measure_one(stage: &Stage, name: &str, pair: Pair<'_>, rounds: u32) -> Result<Value> {
    let mut measured = Measured { limited: pair.limited, ..Measured::default() };
    let (window, calls, _) = pair.without.window(stage)?;
    measured.before = window;
    measured.calls_without.add(calls);
    let mut done = 0;
    loop {
        let (window, calls, counters) = pair.plugin.window(stage)?;
        measured.with.add(window);
        measured.calls.add(calls);
        measured.counters = measured.counters.and(counters);
        let (window, calls, _) = pair.without.window(stage)?;
        measured.after.add(window);
        measured.calls_without.add(calls);
        if let Some(reported) = pair.reported {
            measured.alone.get_or_insert_default().add(reported.window(stage)?.0);
        }
        done += 1;
        let row = measured.row(done);
        if done >= rounds && (row["holds"] == true || done >= rounds + MORE_ROUNDS) {
            eprintln!("{name}: {}", measured.spoken());
            return Ok(row);
        }
    }
}

impl Measured {
    fn without(&self) -> Window {
        let mut without = self.before.clone();
        without.add(self.after.clone());
        without
    }

    /// Octets that the broker grew beyond what it would have without the plugin.
    fn grown(&self) -> f64 {
        (self.with.growth_per_second() - self.without().growth_per_second()) * self.with.seconds
    }

    fn holds(&self) -> bool {
        let without = self.without();
        let failed = self.with.logins.failed() + without.logins.failed();
        let within = !self.limited || ratios(&self.with, &without).iter().all(|(_, ratio)| *ratio <= MOST);
        failed == 0 && within && self.grown() <= FLAT
    }

    fn row(&self, rounds: u32) -> Value {
        let without = self.without();
        let mut row = json!({
            "holds": self.holds(),
            "rounds": rounds,
            "without": without.to_json(),
            "with": self.with.to_json(),
            "calls": self.calls.to_json(),
            "calls_without": self.calls_without.to_json(),
            "adapter": self.counters.to_json(),
            "latency_ratio": members(&ratios(&self.with, &without)),
            "drift_without_the_plugin": members(&ratios(&self.after, &self.before)),
            "rss_growth_beyond_without_kib": figure(self.grown() / 1024.0),
        });
        if let Some(alone) = &self.alone {
            row["beside_logins_alone"] = json!({
                "judged": false,
                "alone": alone.to_json(),
                "latency_ratio": members(&ratios(&self.with, alone)),
                "latency_ratio_of_without": members(&ratios(&without, alone)),
            });
        }
        row
    }

    fn spoken(&self) -> String {
        let alone = self.alone.as_ref().map(|alone| {
            let (with, without) = (ratios(&self.with, alone), ratios(&self.without(), alone));
            format!(
                "; not judged: against logins alone {}, the good one added as often {}",
                spoken(&with),
                spoken(&without)
            )
        });
        format!(
            "{}; {} logins, {} failed; latency {}; without the plugin it drifted {}; {} kills, {} restarts{}",
            if self.holds() { "holds" } else { "DOES NOT HOLD" },
            self.with.logins.count(),
            self.with.logins.failed(),
            spoken(&ratios(&self.with, &self.without())),
            spoken(&ratios(&self.after, &self.before)),
            self.counters.kills,
            self.counters.restarts,
            alone.unwrap_or_default(),
        )
    }
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
