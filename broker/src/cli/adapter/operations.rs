//! `yinqiao adapter operations`

use std::sync::Arc;

use anyhow::ensure;
use clap::Args;
use serde_json::Value;

use super::{send, table};
use crate::adapter::journal::Journal;
use crate::cli::request::ask_socket;
use crate::cli::{say, say_error};
use crate::clock;
use crate::config::Config;
use crate::event::EventHub;
use crate::operator::adapter::Request;
use crate::operator::{Command, adapter::operations};
use crate::store::Records;
use crate::store::sled::SledStore;

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
    let answer = ask(config, None)?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let members = ["key", "adapter", "operation", "progress", "noted_at", "next"];
    let rows = answer["operations"].as_array().into_iter().flatten();
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
    let rows = rows.map(|row| members.iter().map(|member| text(row, member)).collect()).collect();
    table::print(&["KEY", "ADAPTER", "OPERATION", "PROGRESS", "NOTED AT", "NEXT"], rows);
    Ok(())
}

/// Asks the running broker for its operations, or to settle the one with the key `settle`. Where none runs, the store is
/// opened alone: no plugin is started.
pub(super) fn ask(config: Config, settle: Option<String>) -> anyhow::Result<Value> {
    let config = config.complete()?;
    let user = send::user();
    actix_rt::System::new().block_on(async {
        let request = match settle.clone() {
            Some(key) => Request::Settle { key },
            None => Request::Operations {},
        };
        let command = Command::ChangeAdapters { request, user: user.clone() };
        if let Some(answer) = ask_socket(&config, &command).await? {
            return Ok(answer);
        }
        let (directory, store) = (config.data_directory.display(), config.data_directory.join("store"));
        ensure!(
            store.is_dir(),
            "no broker runs on {directory}: start it with `yinqiao serve`, or name its --data-dir"
        );
        say_error(&format!("no broker runs: working on {directory} itself; no plugin is started"));
        let store = SledStore::open(&store, Arc::new(EventHub::default()))?;
        let records: Arc<dyn Records> = Arc::new(store.clone());
        let journal = Journal::new(&records);
        let answer = match settle {
            Some(key) => {
                operations::settle(&journal, None, key, &user, clock::now()).await.map_err(Into::into)
            }
            None => operations::list(&journal).await.map_err(Into::into),
        };
        store.close();
        answer
    })
}
