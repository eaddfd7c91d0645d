//! The broker's process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Lines of the log that are worth reading after a failure.
const LOG_LINES: usize = 10;

/// Whether Ctrl-C was pressed, or the end asked for otherwise.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// A running broker; it stops when this is dropped.
#[derive(Debug)]
pub struct Broker {
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    child: Child,
    url: String,
}

impl Broker {
    /// Starts it with its data under `folder`, so configured, on a free port of the loopback.
    pub fn start(program: &Path, folder: &Path, configuration: &str) -> Result<Self> {
        let (data, log) = (folder.join("data"), folder.join("broker.log"));
        let configuration_file = folder.join("yinqiao.toml");
        fs::write(&configuration_file, configuration)?;
        let mut child = Command::new(program)
            .arg("--data-dir")
            .arg(&data)
            .arg("--config")
            .arg(&configuration_file)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| program.display().to_string())?;
        stop_with_us(&child)?;
        let stdout = child.stdout.take().context("the broker has no output")?;
        let mut broker = Self { program: program.to_owned(), data, log, child, url: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match line.trim().strip_prefix("serving on ") {
            Some(url) => url.clone_into(&mut broker.url),
            None => bail!("the broker does not start:\n{}", broker.last_log_lines()),
        }
        Ok(broker)
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What an operator's command prints.
    pub fn operate(&self, words: &[&str]) -> Result<String> {
        let output = Command::new(&self.program).arg("--data-dir").arg(&self.data).args(words).output()?;
        if !output.status.success() {
            bail!("yinqiao {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The end of its log.
    pub fn last_log_lines(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Waits until it ends: by Ctrl-C, which is as it should be, or otherwise.
    pub fn wait(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        if is_stopped() || status.success() {
            return Ok(());
        }
        bail!("the broker ended by itself ({status}):\n{}", self.last_log_lines())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Asked politely it ends in order, and its workers with it. There is nobody to tell of a failure.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// Whether the run should end.
pub fn is_stopped() -> bool {
    STOPPED.load(Ordering::Acquire)
}

/// Passes the end on to the broker, which would go on without us.
fn stop_with_us(child: &Child) -> Result<()> {
    let pid = Pid::from_child(child);
    ctrlc::set_handler(move || {
        STOPPED.store(true, Ordering::Release);
        // In a terminal it has heard the same signal and may be gone already.
        let _ = kill_process(pid, Signal::TERM);
    })
    .context("Ctrl-C cannot be handled")
}
