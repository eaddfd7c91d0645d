//! Takes what a worker says into the broker's log: masked, cut to length, and no more than so many lines a second.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use yinqiao_ca_sdk::LogLevel;
use zeroize::Zeroizing;

use super::mask::Mask;
use super::secrets::Secrets;
use super::services::{HostServices, LogLine, LogSource};

/// The longest line in octets; longer ones become several.
const LINE_LIMIT: usize = 4 << 10;
/// What a plugin may print in a second, in octets.
const OCTETS_PER_SECOND: usize = 1 << 20;
/// Lines a second; what is more is counted and dropped.
const LINES_PER_SECOND: u32 = 500;

/// The longest secret in octets.
const SECRET_LIMIT: usize = 1 << 20;

/// The way to the broker's log, and to its secrets.
pub(super) struct Output {
    adapter: String,
    services: Arc<dyn HostServices>,
    mask: Mask,
    pub(super) secrets: Secrets,
    /// Held for a few instructions.
    rate: Mutex<Rate>,
    passed: AtomicU64,
    dropped: AtomicU64,
}

struct Rate {
    second: Instant,
    lines: u32,
    dropped: u64,
}

impl Output {
    pub(super) fn new(adapter: String, services: Arc<dyn HostServices>) -> Self {
        let rate = Mutex::new(Rate { second: Instant::now(), lines: 0, dropped: 0 });
        let (passed, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { adapter, services, mask: Mask::default(), secrets: Secrets::default(), rate, passed, dropped }
    }

    /// A line from the worker.
    pub(super) fn foreign(&self, source: LogSource, level: LogLevel, text: &str) {
        let (pass, dropped) = self.count(Instant::now());
        if dropped > 0 {
            self.own(
                LogLevel::Warn,
                &format!("{dropped} lines of the adapter were dropped: too many a second"),
            );
        }
        let counter = if pass { &self.passed } else { &self.dropped };
        counter.fetch_add(1, Ordering::Relaxed);
        if pass {
            self.write(source, level, text);
        }
    }

    /// Lines of the worker so far: passed on, and dropped.
    pub(super) fn lines(&self) -> (u64, u64) {
        (self.passed.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    /// A line of the supervision.
    pub(super) fn own(&self, level: LogLevel, text: &str) {
        self.write(LogSource::Supervisor, level, text);
    }

    /// The text without secrets.
    pub(super) fn masked(&self, text: &str) -> String {
        self.mask.apply(text)
    }

    /// The secret of that name, which is masked from now on. It may block.
    pub(super) fn read_secret(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let secret = self.services.secret(&self.adapter, name)?;
        if secret.len() > SECRET_LIMIT {
            self.own(
                LogLevel::Warn,
                &format!("the secret {name:?} is longer than {SECRET_LIMIT} octets and not handed out"),
            );
            return None;
        }
        self.mask.learn(&secret);
        Some(secret)
    }

    fn write(&self, source: LogSource, level: LogLevel, text: &str) {
        let text = self.mask.apply(text);
        self.services.log(LogLine { adapter: &self.adapter, source, level, text: &text });
    }

    /// Whether a line may pass now, and how many were dropped before a new second began.
    fn count(&self, now: Instant) -> (bool, u64) {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = 0;
        if now.duration_since(rate.second) >= Duration::from_secs(1) {
            dropped = std::mem::take(&mut rate.dropped);
            (rate.second, rate.lines) = (now, 0);
        }
        rate.lines = rate.lines.saturating_add(1);
        if rate.lines > LINES_PER_SECOND {
            rate.dropped += 1;
        }
        (rate.lines <= LINES_PER_SECOND, dropped)
    }
}

/// Takes the lines of a pipe until it is closed, no faster than [`OCTETS_PER_SECOND`]: a plugin that prints without end
/// waits for its pipe, and costs the broker little.
pub(super) async fn forward(output: Arc<Output>, pipe: OwnedFd, source: LogSource) -> io::Result<()> {
    let mut pipe = pipe::Receiver::from_owned_fd(pipe)?;
    let mut rest = Vec::with_capacity(LINE_LIMIT);
    let mut chunk = vec![0; LINE_LIMIT];
    let (mut second, mut taken) = (Instant::now(), 0);
    loop {
        let count = pipe.read(&mut chunk).await?;
        if second.elapsed() >= Duration::from_secs(1) {
            (second, taken) = (Instant::now(), 0);
        }
        taken += count;
        if taken > OCTETS_PER_SECOND {
            tokio::time::sleep(Duration::from_secs(1).saturating_sub(second.elapsed())).await;
        }
        for octet in &chunk[..count] {
            if *octet != b'\n' {
                rest.push(*octet);
            }
            if !rest.is_empty() && (*octet == b'\n' || rest.len() == LINE_LIMIT) {
                output.foreign(source, LogLevel::Warn, &String::from_utf8_lossy(&rest));
                rest.clear();
            }
        }
        if count == 0 {
            if !rest.is_empty() {
                output.foreign(source, LogLevel::Warn, &String::from_utf8_lossy(&rest));
            }
            return Ok(());
        }
    }
}
