//! The calls that are inside one worker.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::pace::Pace;
use crate::frame::{Decoder, Frame, FrameError};
use crate::message::{ToHost, ToWorker};

/// What a function of the adapter gave back.
#[derive(Debug)]
pub(super) struct RawReply {
    pub(super) status: i32,
    pub(super) document: Vec<u8>,
}

/// The sending side of a worker, shared by its calls and its supervisor.
pub(super) struct Connection {
    socket: OwnedWriteHalf,
    /// Held while the socket is asked, which never waits.
    backlog: Mutex<Backlog>,
    /// There is a backlog.
    more: Notify,
    /// Calls inside, by id; None when the worker is gone. Held for a few instructions.
    inside: Mutex<Option<HashMap<u64, oneshot::Sender<RawReply>>>>,
    /// Requests for secrets that are not answered.
    asked: AtomicUsize,
    kill: watch::Sender<Option<String>>,
}

/// What the socket did not take at once. Calls in it need no bound: only those that have a thread of the worker are sent.
/// Answers need one, since a worker may ask without reading.
#[derive(Default)]
struct Backlog {
    octets: Vec<u8>,
    answers: usize,
}

/// A request for a secret that is under way.
pub(super) struct Asked(Arc<Connection>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.asked.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self {
            socket,
            backlog: Mutex::default(),
            more: Notify::new(),
            inside: Mutex::new(Some(HashMap::new())),
            asked: AtomicUsize::new(0),
            kill: watch::Sender::new(None),
        }
    }

    /// Sends what belongs to `id`: at once if the socket takes it, since a task in between would cost more than the
    /// write. A worker that is gone is noticed by its supervisor.
    pub(super) fn send(&self, id: u64, message: &ToWorker) -> Result<(), FrameError> {
        let frame = message.encode(id)?;
        self.write(&mut self.backlog(), &frame);
        Ok(())
    }

    /// Counts a request for a secret until what it gives is dropped, if there are less than `limit`.
    pub(super) fn ask(self: &Arc<Self>, limit: usize) -> Result<Asked, String> {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        // Dropped, it is not counted any more.
        let asked = Asked(self.clone());
        if before < limit { Ok(asked) } else { Err(too_many(limit)) }
    }

    /// Answers a request for a secret, unless `limit` answers wait for the worker to read them.
    pub(super) fn answer(
        &self,
        id: u64,
        secret: Option<Zeroizing<Vec<u8>>>,
        limit: usize,
    ) -> Result<(), String> {
        let frame = ToWorker::Secret(secret).encode(id).map(Zeroizing::new);
        let frame = frame.map_err(|_| "a secret that it asked for is too long to be sent".to_owned())?;
        let mut backlog = self.backlog();
        if backlog.answers >= limit {
            return Err(too_many(limit));
        }
        self.write(&mut backlog, &frame);
        if !backlog.octets.is_empty() {
            backlog.answers += 1;
        }
        Ok(())
    }

    fn write(&self, backlog: &mut Backlog, frame: &[u8]) {
        let taken = if backlog.octets.is_empty() { self.socket.try_write(frame).unwrap_or(0) } else { 0 };
        if taken < frame.len() {
            backlog.octets.extend_from_slice(&frame[taken..]);
            self.more.notify_one();
        }
    }

    /// Sends the backlog whenever there is one; ends when the worker is gone.
    pub(super) async fn flush(&self) {
        loop {
            self.more.notified().await;
            while !self.backlog().octets.is_empty() {
                if self.socket.writable().await.is_err() {
                    return;
                }
                let mut backlog = self.backlog();
                match self.socket.try_write(&backlog.octets) {
                    Ok(taken) => drop(backlog.octets.drain(..taken)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
                if backlog.octets.is_empty() {
                    *backlog = Backlog::default();
                }
            }
        }
    }

    /// Expects a reply to `id`; `None` when the worker is gone, and then nothing may be sent. The receiver fails when
    /// the worker ends before it replies.
    pub(super) fn expect(&self, id: u64) -> Option<oneshot::Receiver<RawReply>> {
        let (sender, receiver) = oneshot::channel();
        self.lock().as_mut()?.insert(id, sender);
        Some(receiver)
    }

    /// Nobody expects the reply any more.
    pub(super) fn forget(&self, id: u64) {
        if let Some(inside) = self.lock().as_mut() {
            inside.remove(&id);
        }
    }

    /// Hands a reply over. False when nobody expected it.
    pub(super) fn deliver(&self, id: u64, reply: RawReply) -> bool {
        let expecting = self.lock().as_mut().and_then(|inside| inside.remove(&id));
        // A receiver that was dropped gave up; that is its affair.
        expecting.map(|expecting| drop(expecting.send(reply))).is_some()
    }

    /// The worker is gone: every call inside ends.
    pub(super) fn abandon(&self) {
        self.lock().take();
    }

    /// Asks the supervisor to kill the worker. The first reason stays.
    pub(super) fn kill(&self, reason: String) {
        self.kill.send_if_modified(|present| {
            let first = present.is_none();
            present.get_or_insert(reason);
            first
        });
    }

    /// Waits for a request to kill.
    pub(super) async fn killed(&self) -> String {
        let mut kill = self.kill.subscribe();
        let reason = kill.wait_for(Option::is_some).await.map(|reason| reason.clone());
        match reason {
            Ok(reason) => reason.unwrap_or_default(),
            // Cannot be: this value holds the sender.
            Err(_) => std::future::pending().await,
        }
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<RawReply>>>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many(limit: usize) -> String {
    format!(
        "it asks for more than {limit} secrets before it takes the answers; a plugin uses secret_get for that"
    )
}

/// The receiving side of a worker.
pub(super) struct FrameReader {
    socket: OwnedReadHalf,
    decoder: Decoder,
    pace: Pace,
    chunk: Vec<u8>,
}

impl FrameReader {
    pub(super) fn new(socket: OwnedReadHalf) -> Self {
        let (decoder, pace) = (Decoder::with_limits(ToHost::limit), Pace::new(Instant::now()));
        Self { socket, decoder, pace, chunk: vec![0; 16 << 10] }
    }

    /// The next frame; `None` at the end. May be dropped between two polls without losing anything.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(due) = self.pace.not_before()
                && Instant::now() < due
            {
                tokio::time::sleep_until(due).await;
            }
            if let Some(frame) = self.decoder.next_frame()? {
                if ToHost::is_unasked(frame.kind) {
                    self.pace.count(Instant::now(), frame.payload.len());
                }
                return Ok(Some(frame));
            }
            let count = self.socket.read(&mut self.chunk).await?;
            if count == 0 {
                return Ok(None);
            }
            self.decoder.extend(&self.chunk[..count]);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn answers_that_a_worker_does_not_read_are_bounded_and_those_that_it_reads_are_not() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let connection = Arc::new(Connection::new(ours.into_split().1));
        let secret = || Some(Zeroizing::new(vec![7; 10_000]));
        let refused = (0..1000).find_map(|id| connection.answer(id, secret(), 5).err()).unwrap();
        assert!(refused.contains("more than 5 secrets"), "{refused}");
        assert!(connection.backlog().octets.len() < 60_000);

        let flushing = tokio::spawn({
            let connection = connection.clone();
            async move { connection.flush().await }
        });
        let mut theirs = theirs;
        let reading = tokio::spawn(async move {
            let mut sink = vec![0; 64 << 10];
            while theirs.read(&mut sink).await.is_ok_and(|count| count > 0) {}
        });
        for id in 0..1000 {
            while connection.answer(id, secret(), 5).is_err() {
                tokio::task::yield_now().await;
            }
        }
        flushing.abort();
        reading.abort();
    }

    #[tokio::test]
    async fn requests_under_way_are_counted_until_they_are_answered() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let connection = Arc::new(Connection::new(ours.into_split().1));
        let under_way = [connection.ask(2).unwrap(), connection.ask(2).unwrap()];
        assert!(connection.ask(2).is_err());
        assert!(connection.ask(2).is_err());
        drop(under_way);
        assert!(connection.ask(2).is_ok());
    }
}
