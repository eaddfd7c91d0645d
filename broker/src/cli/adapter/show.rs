//! `yinqiao adapter show`

use clap::Args;

use crate::adapter::catalogue::Site;
use crate::adapter::catalogue::change::{ChangeRecord, Progress};
use crate::adapter::catalogue::changes::ChangeFolder;
use crate::cli::say;
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Its id, or the beginning of it.
    change: String,
    /// Print the whole change as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let record = ChangeFolder::of(&Site::of(&config.complete()?)).find(&arguments.change)?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&record)?);
    } else {
        say(&describe(&record)?);
    }
    Ok(())
}

/// What a change does, line by line.
pub fn describe(record: &ChangeRecord) -> anyhow::Result<String> {
    let text = record.change.text()?;
    let mut lines = vec![
        format!("change: {}", text.request),
        format!("what: {}", text.action),
        format!("to: {}", text.subject),
    ];
    lines.extend(text.summary.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.push(format!("sm3 of the whole: {}", text.content_sm3));
    lines.push(format!("expires at: {}", text.expires_at));
    let consents: Vec<&str> = record.consents.iter().map(|consent| consent.operator.as_str()).collect();
    lines.push(format!(
        "consents: {}",
        if consents.is_empty() { "none".to_owned() } else { consents.join(", ") }
    ));
    lines.push(match &record.progress {
        Progress::Open => "state: open".to_owned(),
        Progress::Done { at } => format!("state: in force since {at}"),
        Progress::Rejected { at, by } => format!("state: rejected at {at} by {by}"),
    });
    Ok(lines.join("\n"))
}
