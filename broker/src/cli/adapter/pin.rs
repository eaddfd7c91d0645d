//! `yinqiao adapter pin`

use std::path::PathBuf;

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
    /// Another file than the one that the catalogue names.
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
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
    let proposal = Proposal::Pin {
        name: arguments.name,
        library: arguments.library.as_deref().map(send::absolute).transpose()?,
        report: arguments.after_check.as_deref().map(send::absolute).transpose()?,
    };
    send::propose(config, proposal, arguments.json)
}
