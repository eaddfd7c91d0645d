//! Starts workers, reads what they send, notices their end, and starts the next one.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use yinqiao_ca_abi::status;
use yinqiao_ca_sdk::LogLevel;
use yinqiao_ca_sdk::messages::{AdapterError, ErrorClass};

use super::breaker::Verdict;
use super::connection::{Connection, FrameReader, RawReply};
use super::health::Ending;
use super::output::{self, Output};
use super::process::{self, Process, in_words};
use super::secrets;
use super::services::LogSource;
use super::settings::AdapterSettings;
use super::shared::{Phase, Shared};
use super::watch::{Sample, Watch};
use crate::message::{AdapterInfo, Load, Refused, Stage, ToHost, ToWorker};

/// A worker that lived so long was in order: the next restart begins with the shortest wait again.
const SETTLED: Duration = Duration::from_secs(60);
/// How long the next of an ended worker's replies may take, and all (a forked process may hold the socket open).
const LAST_WORDS: Duration = Duration::from_millis(200);
const LAST_WORDS_IN_ALL: Duration = Duration::from_secs(2);
/// What the end of a worker says of its plugin.
const FAILURE: Verdict = Verdict::Failure { retry_after: None };
/// How often a worker's memory and processor time are looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

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
        /// The same file will always be refused: another version of the contract, or a broken table.
        is_final: bool,
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

impl StartError {
    /// Whether the same file will always be refused, so that only another one helps.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { is_final: true, .. })
    }
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
        data_memory: settings.limits.data_memory,
        open_files: settings.limits.open_files,
        file_octets: settings.limits.file_octets,
        sandbox: settings.sandbox.clone(),
    };
    live.connection.send(0, &ToWorker::Load(load)).map_err(|error| failed(error.to_string()))?;
    loop {
        let frame = match live.reader.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(failed(how_it_ended(live.process.end().await))),
            Err(error) => return Err(failed(error.to_string())),
        };
        match ToHost::decode(&frame).map_err(|error| failed(error.to_string()))? {
            ToHost::Loaded(info) => return Ok((live, *info)),
            ToHost::Refused(refused) => {
                // Reaped here; a process that is only killed would stay as a zombie.
                live.process.end().await;
                return Err(refusal(&settings.name, output, refused));
            }
            message => handle(output, &live.connection, settings.limits.threads, frame.id, message)
                .map_err(|what| failed(format!("before it was open: {what}")))?,
        }
    }
}

/// How a supervisor begins.
pub(super) enum Begin {
    /// With a worker that is published.
    With(Live),
    /// By starting one.
    AtOnce,
    /// By starting one after the first wait, since another failed just now.
    AfterPause,
}

/// From now on calls go to this worker, too.
pub(super) fn publish(shared: &Shared, index: usize, live: Live, info: AdapterInfo, again: bool) -> Live {
    let concurrency = info.concurrency;
    // All workers load the same bytes with the same configuration: the first one speaks for all.
    shared.info.get_or_init(|| info);
    shared.process_started(index, live.process.id(), again);
    shared.pool.publish(index, live.connection.clone(), concurrency);
    shared.gate.worker_started();
    live
}

/// Records that a worker could not be started.
pub(super) fn not_started(shared: &Shared, index: usize, error: &StartError) {
    shared.process_ended(index, &Ending::NotStarted(error.to_string()));
    // While others of the pool work, calls find them.
    if !shared.pool.any_ready() {
        shared.no_worker(error.to_string());
    }
}

/// Keeps a worker running in one place of the pool, until the adapter is stopped or its plugin refused for good.
pub(super) async fn supervise(shared: Arc<Shared>, index: usize, begin: Begin) {
    let limits = &shared.settings.limits;
    let mut wait = limits.first_restart;
    let mut again = matches!(begin, Begin::With(_));
    let mut next = match begin {
        Begin::With(live) => Some(live),
        Begin::AtOnce => None,
        Begin::AfterPause => {
            pause(&shared, wait).await;
            None
        }
    };
    while shared.phase() < Phase::Closing {
        let live = match next.take() {
            Some(live) => live,
            None => match start_unless_closing(&shared).await {
                None => return,
                Some(Ok((live, info))) => publish(&shared, index, live, info, again),
                Some(Err(error)) => {
                    if error.is_final() {
                        shared.refused.get_or_init(|| error.to_string());
                    }
                    not_started(&shared, index, &error);
                    if error.is_final() {
                        return;
                    }
                    wait = (wait * 2).min(limits.last_restart);
                    pause(&shared, wait).await;
                    continue;
                }
            },
        };
        again = true;
        let since = live.since;
        let ending = serve(&shared, index, live).await;
        shared.process_ended(index, &ending);
        if shared.phase() >= Phase::Closing {
            return;
        }
        shared.judged(FAILURE, format!("the worker is gone: {ending}"));
        if since.elapsed() >= SETTLED {
            wait = limits.first_restart;
        }
        pause(&shared, wait).await;
        wait = (wait * 2).min(limits.last_restart);
    }
}

/// Waits before a restart, no longer than the adapter runs.
async fn pause(shared: &Shared, wait: Duration) {
    let mut phase = shared.phase.subscribe();
    let _ = tokio::time::timeout(wait, phase.wait_for(|phase| *phase >= Phase::Closing)).await;
}

/// A new worker; `None` when the adapter is closing before there is one.
async fn start_unless_closing(shared: &Shared) -> Option<Result<(Live, AdapterInfo), StartError>> {
    let mut phase = shared.phase.subscribe();
    tokio::select! {
        started = establish(&shared.settings, &shared.output) => Some(started),
        _ = phase.wait_for(|phase| *phase >= Phase::Closing) => None,
    }
}

