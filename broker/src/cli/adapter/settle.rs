//! `yinqiao adapter settle`

use clap::Args;

use super::operations;
use crate::cli::say;
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// The key, as `yinqiao adapter operations` shows it. Ask the CA first: what it has done stays done.
    key: String,
    /// Your word, after the CA's: it has done nothing under this key, and the operation may be submitted again. A running
    /// broker asks the plugin first where it can; what the CA says itself counts more.
    #[arg(long, required = true)]
    not_done: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let answer = operations::ask(config, Some(arguments.key))?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let text = |member: &str| answer[member].as_str().unwrap_or_default();
    say(&format!("operation {} at {}: settled as not done", text("key"), text("adapter")));
    say(&format!("lookup: {}", text("lookup")));
    say(&format!("next: {}", text("next")));
    Ok(())
}
