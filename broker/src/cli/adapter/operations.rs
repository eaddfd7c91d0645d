//! `yinqiao adapter operations`

use clap::Args;

use super::table;
use crate::cli::request::ask;
use crate::cli::say;
use crate::config::Config;
use crate::operator;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let answer = ask(config, operator::Command::ListOperations {})?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let members = ["key", "adapter", "operation", "progress", "noted_at"];
    let rows = answer["operations"].as_array().into_iter().flatten();
    let text = |row: &serde_json::Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
    let rows = rows.map(|row| members.iter().map(|member| text(row, member)).collect()).collect();
    table::print(&["KEY", "ADAPTER", "OPERATION", "PROGRESS", "NOTED AT"], rows);
    Ok(())
}
