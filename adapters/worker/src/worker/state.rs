//! What the reading thread and the calling threads share.
//!
//! Each lock is held for a few instructions and never while the plugin runs; only the socket's is held while a frame is
//! written, which is what it is for.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::frame::FRAME_LIMIT;
use crate::message::{Call, ToHost};

type Secret = Option<Zeroizing<Vec<u8>>>;

/// Room in a reply's frame for what is not the document.
const REPLY_HEAD: usize = 64;

/// Shared by all threads for the life of the process.
pub(super) struct State {
    socket: Mutex<UnixStream>,
    jobs: Mutex<Jobs>,
    /// Wakes a calling thread for a job or for the end.
    ready: Condvar,
    calls: Mutex<HashMap<u64, Progress>>,
    /// Threads that wait for a secret.
    secrets: Mutex<HashMap<u64, Sender<Secret>>>,
    next_secret: AtomicU64,
    reply_limit: AtomicUsize,
}

/// A call that is to be made.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) call: Call,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    closing: bool,
}

struct Progress {
    /// None: too far away to be represented.
    deadline: Option<Instant>,
    cancelled: bool,
}

impl State {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket: Mutex::new(socket),
            jobs: Mutex::default(),
            ready: Condvar::new(),
            calls: Mutex::default(),
            secrets: Mutex::default(),
            next_secret: AtomicU64::new(1),
            reply_limit: AtomicUsize::new(FRAME_LIMIT - REPLY_HEAD),
        }
    }

    /// Sends a message. Without a broker the process ends.
    pub(super) fn send(&self, id: u64, message: &ToHost) {
        let Ok(frame) = message.encode(id) else { return };
        if lock(&self.socket).write_all(&frame).is_err() {
            super::end();
        }
    }

    pub(super) fn set_reply_limit(&self, octets: u64) {
        let octets = usize::try_from(octets).unwrap_or(usize::MAX).min(FRAME_LIMIT - REPLY_HEAD);
        self.reply_limit.store(octets, Ordering::Relaxed);
    }

    pub(super) fn reply_limit(&self) -> usize {
        self.reply_limit.load(Ordering::Relaxed)
    }

    /// Queues a call; its time runs from now on.
    pub(super) fn begin(&self, id: u64, call: Call) {
        let deadline = Instant::now().checked_add(Duration::from_millis(call.timeout_ms));
        lock(&self.calls).insert(id, Progress { deadline, cancelled: false });
        lock(&self.jobs).queue.push_back(Job { id, call });
        self.ready.notify_one();
    }

    /// The next call; `None` when there is none left and none will come.
    pub(super) fn next_job(&self) -> Option<Job> {
        let mut jobs = lock(&self.jobs);
        loop {
            if let Some(job) = jobs.queue.pop_front() {
                return Some(job);
            }
            if jobs.closing {
                return None;
            }
            jobs = self.ready.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers a call.
    pub(super) fn finish(&self, id: u64, status: i32, document: &[u8]) {
        lock(&self.calls).remove(&id);
        self.send(id, &ToHost::Reply { status, document: document.to_vec() });
    }

    pub(super) fn cancel(&self, id: u64) {
        if let Some(progress) = lock(&self.calls).get_mut(&id) {
            progress.cancelled = true;
        }
    }

    /// A call that is not known counts as cancelled.
    pub(super) fn is_cancelled(&self, id: u64) -> bool {
        lock(&self.calls).get(&id).is_none_or(|progress| progress.cancelled)
    }

    pub(super) fn remaining(&self, id: u64) -> Duration {
        match lock(&self.calls).get(&id) {
            Some(Progress { deadline: Some(deadline), .. }) => {
                deadline.saturating_duration_since(Instant::now())
            }
            Some(Progress { deadline: None, .. }) => Duration::MAX,
            None => Duration::ZERO,
        }
    }

    /// Asks the broker for a secret and waits for it; the broker always answers, or is gone.
    pub(super) fn fetch_secret(&self, name: String) -> Secret {
        let (sender, receiver) = mpsc::channel();
        let id = self.next_secret.fetch_add(1, Ordering::Relaxed);
        lock(&self.secrets).insert(id, sender);
        self.send(id, &ToHost::SecretRequest { name });
        receiver.recv().unwrap_or_default()
    }

    pub(super) fn hand_over_secret(&self, id: u64, value: Secret) {
        if let Some(waiting) = lock(&self.secrets).remove(&id) {
            // A thread that no longer waits cannot be: fetch_secret waits without end.
            let _ = waiting.send(value);
        }
    }

    /// Lets the calling threads end when the queue is empty.
    pub(super) fn close(&self) {
        lock(&self.jobs).closing = true;
        self.ready.notify_all();
    }
}

/// A panic of a worker's thread aborts the process, so a poisoned lock is never seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
