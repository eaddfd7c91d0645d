//! Adapters of the broker under test, as an operator adds, upgrades and removes them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::plugins::PASSPHRASE;
use crate::login::broker::Broker;
use crate::login::process::number_of_children;

/// How long the processes of a removed adapter may take to end: calls that hang have 10 s.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// What an adapter's figures say of its process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Calls that ended.
    pub calls: u64,
    /// Those of them that the plugin answered with success or "pending".
    pub done: u64,
    /// Calls whose outcome was unknown.
    pub unknown_outcomes: u64,
    /// Processes started in the place of an ended one.
    pub restarts: u64,
    /// Processes killed.
    pub kills: u64,
    /// Times that the breaker opened.
    pub breaker_openings: u64,
}

/// Adds a C plugin under `name`; what it is opened with gets `more` members.
///
/// # Errors
/// Where the broker refuses it.
pub fn add(broker: &Broker, name: &str, library: &Path, more: &Value) -> Result<()> {
    let folder = broker.directory();
    let secrets = folder.join("vendor-secrets");
    fs::create_dir_all(&secrets)?;
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o700))?;
    fs::write(secrets.join(PASSPHRASE.0), PASSPHRASE.1)?;
    // Inside the folder that the plugin gets of the broker.
    let own = folder.join("adapter-data").join(name).join("ca");
    let mut configuration = json!({ "directory": own, "name": name });
    if let (Some(members), Some(more)) = (configuration.as_object_mut(), more.as_object()) {
        members.extend(more.clone());
    }
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, configuration.to_string())?;
    let words: [&OsStr; 8] = [
        "adapter".as_ref(),
        "add".as_ref(),
        name.as_ref(),
        library.as_ref(),
        "--configuration".as_ref(),
        file.as_ref(),
        "--secrets-directory".as_ref(),
        secrets.as_ref(),
    ];
    broker.operate(&words)?;
    Ok(())
}

/// Puts another file in the place of an adapter's.
///
/// # Errors
/// Where the broker refuses it.
pub fn upgrade(broker: &Broker, name: &str, library: &Path) -> Result<()> {
    broker.operate(&["adapter".as_ref(), "upgrade".as_ref(), name.as_ref(), library.as_os_str()])?;
    Ok(())
}

/// Takes an adapter out and waits until no more than `left` processes of adapters run.
///
/// # Errors
/// Where the broker refuses it, or its processes stay.
pub fn remove(broker: &Broker, name: &str, left: usize) -> Result<()> {
    broker.operate(&["adapter", "remove", name, "--yes"])?;
    let begun = Instant::now();
    while number_of_children(broker.pid())? > left {
        if begun.elapsed() > GONE_WITHIN {
            bail!("processes of the removed adapter {name} run after {GONE_WITHIN:?}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// An adapter's figures since it was added or upgraded; zeros where its plugin does not run.
///
/// # Errors
/// Where the broker does not give them.
pub fn counters(broker: &Broker, name: &str) -> Result<Counters> {
    let answer: Value = serde_json::from_str(&broker.operate(&["adapter", "stats", name, "--json"])?)?;
    let rows = answer["adapters"].as_array().context("no adapters in the figures")?;
    let row = rows.iter().find(|row| row["adapter"] == name).context("no such adapter in the figures")?;
    let figures = &row["statistics"];
    let number = |member: &str| figures[member].as_u64().unwrap_or(0);
    let functions = figures["functions"].as_array().into_iter().flatten();
    let mut counters = Counters {
        unknown_outcomes: number("unknown_outcomes"),
        restarts: number("restarts"),
        kills: number("kills"),
        breaker_openings: figures["breaker"]["openings"].as_u64().unwrap_or(0),
        ..Counters::default()
    };
    for function in functions {
        counters.calls += function["calls"].as_u64().unwrap_or(0);
        let outcomes = function["outcomes"].as_array().into_iter().flatten();
        let done = outcomes.filter(|row| matches!(row["outcome"].as_str(), Some("ok" | "pending")));
        counters.done += done.filter_map(|row| row["calls"].as_u64()).sum::<u64>();
    }
    Ok(counters)
}

impl Counters {
    /// These and those of another version.
    pub fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            done: self.done + other.done,
            unknown_outcomes: self.unknown_outcomes + other.unknown_outcomes,
            restarts: self.restarts + other.restarts,
            kills: self.kills + other.kills,
            breaker_openings: self.breaker_openings + other.breaker_openings,
        }
    }

    /// As figures.
    pub fn to_json(self) -> Value {
        json!({
            "plugin_calls": self.calls,
            "plugin_calls_done": self.done,
            "unknown_outcomes": self.unknown_outcomes,
            "worker_restarts": self.restarts,
            "worker_kills": self.kills,
            "breaker_openings": self.breaker_openings,
        })
    }
}
