//! `yinqiao adapter preflight`

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::{list, table};
use crate::adapter::catalogue::trial::{self, Trial, TrialError};
use crate::adapter::catalogue::{Catalogue, Entry, Site, State};
use crate::cli::say;
use crate::config::Config;
use crate::secrets;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it: with this program, which may be newer than the broker that runs, and beside that.
///
/// # Errors
/// When an enabled adapter will not load.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let config = config.complete()?;
    let catalogue = Catalogue::read(&Site::of(&config))?;
    if catalogue.shipped && !config.data_directory.join("store").is_dir() {
        bail!("{}: no broker has run here, and there is no catalogue", config.data_directory.display());
    }
    // Before the first start the software CA that comes with the program has no key for its keys.
    secrets::prepare(&config.data_directory)?;
    let trials: Vec<(&Entry, Result<Trial, TrialError>)> = actix_rt::System::new().block_on(async {
        let mut trials = Vec::new();
        for entry in &catalogue.entries {
            trials.push((entry, trial::run(entry).await));
        }
        trials
    });
    let failed = |(entry, trial): &&(&Entry, Result<Trial, TrialError>)| {
        entry.state == State::Enabled && trial.is_err()
    };
    let failures = trials.iter().filter(failed).count();
    if arguments.json {
        let rows: Vec<Value> = trials.iter().map(|(entry, trial)| document(entry, trial)).collect();
        let answer =
            json!({ "program": env!("CARGO_PKG_VERSION"), "passed": failures == 0, "adapters": rows });
        say(&serde_json::to_string_pretty(&answer)?);
    } else {
        list::warn(&catalogue);
        let rows = trials.iter().map(|(entry, trial)| row(entry, trial)).collect();
        table::print(&["ADAPTER", "STATE", "WILL LOAD", "PLUGIN", "ABI", "WHAT TO KNOW"], rows);
    }
    match failures {
        0 => Ok(()),
        1 => bail!("an enabled adapter will not load"),
        failures => bail!("{failures} enabled adapters will not load"),
    }
}

fn document(entry: &Entry, trial: &Result<Trial, TrialError>) -> Value {
    let mut document = json!({ "adapter": entry.name, "state": entry.state, "will_load": trial.is_ok() });
    match trial {
        Ok(trial) => document["trial"] = json!(trial),
        Err(reason) => document["reason"] = json!(reason.to_string()),
    }
    document
}

fn row(entry: &Entry, trial: &Result<Trial, TrialError>) -> Vec<String> {
    let state = match entry.state {
        State::Enabled => "enabled",
        State::Disabled => "disabled",
    };
    let (will_load, plugin, abi, text) = match trial {
        Ok(trial) => (
            "yes",
            format!("{} {}", trial.loaded.name, trial.loaded.version),
            trial.loaded.abi.clone(),
            trial
                .unhealthy
                .as_ref()
                .map_or_else(String::new, |text| format!("its CA does not answer: {text}")),
        ),
        Err(reason) => ("NO", "-".to_owned(), "-".to_owned(), reason.to_string()),
    };
    vec![entry.name.to_string(), state.to_owned(), will_load.to_owned(), plugin, abi, text]
}
