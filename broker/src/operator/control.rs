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

/// Bytes of one request: a seal's picture and some.
const MOST_BYTES: u64 = 2 << 20;
/// How long a request may take.
const WITHIN: Duration = Duration::from_secs(60);

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
                    match tokio::time::timeout(WITHIN, answer(stream, &broker)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(reason)) => warn!(%reason, "an operator's request was broken off"),
                        Err(_) => warn!("an operator's request took too long"),
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

async fn answer(stream: UnixStream, broker: &Broker) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MOST_BYTES)).read_line(&mut line).await?;
    let command: Command = serde_json::from_str(&line).map_err(io::Error::other)?;
    let answer = match execute(broker, command).await {
        Ok(value) => Answer::Done(value),
        Err(problem) => Answer::Problem(problem),
    };
    let mut text = serde_json::to_vec(&answer).map_err(io::Error::other)?;
    text.push(b'\n');
    write.write_all(&text).await
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
