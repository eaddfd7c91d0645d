//! Starts workers, reads what they send, notices their end, and starts the next one.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use yinqiao_ca_sdk::LogLevel;
use yinqiao_ca_sdk::messages::{AdapterError, ErrorClass};

use super::connection::{Connection, FrameReader, RawReply};
use super::output::{self, Output};
use super::process::{self, Process};
use super::services::LogSource;
use super::settings::AdapterSettings;
use super::shared::{Ending, Shared};
use crate::message::{AdapterInfo, Load, Refused, Stage, ToHost, ToWorker};

/// A worker that lived so long was in order: the next restart begins with the shortest wait again.
const SETTLED: Duration = Duration::from_secs(60);
/// How long the rest of an ended worker's replies may take (a forked process may hold the socket open).
const LAST_WORDS: Duration = Duration::from_millis(200);

/// An adapter cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The plugin was refused, or refused to work.
    #[error("the adapter {adapter} was refused at {stage}: {error}")]
    Refused {
        /// The adapter's name.
        adapter: String,
        /// How far it came, in words.
        stage: String,
        /// Class, vendor's code and text.
        error: AdapterError,
    },
    /// The worker's process ended or could not be started.
    #[error("the worker of the adapter {adapter} cannot be started: {reason}")]
    Process {
        /// The adapter's name.
        adapter: String,
        /// What happened.
        reason: String,
    },
    /// It took too long.
    #[error("the adapter {adapter} was not open after {limit:?}")]
    TimeOut {
        /// The adapter's name.
        adapter: String,
        /// How long it may take.
        limit: Duration,
    },
}

/// A worker that has opened its plugin.
pub(super) struct Live {
    process: Process,
    reader: FrameReader,
    connection: Arc<Connection>,
    _flushing: Flushing,
    since: Instant,
}

/// The task that sends a worker's backlog; it ends with its owner.
struct Flushing(JoinHandle<()>);

impl Flushing {
    fn start(connection: Arc<Connection>) -> Self {
        Self(tokio::spawn(async move { connection.flush().await }))
    }
}

impl Drop for Flushing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a worker and waits until it has opened its plugin.
pub(super) async fn establish(
    settings: &AdapterSettings,
    output: &Arc<Output>,
) -> Result<(Live, AdapterInfo), StartError> {
    let limit = settings.limits.start;
    match tokio::time::timeout(limit, establish_without_limit(settings, output)).await {
        Ok(result) => result,
        Err(_) => Err(StartError::TimeOut { adapter: settings.name.clone(), limit }),
    }
}

async fn establish_without_limit(
    settings: &AdapterSettings,
    output: &Arc<Output>,
) -> Result<(Live, AdapterInfo), StartError> {
    let failed = |reason: String| StartError::Process { adapter: settings.name.clone(), reason };
    let started = process::start(&settings.worker, &settings.library).await;
    let started = started.map_err(|error| failed(error.to_string()))?;
    let pipes = [
        (started.standard_output, LogSource::StandardOutput),
        (started.standard_error, LogSource::StandardError),
    ];
    for (pipe, source) in pipes {
        tokio::spawn(output::forward(output.clone(), pipe, source));
    }
    let socket =
        tokio::net::UnixStream::from_std(started.socket).map_err(|error| failed(error.to_string()))?;
    let (read_half, write_half) = socket.into_split();
    let connection = Arc::new(Connection::new(write_half));
    let mut live = Live {
        process: started.process,
        reader: FrameReader::new(read_half),
        _flushing: Flushing::start(connection.clone()),
        connection,
        since: Instant::now(),
    };

    let load = Load {
        configuration: settings.configuration.clone(),
        threads: settings.limits.threads,
        reply_limit: settings.limits.reply_octets,
        address_space: settings.limits.address_space,
        open_files: settings.limits.open_files,
        file_octets: settings.limits.file_octets,
        sandbox: settings.sandbox.clone(),
    };
    live.connection.send(0, &ToWorker::Load(load)).map_err(|error| failed(error.to_string()))?;
    loop {
        let frame = match live.reader.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(failed(in_words(live.process.end().await))),
            Err(error) => return Err(failed(error.to_string())),
        };
        match ToHost::decode(&frame).map_err(|error| failed(error.to_string()))? {
            ToHost::Loaded(info) => return Ok((live, *info)),
            ToHost::Refused(refused) => {
                // Reaped here; a process that is only killed would stay as a zombie.
                live.process.end().await;
                return Err(refusal(&settings.name, output, refused));
            }
            message => handle(output, &live.connection, frame.id, message)
                .map_err(|what| failed(format!("it sent {what} before it was open")))?,
        }
    }
}

/// From now on calls go to this worker.
pub(super) fn publish(shared: &Shared, live: &Live) {
    shared.process_id.store(live.process.id().into(), Ordering::Relaxed);
    shared.present.send_replace(Some(live.connection.clone()));
}

