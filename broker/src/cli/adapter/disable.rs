//! `yinqiao adapter disable`

use clap::Args;

use super::send;
use crate::adapter::catalogue::AdapterName;
use crate::cli::say;
use crate::config::Config;
use crate::operator::adapter::Request;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Its name.
    name: AdapterName,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let name = arguments.name;
    send::send_in_any_case(config, Request::Disable { name: name.clone() })?;
    say(&format!("adapter {name}: disabled"));
    Ok(())
}
