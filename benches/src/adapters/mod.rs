//! Do CAs' plugins keep out of each other's way, can they be upgraded in use, and what does their process cost?
//!
//! 1. **faults**: logins through the software CA at a steady rate, while each faulty plugin of
//!    `examples/vendor-plugin-c` is added, called again and again, and removed. Windows with and without the plugin take
//!    turns, so that what else happens on the machine meets both; "without" is with the good plugin, called as often, and
//!    for those that are refused at load (`wrong_sizes`) added and removed as often. Holds when no login fails, no
//!    percentile of the time from response to push is more than 1.5 times that without the plugin, and the broker's
//!    memory is flat. How `wrong_sizes` compares with logins alone is reported too, and not judged.
//! 2. **upgrades**: two builds of the software CA's plugin take each other's place in a running broker, under logins,
//!    enrolments, revocations, OCSP requests and fetched revocation lists. Holds when no call fails.
//! 3. **overhead**: a call through the worker beside the same call of the same library in this process. Holds when the
//!    median is at most 50 µs more.
//!
//! The broker is the real program in a process of its own, on free ports of the loopback, with its data in a folder that
//! goes with it. Whatever the verdict is, the figures are given and the exit code is 0: `holds` says it.

mod catalogue;
mod enrolment;
mod faults;
mod overhead;
mod plugins;
mod stage;
mod upgrades;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

/// Options.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// One part. Default: all three.
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// Seconds of each window under load. A plugin that hangs is killed after 10 s.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(2..=120))]
    seconds: u64,
    /// Logins a second. Where this machine cannot keep it up beside its own clients, the figures say what was taken.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2000))]
    rate: u32,
    /// Clients that log in at the same time.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=500))]
    clients: u32,
    /// Faults: turns with and without each plugin; what does not hold gets up to two more.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    rounds: u32,
    /// Faults: only those whose name begins so; can be given several times.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// Faults: every variant of each.
    #[arg(long)]
    variants: bool,
    /// Upgrades in a row.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    upgrades: u32,
    /// Overhead: calls of each operation, each way.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    calls: u32,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Part {
    /// Faulty plugins beside logins.
    Faults,
    /// Upgrades under load.
    Upgrades,
    /// A call through the worker beside one in this process.
    Overhead,
}

/// Measures and gives the figures.
pub fn run(arguments: &Arguments) -> Result<Value> {
    let wanted = |part| arguments.part.is_none_or(|only| only == part);
    let mut parts = serde_json::Map::new();
    if wanted(Part::Overhead) {
        parts.insert("overhead".to_owned(), overhead::measure(arguments)?);
    }
    if wanted(Part::Upgrades) {
        parts.insert("upgrades".to_owned(), upgrades::measure(arguments)?);
    }
    if wanted(Part::Faults) {
        parts.insert("faults".to_owned(), faults::measure(arguments)?);
    }
    let holds = parts.values().all(|part| part["holds"] == true);
    let mut figures = json!({ "bench": "adapters", "holds": holds });
    if let Some(figures) = figures.as_object_mut() {
        figures.append(&mut parts);
    }
    eprintln!("{}", if holds { "everything holds" } else { "NOT everything holds" });
    Ok(figures)
}
