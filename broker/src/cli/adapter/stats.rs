//! `yinqiao adapter stats`

use clap::Args;
use serde_json::Value;

use super::table;
use crate::adapter::catalogue::AdapterName;
use crate::cli::request::ask_running;
use crate::cli::say;
use crate::config::Config;
use crate::operator;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// One adapter; all where none is named.
    name: Option<AdapterName>,
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut answer = ask_running(config, &operator::Command::AdapterStatistics {})?;
    if let Some(rows) = answer["adapters"].as_array_mut()
        && let Some(name) = &arguments.name
    {
        rows.retain(|row| row["adapter"].as_str() == Some(name.as_str()));
        anyhow::ensure!(!rows.is_empty(), "no adapter is called \"{name}\", or it is disabled");
    }
    if arguments.json {
        say(&serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let rows = answer["adapters"].as_array().into_iter().flatten().map(row).collect();
    table::print(&HEADING, rows);
    Ok(())
}

const HEADING: [&str; 11] = [
    "ADAPTER",
    "CALLS",
    "NOT DONE",
    "IN DOUBT",
    "INSIDE",
    "WAITING",
    "REFUSED",
    "95 % WITHIN",
    "RESTARTS",
    "KILLS",
    "BREAKER",
];

fn row(adapter: &Value) -> Vec<String> {
    let figures = &adapter["statistics"];
    let name = adapter["adapter"].as_str().unwrap_or_default().to_owned();
    if figures.is_null() {
        return vec![name, "does not run".to_owned()];
    }
    let functions = || figures["functions"].as_array().into_iter().flatten();
    let calls: u64 = functions().filter_map(|function| function["calls"].as_u64()).sum();
    let done: u64 = functions()
        .flat_map(|function| function["outcomes"].as_array().into_iter().flatten())
        .filter(|outcome| matches!(outcome["outcome"].as_str(), Some("ok" | "pending")))
        .filter_map(|outcome| outcome["calls"].as_u64())
        .sum();
    let number = |member: &str| figures[member].as_u64().unwrap_or(0);
    vec![
        name,
        calls.to_string(),
        (calls - done.min(calls)).to_string(),
        number("unknown_outcomes").to_string(),
        number("inside").to_string(),
        number("waiting").to_string(),
        (number("queue_refusals") + number("breaker_refusals")).to_string(),
        percentile(functions().map(|function| &function["latency"])),
        number("restarts").to_string(),
        number("kills").to_string(),
        figures["breaker"]["state"].as_str().unwrap_or("-").to_owned(),
    ]
}

/// The bound of the first bucket, over all functions, that at least 95 percent of the answered calls are in.
fn percentile<'a>(latencies: impl Iterator<Item = &'a Value>) -> String {
    let mut buckets: Vec<(f64, u64)> = Vec::new();
    let mut total = 0;
    for latency in latencies {
        total += latency["count"].as_u64().unwrap_or(0);
        for (index, bucket) in latency["buckets"].as_array().into_iter().flatten().enumerate() {
            let (bound, count) =
                (bucket["le_seconds"].as_f64().unwrap_or(0.0), bucket["count"].as_u64().unwrap_or(0));
            match buckets.get_mut(index) {
                Some(known) => known.1 += count,
                None => buckets.push((bound, count)),
            }
        }
    }
    if total == 0 {
        return "-".to_owned();
    }
    match buckets.iter().find(|(_, count)| count * 100 >= total * 95) {
        Some((bound, _)) => format!("{} ms", bound * 1000.0),
        None => "longer".to_owned(),
    }
}
