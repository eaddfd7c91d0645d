//! `yinqiao adapter changes`

use clap::Args;
use serde_json::json;

use super::table;
use crate::adapter::catalogue::Site;
use crate::adapter::catalogue::change::{ChangeRecord, Progress};
use crate::adapter::catalogue::changes::ChangeFolder;
use crate::cli::{say, say_error};
use crate::clock;
use crate::config::Config;

/// Options of the command.
#[derive(Args)]
pub struct Arguments {
    /// Those too that took effect, were rejected or expired.
    #[arg(long)]
    all: bool,
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Why it was not done.
pub fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut records = Vec::new();
    for record in ChangeFolder::of(&Site::of(&config.complete()?)).all()? {
        match record {
            Ok(record) if arguments.all || state(&record) == "open" => records.push(record),
            Ok(_) => {}
            Err(reason) => say_error(&format!("warning: {reason}")),
        }
    }
    if arguments.json {
        let rows: Vec<_> =
            records.iter().map(|record| json!({ "record": record, "state": state(record) })).collect();
        say(&serde_json::to_string_pretty(&json!({ "changes": rows }))?);
        return Ok(());
    }
    let mut rows = Vec::new();
    for record in &records {
        let text = record.change.text()?;
        let consents: Vec<&str> = record.consents.iter().map(|consent| consent.operator.as_str()).collect();
        rows.push(vec![
            text.request,
            text.action,
            text.subject,
            state(record).to_owned(),
            consents.join(", "),
            record.change.proposed_by.clone(),
            record.change.expires_at.to_string(),
        ]);
    }
    table::print(&["CHANGE", "WHAT", "TO", "STATE", "CONSENTS", "PROPOSED BY", "EXPIRES"], rows);
    Ok(())
}

fn state(record: &ChangeRecord) -> &'static str {
    match &record.progress {
        Progress::Open if clock::now() >= record.change.expires_at => "expired",
        Progress::Open => "open",
        Progress::Done { .. } => "in force",
        Progress::Rejected { .. } => "rejected",
    }
}
