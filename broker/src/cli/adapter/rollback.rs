//! `yinqiao adapter rollback`

use clap::Args;

use super::send;
use crate::adapter::catalogue::AdapterName;
use crate::adapter::catalogue::proposal::Proposal;
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Its name.
    name: AdapterName,
    /// Beginning of the SHA-256 of the file to go back to; the version before where none is named.
    #[arg(long, value_name = "SHA256")]
    to: Option<String>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    send::propose(config, Proposal::Rollback { name: arguments.name, to: arguments.to }, arguments.json)
}
