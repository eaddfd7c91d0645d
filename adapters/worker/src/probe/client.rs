//! The kit's side of a probe process.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::protocol::{Answer, Step};
use crate::host::{Library, WorkerProgram, in_words, spawn};

/// The most that is kept of a process's standard output or error, in octets.
const OUTPUT_LIMIT: usize = 4 << 20;
/// How long a process whose socket is closed may take to be gone.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// How long the last lines of its output may take.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A probe process. Dropping it kills it.
pub struct Probe {
    child: Child,
    answers: BufReader<OwnedReadHalf>,
    steps: OwnedWriteHalf,
    standard_output: Arc<Mutex<Vec<u8>>>,
    standard_error: Arc<Mutex<Vec<u8>>>,
}

/// A probe process gave no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProbeEnd {
    /// The process ended inside the step: how, in words.
    #[error("the process ended ({0})")]
    Ended(String),
    /// It was not done in time and was killed.
    #[error("it was not done after {0:?}; the process was killed")]
    TimedOut(Duration),
    /// What came is no answer.
    #[error("the process gave no answer: {0}")]
    Broken(String),
}

impl Probe {
    /// Starts a process; the library is not loaded yet. Must run inside a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &WorkerProgram, library: &Library) -> io::Result<Self> {
        let (mut child, ours) = spawn(program, library)?;
        ours.set_nonblocking(true)?;
        let (read_half, write_half) = tokio::net::UnixStream::from_std(ours)?.into_split();
        let standard_output = collect(child.stdout.take().map(OwnedFd::from))?;
        let standard_error = collect(child.stderr.take().map(OwnedFd::from))?;
        Ok(Self {
            child,
            answers: BufReader::new(read_half),
            steps: write_half,
            standard_output,
            standard_error,
        })
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Does one step.
    ///
    /// # Errors
    /// When the process ends inside it or takes longer than `limit`. It is of no use afterwards.
    pub async fn step(&mut self, step: &Step, limit: Duration) -> Result<Answer, ProbeEnd> {
        let mut line = serde_json::to_vec(step).map_err(|error| ProbeEnd::Broken(error.to_string()))?;
        line.push(b'\n');
        let mut answer = Vec::new();
        let exchange = async {
            self.steps.write_all(&line).await?;
            self.answers.read_until(b'\n', &mut answer).await
        };
        match tokio::time::timeout(limit, exchange).await {
            Err(_) => {
                self.kill();
                Err(ProbeEnd::TimedOut(limit))
            }
            Ok(Ok(count)) if count > 0 && answer.ends_with(b"\n") => {
                serde_json::from_slice(&answer).map_err(|error| ProbeEnd::Broken(error.to_string()))
            }
            Ok(_) => Err(ProbeEnd::Ended(self.how_it_ended().await)),
        }
    }

    /// What it printed to standard output so far.
    pub async fn standard_output(&self) -> Vec<u8> {
        tokio::time::sleep(LAST_WORDS).await;
        self.standard_output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it printed to standard error so far.
    pub async fn standard_error(&self) -> Vec<u8> {
        tokio::time::sleep(LAST_WORDS).await;
        self.standard_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn how_it_ended(&mut self) -> String {
        let status = self.reap().await;
        status.map_or_else(|| "it closed its socket and did not end".to_owned(), in_words)
    }

    async fn reap(&mut self) -> Option<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < REAP_LIMIT {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.kill();
        None
    }

    /// Kills the process and what it forked.
    fn kill(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
            && matches!(self.child.try_wait(), Ok(None))
        {
            // The group's number cannot be another's: its leader is not reaped yet.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.kill();
        // Killed, or ended before: it does not take long.
        let _ = self.child.wait();
    }
}

fn collect(pipe: Option<OwnedFd>) -> io::Result<Arc<Mutex<Vec<u8>>>> {
    let pipe = pipe.ok_or_else(|| io::Error::other("a pipe of the process is missing"))?;
    let mut pipe = pipe::Receiver::from_owned_fd(pipe)?;
    let collected: Arc<Mutex<Vec<u8>>> = Arc::default();
    let target = collected.clone();
    tokio::spawn(async move {
        let mut chunk = vec![0; 16 << 10];
        while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
            let mut target = target.lock().unwrap_or_else(PoisonError::into_inner);
            let room = OUTPUT_LIMIT.saturating_sub(target.len());
            target.extend_from_slice(&chunk[..count.min(room)]);
        }
    });
    Ok(collected)
}
