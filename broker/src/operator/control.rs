//! The door for operators: a socket file in the data directory, which only its owner can open. One request a connection,
//! one JSON line each way.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::{error, warn};

use yinqiao_protocol::problem::Problem;

use super::{Command, execute};
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};

/// Bytes of one request: a seal's picture and some.
const MOST_BYTES: u64 = 2 << 20;
/// How long a request may take to come.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// How long its answer is waited for.
const WITHIN: Duration = Duration::from_secs(120);

/// An answer.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done.
    Done(Value),
    /// Not done.
    Problem(Problem),
}

/// Opens the door.
///
/// # Errors
/// When the socket file cannot be made.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves requests for ever.
pub async fn serve(listener: UnixListener, broker: Arc<Broker>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let broker = Arc::clone(&broker);
                actix_rt::spawn(async move {
                    if let Err(reason) = answer(stream, broker).await {
                        warn!(%reason, "an operator's request was broken off");
                    }
                });
            }
            Err(reason) => {
                error!(%reason, "the operators' socket fails");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, broker: Arc<Broker>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    tokio::time::timeout(READ_WITHIN, BufReader::new(read.take(MOST_BYTES)).read_line(&mut line))
        .await
        .map_err(io::Error::other)??;
    let command: Command = serde_json::from_str(&line).map_err(io::Error::other)?;
    // A task of its own: what was begun is finished, whether anybody still waits for it or not.
    let executed = actix_rt::spawn(async move { execute(&broker, command).await });
    let answer = match tokio::time::timeout(WITHIN, executed).await {
        Ok(Ok(Ok(value))) => Answer::Done(value),
        Ok(Ok(Err(problem))) => Answer::Problem(problem),
        Ok(Err(_)) => Answer::Problem(broken_off()),
        Err(_) => Answer::Problem(goes_on()),
    };
    let mut text = serde_json::to_vec(&answer).map_err(io::Error::other)?;
    text.push(b'\n');
    write.write_all(&text).await
}

fn goes_on() -> Problem {
    let text = "it takes longer than two minutes and goes on; the lists will show what came of it";
    ApiError::new(Kind::Busy, text).problem()
}

fn broken_off() -> Problem {
    ApiError::new(Kind::Internal, "the broker broke off; its log says why").problem()
}

/// Asks a running broker; `None` when there is none at `path`.
///
/// # Errors
/// When the connection breaks.
pub async fn ask(path: &Path, command: &Command) -> io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut text = serde_json::to_vec(command).map_err(io::Error::other)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    serde_json::from_str(&line).map(Some).map_err(io::Error::other)
}
