//! `yinqiao adapter add`

use std::path::PathBuf;

use clap::Args;

use super::send;
use super::settings::SettingsArguments;
use crate::adapter::catalogue::AdapterName;
use crate::adapter::catalogue::proposal::Proposal;
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// What it will be called.
    name: AdapterName,
    /// The plugin's file.
    library: PathBuf,
    #[command(flatten)]
    settings: SettingsArguments,
    /// A report of `yinqiao adapter check` about this very file.
    #[arg(long, value_name = "REPORT")]
    after_check: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let proposal = Proposal::Add {
        name: arguments.name,
        library: send::absolute(&arguments.library)?,
        settings: Box::new(arguments.settings.read()?),
        report: arguments.after_check.as_deref().map(send::absolute).transpose()?,
    };
    send::propose(config, proposal, arguments.json)
}
