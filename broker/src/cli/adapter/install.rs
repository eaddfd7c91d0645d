//! `yinqiao adapter add` and `yinqiao adapter upgrade`: a plugin's file, with what is set for it.

use std::path::PathBuf;

use clap::Args;

use super::send;
use super::settings::SettingsArguments;
use crate::adapter::catalogue::AdapterName;
use crate::adapter::catalogue::proposal::Proposal;
use crate::config::Config;

/// Options of both commands.
#[derive(Args)]
pub struct Arguments {
    /// The adapter's name.
    name: AdapterName,
    /// The plugin's file.
    library: PathBuf,
    #[command(flatten)]
    settings: Box<SettingsArguments>,
    /// A report of `yinqiao adapter check` about this very file.
    #[arg(long, value_name = "REPORT")]
    after_check: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Whether the adapter is there already.
#[derive(Clone, Copy)]
pub enum Adapter {
    New,
    Present,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments, adapter: Adapter) -> anyhow::Result<()> {
    let name = arguments.name;
    let library = send::absolute(&arguments.library)?;
    let settings = Box::new(arguments.settings.read()?);
    let report = arguments.after_check.as_deref().map(send::absolute).transpose()?;
    let proposal = match adapter {
        Adapter::New => Proposal::Add { name, library, settings, report },
        Adapter::Present => Proposal::Upgrade { name, library, settings, report },
    };
    send::propose(config, proposal, arguments.json)
}
