//! `yinqiao adapter list`

use clap::Args;
use serde_json::{Value, json};

use super::table;
use crate::adapter::catalogue::{Catalogue, Entry, Site, Standing, State};
use crate::cli::request::ask_socket;
use crate::cli::{say, say_error};
use crate::config::Config;
use crate::operator;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Print everything that is in force as JSON; nothing secret is among it.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let config = config.complete()?;
    let catalogue = Catalogue::read(&Site::of(&config))?;
    let running = actix_rt::System::new().block_on(running(&config)).unwrap_or_else(|reason| {
        say_error(&format!("warning: {reason:#}"));
        None
    });
    if arguments.json {
        let mut document = serde_json::to_value(&catalogue)?;
        if let Some(rows) = document["adapters"].as_array_mut() {
            for (row, entry) in rows.iter_mut().zip(&catalogue.entries) {
                complete(row, entry, live(running.as_ref(), entry));
            }
        }
        document["catalogue"] = json!(config.catalogue);
        document["broker_runs"] = json!(running.is_some());
        say(&serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    warn(&catalogue);
    let rows = catalogue.entries.iter().map(|entry| row(entry, running.as_ref())).collect();
    table::print(&["ADAPTER", "STATE", "RUNS", "PLUGIN", "ABI", "FILE", "SINCE", "BY"], rows);
    Ok(())
}

/// How the adapters are in the broker, their circuit breakers among it; `None` where none runs.
async fn running(config: &Config) -> anyhow::Result<Option<Value>> {
    let Some(mut list) = ask_socket(config, &operator::Command::ListAdapters {}).await? else {
        return Ok(None);
    };
    let figures = ask_socket(config, &operator::Command::AdapterStatistics {}).await?.unwrap_or_default();
    for row in list["adapters"].as_array_mut().into_iter().flatten() {
        let figures = figures["adapters"].as_array().into_iter().flatten();
        if let Some(figures) = figures.into_iter().find(|figures| figures["adapter"] == row["adapter"]) {
            row["breaker"] = figures["statistics"]["breaker"].clone();
            if row["breaker"].is_object() {
                row["breaker"]["since"] = figures["breaker_since"].clone();
            }
        }
    }
    Ok(Some(list))
}

/// Says what an operator must not overlook.
pub fn warn(catalogue: &Catalogue) {
    match catalogue.standing {
        Standing::ChangedByHand { since } => say_error(&format!(
            "warning: the policy in the catalogue is not the one that its operators agreed upon at {since}, which counts: \
             restore it, or propose it with `yinqiao adapter policy set`"
        )),
        Standing::New => say_error(&format!(
            "warning: the policy with {} consents counts from the next change or start of the broker on",
            catalogue.policy.consents
        )),
        Standing::Free | Standing::Agreed { .. } => {}
    }
    if catalogue.routes_changed_by_hand {
        say_error(
            "warning: the routes in the catalogue are not those that its operators agreed upon, which count: restore them, \
             or propose them with `yinqiao adapter route`",
        );
    }
    for entry in &catalogue.entries {
        if let Some(refusal) = &entry.refusal {
            say_error(&format!("warning: the adapter \"{}\" is not started: {refusal}", entry.name));
        }
    }
}

fn live<'a>(running: Option<&'a Value>, entry: &Entry) -> Option<&'a Value> {
    running?["adapters"].as_array()?.iter().find(|row| row["adapter"] == entry.name.as_str())
}

/// What is in force beside what is written.
fn complete(row: &mut Value, entry: &Entry, live: Option<&Value>) {
    let limits = entry.limits();
    let bound = |octets: Option<u64>| octets.map_or_else(|| json!("none"), |octets| json!(octets));
    row["adapter"] = json!(entry.name);
    row["shipped"] = json!(entry.version.shipped);
    row["pinned"] = json!(entry.version.digests.is_some());
    row["refusal"] = json!(entry.refusal);
    row["content_sm3"] = json!(entry.content_sm3());
    row["limits_in_force"] = json!({
        "processes": limits.processes,
        "threads": limits.threads,
        "queue": limits.queue,
        "start_ms": limits.start.as_millis(),
        "close_ms": limits.close.as_millis(),
        "reply_octets": limits.reply_octets,
        "address_space_octets": bound(limits.address_space),
        "data_memory_octets": bound(limits.data_memory),
        "resident_memory_octets": bound(limits.resident_memory),
        "cpu_percent": limits.cpu_percent.map_or_else(|| json!("none"), |percent| json!(percent)),
        "open_files": limits.open_files,
        "file_octets": limits.file_octets,
        "first_restart_ms": limits.first_restart.as_millis(),
        "last_restart_ms": limits.last_restart.as_millis(),
        "breaker_failures": limits.breaker_failures,
        "breaker_pause_ms": limits.breaker_pause.as_millis(),
        "breaker_longest_pause_ms": limits.breaker_longest_pause.as_millis(),
        "probe_ms": limits.probe.as_millis(),
    });
    row["sandbox_in_force"] = json!(entry.sandbox());
    row["live"] = live.cloned().unwrap_or(Value::Null);
}

fn row(entry: &Entry, running: Option<&Value>) -> Vec<String> {
    let version = &entry.version;
    let state = match (entry.state, &entry.refusal) {
        (State::Disabled, _) => "disabled",
        (State::Enabled, Some(_)) => "refused",
        (State::Enabled, None) => "enabled",
    };
    let runs = match (running, live(running, entry)) {
        (None, _) => "no broker",
        (Some(_), None) => "no",
        (Some(_), Some(row)) => row["state"].as_str().unwrap_or("no"),
    };
    let runs = match live(running, entry).and_then(|row| breaker(&row["breaker"])) {
        Some(breaker) => format!("{runs}, {breaker}"),
        None => runs.to_owned(),
    };
    let plugin = version.loaded.as_ref().map(|loaded| format!("{} {}", loaded.name, loaded.version));
    let file = match (version.shipped, &version.digests) {
        (true, _) => "shipped".to_owned(),
        (false, Some(digests)) => format!("sha256:{}", &hex::encode(digests.sha256)[..16]),
        (false, None) => "not pinned".to_owned(),
    };
    let unknown = || "-".to_owned();
    vec![
        entry.name.to_string(),
        state.to_owned(),
        runs,
        plugin.unwrap_or_else(unknown),
        version.loaded.as_ref().map_or_else(unknown, |loaded| loaded.abi.clone()),
        file,
        version.installed_at.map_or_else(unknown, |at| at.to_string()),
        if version.installed_by.is_empty() { unknown() } else { version.installed_by.join(", ") },
    ]
}

/// What keeps calls from a worker that is ready; `None` when nothing does.
fn breaker(breaker: &Value) -> Option<String> {
    let state = breaker["state"].as_str().filter(|state| *state != "closed")?;
    let since = breaker["since"].as_str().map(|since| format!(" since {since}")).unwrap_or_default();
    Some(format!("breaker {state}{since}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_breaker_is_shown_with_since_when_and_a_closed_one_is_not() {
        let open = json!({ "state": "open", "since": "2026-11-25T04:55:13.489Z" });
        assert_eq!(breaker(&open).unwrap(), "breaker open since 2026-11-25T04:55:13.489Z");
        assert_eq!(breaker(&json!({ "state": "closed" })), None);
        assert_eq!(breaker(&Value::Null), None);
    }
}
