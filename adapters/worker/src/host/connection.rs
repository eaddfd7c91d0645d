//! The calls that are inside one worker.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, oneshot, watch};

use crate::frame::{Decoder, Frame, FrameError};
use crate::message::ToWorker;

/// What a function of the adapter gave back.
#[derive(Debug)]
pub(super) struct RawReply {
    pub(super) status: i32,
    pub(super) document: Vec<u8>,
}

/// The sending side of a worker, shared by its calls and its supervisor.
pub(super) struct Connection {
    socket: OwnedWriteHalf,
    /// Octets that the socket did not take at once. It needs no bound of its own: only calls that have a thread of the
    /// worker are sent. Held while the socket is asked, which never waits.
    backlog: Mutex<Vec<u8>>,
    /// There is a backlog.
    more: Notify,
    /// Calls inside, by id; None when the worker is gone. Held for a few instructions.
    inside: Mutex<Option<HashMap<u64, oneshot::Sender<RawReply>>>>,
    kill: watch::Sender<Option<String>>,
}

impl Connection {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self {
            socket,
            backlog: Mutex::default(),
            more: Notify::new(),
            inside: Mutex::new(Some(HashMap::new())),
            kill: watch::Sender::new(None),
        }
    }

    /// Sends what belongs to `id`: at once if the socket takes it, since a task in between would cost more than the
    /// write. A worker that is gone is noticed by its supervisor.
    pub(super) fn send(&self, id: u64, message: &ToWorker) -> Result<(), FrameError> {
        let frame = message.encode(id)?;
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = if backlog.is_empty() { self.socket.try_write(&frame).unwrap_or(0) } else { 0 };
        if taken < frame.len() {
            backlog.extend_from_slice(&frame[taken..]);
            self.more.notify_one();
        }
        Ok(())
    }

    /// Sends the backlog whenever there is one; ends when the worker is gone.
    pub(super) async fn flush(&self) {
        loop {
            self.more.notified().await;
            while !self.backlog.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                if self.socket.writable().await.is_err() {
                    return;
                }
                let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
                match self.socket.try_write(&backlog) {
                    Ok(taken) => drop(backlog.drain(..taken)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
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

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<RawReply>>>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiving side of a worker.
pub(super) struct FrameReader {
    socket: OwnedReadHalf,
    decoder: Decoder,
    chunk: Vec<u8>,
}

impl FrameReader {
    pub(super) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, decoder: Decoder::default(), chunk: vec![0; 16 << 10] }
    }

    /// The next frame; `None` at the end. May be dropped between two polls without losing anything.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
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
