//! `yinqiao adapter enable`

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
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    send::propose(config, Proposal::Enable { name: arguments.name }, arguments.json)
}
