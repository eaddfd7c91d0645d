//! Sends a request to the running broker, or carries it out here where none runs.

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use crate::broker::Broker;
use crate::config::Config;
use crate::operator::control::{self, Answer};
use crate::operator::{Command, execute};

/// Carries out a request.
///
/// # Errors
/// Why it was not done.
pub fn ask(config: Config, command: Command) -> anyhow::Result<Value> {
    let config = config.complete()?;
    actix_rt::System::new().block_on(async {
        match ask_socket(&config, &command).await? {
            Some(value) => Ok(value),
            None => {
                if !config.data_directory.join("store").is_dir() {
                    return Err(no_broker(&config));
                }
                super::say_error(&format!(
                    "no broker runs: working on {} itself",
                    config.data_directory.display()
                ));
                let broker = Broker::start(&config, String::new()).await?;
                let result = execute(&broker, command).await;
                broker.stop().await;
                result.map_err(|problem| anyhow!("{}", problem.detail))
            }
        }
    })
}

/// Asks the running broker and no one else.
///
/// # Errors
/// When none runs, or it does not do it.
pub fn ask_running(config: Config, command: &Command) -> anyhow::Result<Value> {
    let config = config.complete()?;
    actix_rt::System::new().block_on(async {
        match ask_socket(&config, command).await? {
            Some(value) => Ok(value),
            None => Err(no_broker(&config)),
        }
    })
}

fn no_broker(config: &Config) -> anyhow::Error {
    let directory = config.data_directory.display();
    anyhow!("no broker runs on {directory}: start it with `yinqiao serve`, or name its --data-dir")
}

/// Asks the running broker; `None` where none runs.
///
/// # Errors
/// When it does not do it, or does not answer.
pub async fn ask_socket(config: &Config, command: &Command) -> anyhow::Result<Option<Value>> {
    let path = config.control_socket();
    let answer = control::ask(&path, command)
        .await
        .with_context(|| format!("the running broker does not answer at {}", path.display()))?;
    match answer {
        Some(Answer::Done(value)) => Ok(Some(value)),
        Some(Answer::Problem(problem)) => bail!("{}", problem.detail),
        None => Ok(None),
    }
}

/// Prints an answer: `member` alone where it is asked for, else all of it as JSON.
///
/// # Errors
/// When the answer cannot be written.
pub fn show(answer: &Value, member: Option<&str>) -> anyhow::Result<()> {
    match member.and_then(|member| answer.get(member)).and_then(Value::as_str) {
        Some(text) => super::say(text),
        None => super::say(&serde_json::to_string_pretty(answer)?),
    }
    Ok(())
}
