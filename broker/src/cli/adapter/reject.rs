//! `yinqiao adapter reject`

use clap::Args;

use super::send;
use crate::cli::say;
use crate::config::Config;
use crate::operator::adapter::Request;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Its id, or the beginning of it.
    change: String,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let answer = send::send(config, Request::Reject { change: arguments.change })?;
    say(&format!("change {}: rejected", answer["change"].as_str().unwrap_or_default()));
    Ok(())
}
