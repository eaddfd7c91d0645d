//! `yinqiao adapter settle`

use clap::Args;

use crate::cli::request::{ask, show};
use crate::config::Config;
use crate::operator;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// The key, as `yinqiao adapter operations` shows it. Ask the CA first: what it has done stays done.
    key: String,
    /// Your word, after the CA's: it has done nothing under this key, and the operation may be submitted again.
    #[arg(long, required = true)]
    not_done: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    show(&ask(config, operator::Command::SettleOperation { key: arguments.key })?, None)
}
