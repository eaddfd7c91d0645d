//! `yinqiao adapter configure`

use clap::Args;

use super::send;
use super::settings::SettingsArguments;
use crate::adapter::catalogue::AdapterName;
use crate::adapter::catalogue::proposal::Proposal;
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Its name.
    name: AdapterName,
    #[command(flatten)]
    settings: Box<SettingsArguments>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let settings = Box::new(arguments.settings.read()?);
    send::propose(config, Proposal::Configure { name: arguments.name, settings }, arguments.json)
}