/// Reads what one worker sends until it ends, and ends it.
async fn serve(shared: &Shared, index: usize, mut live: Live) -> Ending {
    let ending = listen(shared, index, &mut live).await;
    // First, so that no call is sent to a worker that is gone; then the calls inside end.
    shared.pool.withdraw(index);
    sample(shared, index, &live);
    let status = live.process.end().await;
    live.connection.abandon();
    match ending {
        Ending::Closed if shared.phase() < Phase::Closing => Ending::Exited(how_it_ended(status)),
        ending => ending,
    }
}

/// Reads what one worker sends until there is a reason to end it.
async fn listen(shared: &Shared, index: usize, live: &mut Live) -> Ending {
    let Live { process, reader, connection, .. } = live;
    let threads = shared.settings.limits.threads;
    let closing = close(shared, connection);
    let watching = keep_to_limits(shared, index, process.id());
    let (ended, killed) = (process.ended(), connection.killed());
    tokio::pin!(closing, watching, ended, killed);
    loop {
        // In this order: a worker that never stops sending is ended all the same.
        tokio::select! {
            biased;
            reason = &mut killed => return Ending::Killed(reason),
            reason = &mut watching => return Ending::Killed(reason),
            reason = &mut closing => return Ending::Killed(reason),
            () = &mut ended => {
                // What it sent before its end still counts, for a time: what it forked may never stop.
                let until = Instant::now() + LAST_WORDS_IN_ALL;
                while Instant::now() < until
                    && let Ok(Ok(Some(frame))) = tokio::time::timeout(LAST_WORDS, reader.next()).await
                {
                    if let Ok(message) = ToHost::decode(&frame) {
                        let _ = handle(&shared.output, connection, threads, frame.id, message);
                    }
                }
                return Ending::Closed;
            }
            frame = reader.next() => match frame {
                Ok(Some(frame)) => {
                    let handled = ToHost::decode(&frame)
                        .map_err(|error| error.to_string())
                        .and_then(|message| handle(&shared.output, connection, threads, frame.id, message));
                    if let Err(reason) = handled {
                        return Ending::Protocol(reason);
                    }
                }
                Ok(None) => return Ending::Closed,
                Err(error) => return Ending::Protocol(error.to_string()),
            },
        }
    }
}

/// Waits for the end of the adapter and asks the worker to close; ends with the reason to kill it.
async fn close(shared: &Shared, connection: &Connection) -> String {
    let mut phase = shared.phase.subscribe();
    let _ = phase.wait_for(|phase| *phase >= Phase::Closing).await;
    let limit = shared.settings.limits.close;
    if shared.phase() < Phase::Dropped {
        // A frame without content always fits.
        let _ = connection.send(0, &ToWorker::Close);
        let dropped = phase.wait_for(|phase| *phase >= Phase::Dropped);
        if tokio::time::timeout(limit, dropped).await.is_err() {
            return format!("it did not close within {limit:?}");
        }
    }
    "the broker let it go".to_owned()
}

/// Looks at the process each second; ends with the reason to kill it.
async fn keep_to_limits(shared: &Shared, index: usize, process_id: u32) -> String {
    let (began, mut watch) = (Instant::now(), Watch::new(&shared.settings.limits));
    let mut calls = 0;
    let mut seconds = tokio::time::interval(SAMPLE_EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        // A process that has just ended has no figures; its end is noticed elsewhere.
        let Ok(sample) = Sample::take(process_id) else { continue };
        shared.processes[index].sampled(sample);
        let load = shared.pool.load(index);
        let idle = load.inside == 0 && load.calls == calls;
        calls = load.calls;
        if let Some(reason) = watch.observe(began.elapsed(), sample, idle) {
            return reason;
        }
    }
}

/// The last figures of a process that is not reaped yet.
fn sample(shared: &Shared, index: usize, live: &Live) {
    if let Ok(sample) = Sample::take(live.process.id()) {
        shared.processes[index].sampled(sample);
    }
}

/// Does what a message asks for; gives back what is wrong with it.
fn handle(
    output: &Arc<Output>,
    connection: &Arc<Connection>,
    threads: u32,
    id: u64,
    message: ToHost,
) -> Result<(), String> {
    match message {
        ToHost::Reply { status, document } => {
            if connection.deliver(id, RawReply { status, document }) {
                Ok(())
            } else {
                Err("unexpected: a reply to no call".to_owned())
            }
        }
        ToHost::Log { level, event_id, fields } => {
            let text = String::from_utf8_lossy(&fields);
            output.foreign(LogSource::Adapter { event_id }, LogLevel::from_number(level), &text);
            Ok(())
        }
        ToHost::SecretRequest { name } => secrets::answer(output, connection, threads, id, name),
        ToHost::Loaded(_) => Err("unexpected: that it is loaded".to_owned()),
        ToHost::Refused(_) => Err("unexpected: a refusal".to_owned()),
    }
}

fn refusal(adapter: &str, output: &Output, refused: Refused) -> StartError {
    let class = ErrorClass::from_status(refused.status).unwrap_or(ErrorClass::Unhealthy);
    // The bytes are sealed: what its symbol and table say, they will always say. That its device is missing may change.
    let is_final = match refused.stage {
        Stage::Table => true,
        Stage::Entry => matches!(refused.status, status::CA_PERMANENT | status::CA_NOT_SUPPORTED),
        _ => false,
    };
    let stage = match refused.stage {
        Stage::Open => format!("{} with its configuration", refused.stage),
        stage => stage.to_string(),
    };
    let mut error = AdapterError::new(class, output.masked(&refused.text));
    error.vendor_code = refused.vendor_code.map(|code| output.masked(&code));
    StartError::Refused { adapter: adapter.to_owned(), stage, is_final, error }
}

fn how_it_ended(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "its status is not known".to_owned(), in_words)
}
