//! `yinqiao adapter policy`

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{list, send};
use crate::adapter::catalogue::proposal::Proposal;
use crate::adapter::catalogue::{Catalogue, Policy, Site};
use crate::cli::say;
use crate::config::Config;

/// Who may change the catalogue.
#[derive(Subcommand)]
pub enum Command {
    /// Show the policy that is in force.
    Show,
    /// Propose another one. Where consents are needed now, the present operators must consent.
    Set(Set),
}

/// Options of the command.
#[derive(Args)]
pub struct Set {
    /// A TOML file with the keys of the catalogue's `[policy]`: `consents`, `require_report`, `change_expires_hours`, and
    /// for each operator `[[operator]]` with `name` and `public_key`.
    file: PathBuf,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Show => {
            let catalogue = Catalogue::read(&Site::of(&config.complete()?))?;
            list::warn(&catalogue);
            let policy = json!({ "policy": catalogue.policy, "standing": catalogue.standing });
            say(&serde_json::to_string_pretty(&policy)?);
            Ok(())
        }
        Command::Set(set) => {
            let context = || format!("the policy {}", set.file.display());
            let text = std::fs::read_to_string(&set.file).with_context(context)?;
            let policy: Policy = toml::from_str(&text).with_context(context)?;
            send::propose(config, Proposal::Policy { policy }, set.json)
        }
    }
}
