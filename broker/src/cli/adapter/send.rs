//! Sends a change of the catalogue to the running broker, or makes it here where none runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::adapter::catalogue::Site;
use crate::adapter::catalogue::proposal::Proposal;
use crate::cli::request::ask_socket;
use crate::cli::{say, say_error};
use crate::clock;
use crate::config::Config;
use crate::operator;
use crate::operator::adapter::Request;

/// How long a broker may take that is only to let an adapter go.
const LETS_GO_WITHIN: Duration = Duration::from_secs(15);

/// Has a request carried out.
pub fn send(config: Config, request: Request) -> anyhow::Result<Value> {
    let config = config.complete()?;
    let user = user();
    actix_rt::System::new().block_on(async {
        let command = operator::Command::ChangeAdapters { request, user: user.clone() };
        match ask_socket(&config, &command).await? {
            Some(answer) => Ok(answer),
            None => here(&config, command, &user).await,
        }
    })
}

/// As [`send`], for what must be possible whatever state the broker is in.
pub fn send_in_any_case(config: Config, request: Request) -> anyhow::Result<Value> {
    let config = config.complete()?;
    let user = user();
    actix_rt::System::new().block_on(async {
        let command = operator::Command::ChangeAdapters { request, user: user.clone() };
        match tokio::time::timeout(LETS_GO_WITHIN, ask_socket(&config, &command)).await {
            Ok(Ok(Some(answer))) => return Ok(answer),
            Ok(Ok(None)) => {}
            Ok(Err(reason)) => {
                say_error(&format!("the running broker did not do it ({reason:#}): changing the file itself"))
            }
            Err(_) => {
                say_error("the running broker does not answer: changing the file itself; restart the broker")
            }
        }
        here(&config, command, &user).await
    })
}

/// Proposes a change and prints what became of it.
pub fn propose(config: Config, proposal: Proposal, json: bool) -> anyhow::Result<()> {
    show(&send(config, Request::Propose { proposal })?, json)
}

/// Prints how far a change is.
pub fn show(answer: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        say(&serde_json::to_string_pretty(answer)?);
        return Ok(());
    }
    for warning in answer["warnings"].as_array().into_iter().flatten() {
        say_error(&format!("warning: {}", warning.as_str().unwrap_or_default()));
    }
    let text = |member: &str| answer[member].as_str().unwrap_or_default();
    match text("state") {
        "waiting for consents" => {
            let given = answer["consented"].as_array().map_or(0, Vec::len);
            say(&format!(
                "change {} waits for consents: {given} of {} given; `yinqiao adapter consent` until {}",
                text("change"),
                answer["consents_needed"],
                text("expires_at"),
            ));
        }
        "nothing to change" => say(&format!("adapter {}: nothing to change", text("adapter"))),
        state => say(&format!("change {}: {state}", text("change"))),
    }
    Ok(())
}

/// A path that the broker, which works in another folder, understands too.
pub fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}

async fn here(config: &Config, command: operator::Command, user: &str) -> anyhow::Result<Value> {
    let operator::Command::ChangeAdapters { request, .. } = command else {
        anyhow::bail!("only changes of the catalogue are made without a broker")
    };
    Ok(operator::adapter::run(&Site::of(config), None, request, user, clock::now()).await?)
}

/// The system's user, for the record; who may consent is another matter.
pub(super) fn user() -> String {
    let id = rustix::process::getuid().as_raw();
    let name = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    match name {
        Some(name) => format!("{name} (uid {id})"),
        None => format!("uid {id}"),
    }
}
