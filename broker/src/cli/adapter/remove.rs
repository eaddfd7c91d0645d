//! `yinqiao adapter remove`

use std::io::{IsTerminal, Write};

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
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let name = arguments.name;
    if !arguments.yes && !is_meant(&name)? {
        anyhow::bail!("nothing was removed");
    }
    let answer = send::send_in_any_case(config, Request::Remove { name: name.clone() })?;
    say(&format!("adapter {name}: removed; its own folder stays"));
    if let Some(routes @ 1..) = answer["routes_removed"].as_u64() {
        say(&format!("{routes} routes that led to it alone went with it"));
    }
    Ok(())
}

fn is_meant(name: &AdapterName) -> anyhow::Result<bool> {
    anyhow::ensure!(std::io::stdin().is_terminal(), "say --yes where nobody can be asked");
    let mut terminal = std::io::stderr();
    write!(terminal, "Holders with certificates of \"{name}\" cannot answer any more. Remove it? [yes/no] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