/// Keeps a worker running, beginning with one that is published, until the adapter is stopped.
pub(super) async fn supervise(shared: Arc<Shared>, mut live: Live) {
    let limits = &shared.settings.limits;
    let mut wait = limits.first_restart;
    loop {
        let since = live.since;
        let ending = serve(&shared, live).await;
        record(&shared, ending);
        if since.elapsed() >= SETTLED {
            wait = limits.first_restart;
        }
        live = loop {
            if !pause(&shared, wait).await {
                shared.stopped.store(true, Ordering::Relaxed);
                return;
            }
            wait = (wait * 2).min(limits.last_restart);
            match establish(&shared.settings, &shared.output).await {
                Ok((live, _)) => break live,
                Err(error) => record(&shared, Ending::NotStarted(error.to_string())),
            }
        };
        publish(&shared, &live);
        shared.restarts.fetch_add(1, Ordering::Relaxed);
        shared.output.own(LogLevel::Info, "a new worker takes calls");
    }
}

/// Waits before a restart; false when the adapter is stopped.
async fn pause(shared: &Shared, wait: Duration) -> bool {
    let mut stopping = shared.stopping.subscribe();
    let stopped = stopping.wait_for(|stopping| *stopping);
    tokio::time::timeout(wait, stopped).await.is_err()
}

/// Reads what one worker sends until it ends, and ends it.
async fn serve(shared: &Shared, mut live: Live) -> Ending {
    let ending = loop {
        tokio::select! {
            frame = live.reader.next() => match frame {
                Ok(Some(frame)) => {
                    let handled = ToHost::decode(&frame)
                        .map_err(|error| error.to_string())
                        .and_then(|message| handle(&shared.output, &live.connection, frame.id, message)
                            .map_err(|what| format!("unexpected: {what}")));
                    if let Err(reason) = handled {
                        break Ending::Protocol(reason);
                    }
                }
                Ok(None) => break Ending::Closed,
                Err(error) => break Ending::Protocol(error.to_string()),
            },
            () = live.process.ended() => {
                // What it sent before its end still counts.
                while let Ok(Ok(Some(frame))) = tokio::time::timeout(LAST_WORDS, live.reader.next()).await {
                    if let Ok(message) = ToHost::decode(&frame) {
                        let _ = handle(&shared.output, &live.connection, frame.id, message);
                    }
                }
                break Ending::Closed;
            }
            reason = live.connection.killed() => break Ending::Killed(reason),
        }
    };
    // First, so that no call is sent to a worker that is gone; then the calls inside end.
    shared.present.send_replace(None);
    let status = live.process.end().await;
    live.connection.abandon();
    match ending {
        Ending::Closed if !*shared.stopping.borrow() => Ending::Exited(in_words(status)),
        ending => ending,
    }
}

/// Does what a message asks for; gives back what a worker may not send here.
fn handle(output: &Output, connection: &Connection, id: u64, message: ToHost) -> Result<(), &'static str> {
    match message {
        ToHost::Reply { status, document } => {
            if connection.deliver(id, RawReply { status, document }) {
                Ok(())
            } else {
                Err("a reply to no call")
            }
        }
        ToHost::Log { level, event_id, fields } => {
            let text = String::from_utf8_lossy(&fields);
            output.foreign(LogSource::Adapter { event_id }, LogLevel::from_number(level), &text);
            Ok(())
        }
        ToHost::SecretRequest { name } => connection
            .send(id, &ToWorker::Secret(output.secret(&name)))
            .map_err(|_| "a request for a huge secret"),
        ToHost::Loaded(_) => Err("that it is loaded"),
        ToHost::Refused(_) => Err("a refusal"),
    }
}

fn record(shared: &Shared, ending: Ending) {
    shared.process_id.store(0, Ordering::Relaxed);
    let level = if ending == Ending::Closed { LogLevel::Info } else { LogLevel::Error };
    shared.output.own(level, &format!("the worker is gone: {ending}"));
    *shared.last_ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending);
}

fn refusal(adapter: &str, output: &Output, refused: Refused) -> StartError {
    let class = ErrorClass::from_status(refused.status).unwrap_or(ErrorClass::Unhealthy);
    let stage = match refused.stage {
        Stage::Open => format!("{} with its configuration", refused.stage),
        stage => stage.to_string(),
    };
    let mut error = AdapterError::new(class, output.masked(&refused.text));
    error.vendor_code = refused.vendor_code.map(|code| output.masked(&code));
    StartError::Refused { adapter: adapter.to_owned(), stage, error }
}

fn in_words(status: Option<ExitStatus>) -> String {
    match status {
        None => "its status is not known".to_owned(),
        Some(status) => match (status.signal(), status.code()) {
            (Some(signal), _) => format!("signal {signal}"),
            (None, Some(code)) => format!("exit status {code}"),
            (None, None) => status.to_string(),
        },
    }
}
