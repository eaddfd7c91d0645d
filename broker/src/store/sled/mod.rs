//! The embedded store: sled 0.34, one tree, one writer.
//!
//! Commits wait in a queue. The writer takes all that wait, decides in order which of them hold, gives their events
//! numbers, applies them as one batch, flushes, syncs, publishes the events and acknowledges: commits of one moment share
//! one fdatasync. Readers go to the tree themselves and see what is on disk.

mod draft;
mod durability;
mod events;
mod keys;
mod ledger;
mod openings;
mod overlay;
mod queue;
mod records;
mod sessions;
#[cfg(test)]
mod tests;
mod value;
mod view;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use tokio::sync::oneshot;

use yinqiao_protocol::event::EventPage;
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

use self::durability::{Disk, Durability};
use self::ledger::{Answer, Ledger, Work};
use self::queue::Queue;
use self::view::View;
use super::{
    Collection, EventSink, EventsOf, OpeningRecord, RecordChange, Records, SessionChange, SessionDeadline,
    SessionStore, StoreError, StoreFuture, StoredRecord, StoredSession,
};
use crate::failpoint::{self, Failpoint};

/// Most bytes of pages that sled keeps in memory. A ceiling, not a reservation.
const CACHE_BYTES: u64 = 512 * 1024 * 1024;
/// How long to wait for another process, or sled's own threads of a store just dropped, to let go of the directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Sessions that are removed in one step.
const REMOVED_TOGETHER: usize = 256;

/// Sessions, openings, events and records in a directory. Clones are the same store; when the last is dropped, what
/// waits is written and the writer ends.
#[derive(Clone)]
pub struct SledStore {
    inner: Arc<Inner>,
}

impl SledStore {
    /// Opens the store in `path`, or makes a new one there; the directory is made with mode 0700 where it is missing.
    /// `sink` hears of every event.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when another process has the directory open, or it cannot be read or written;
    /// [`StoreError::Corrupt`] when what lies there is of another format or does not make sense.
    pub fn open(path: &Path, sink: Arc<dyn EventSink>) -> Result<Self, StoreError> {
        let db = open_tree(path)?;
        let disk = Disk::new(path).map_err(|error| {
            StoreError::Unavailable(format!(
                "the data directory {} cannot be synced: {error}",
                path.display()
            ))
        })?;
        Self::start(&db, disk, sink)
    }

    fn start<D: Durability>(
        db: &sled::Db,
        mut durability: D,
        sink: Arc<dyn EventSink>,
    ) -> Result<Self, StoreError> {
        check_format(db, &mut durability)?;
        let shared = Arc::new(Shared {
            view: View::new((**db).clone()),
            queue: Queue::new(),
            live: DashMap::new(),
            figures: Counters::default(),
            failure: OnceLock::new(),
        });
        let ledger = Ledger::new(Arc::clone(&shared), durability, sink);
        let writer =
            thread::Builder::new().name("store-writer".to_owned()).spawn(move || ledger.run()).map_err(
                |error| StoreError::Unavailable(format!("the store's writer cannot be started: {error}")),
            )?;
        Ok(Self { inner: Arc::new(Inner { shared, writer: Mutex::new(Some(writer)) }) })
    }

    /// Refuses further changes, writes what waits and returns when that is done. Reads go on. The directory is free for
    /// another process when all clones are dropped.
    pub fn close(&self) {
        self.inner.close();
    }

    /// What the writer has done since the start.
    pub fn figures(&self) -> Figures {
        let counters = &self.inner.shared.figures;
        Figures {
            commits: counters.commits.load(Ordering::Relaxed),
            batches: counters.batches.load(Ordering::Relaxed),
            sync_time: Duration::from_nanos(counters.sync_nanoseconds.load(Ordering::Relaxed)),
        }
    }

    /// Why nothing is stored any more, when a write to the disk has failed.
    pub fn failure(&self) -> Option<&str> {
        self.inner.shared.failure.get().map(String::as_str)
    }

    async fn submit<T>(&self, bytes: usize, work: impl FnOnce(Answer<T>) -> Work) -> Result<T, StoreError> {
        let (answer, outcome) = oneshot::channel();
        self.inner.shared.queue.push(work(answer), bytes).await?;
        outcome.await.map_err(|_| {
            StoreError::Unavailable("the store's writer has stopped: restart the broker".to_owned())
        })?
    }

    async fn submit_sessions(
        &self,
        opening: Option<OpeningRecord>,
        changes: Vec<SessionChange>,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let opening = opening.map(openings::Prepared::new).transpose()?;
        let changes = changes.into_iter().map(sessions::Prepared::new).collect::<Result<Vec<_>, _>>()?;
        let bytes = opening.as_ref().map_or(0, openings::Prepared::weight)
            + changes.iter().map(sessions::Prepared::weight).sum::<usize>();
        self.submit(bytes, |answer| Work::Sessions { opening, changes, answer }).await
    }

    fn read<T>(&self, read: impl FnOnce(overlay::Layers<'_>) -> T) -> T {
        self.inner.shared.view.read(read)
    }
}

/// What the writer has done, for metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Commits answered, conflicts among them.
    pub commits: u64,
    /// Batches they came in. Each has one flush and one fdatasync, unless all its commits were conflicts.
    pub batches: u64,
    /// Time spent in flush and fdatasync.
    pub sync_time: Duration,
}

impl SessionStore for SledStore {
    fn commit(&self, changes: Vec<SessionChange>) -> StoreFuture<'_, Vec<StoredSession>> {
        Box::pin(self.submit_sessions(None, changes))
    }

    fn commit_opening(
        &self,
        opening: OpeningRecord,
        changes: Vec<SessionChange>,
    ) -> StoreFuture<'_, Vec<StoredSession>> {
        Box::pin(self.submit_sessions(Some(opening), changes))
    }

    fn session(&self, id: SessionId) -> StoreFuture<'_, Option<StoredSession>> {
        Box::pin(async move {
            if let Some(stored) = self.inner.shared.live.get(&id) {
                return Ok(Some(stored.clone()));
            }
            self.read(|layers| sessions::read(layers, id))
        })
    }

    fn opening(&self, id: OpeningId) -> StoreFuture<'_, Option<OpeningRecord>> {
        Box::pin(
            async move { Ok(self.read(|layers| openings::read(layers, id))?.map(|(opening, _)| opening)) },
        )
    }

    fn deadlines(&self) -> StoreFuture<'_, Vec<SessionDeadline>> {
        Box::pin(async move { self.read(sessions::deadlines) })
    }

    fn events(
        &self,
        relying_party: RelyingPartyId,
        of: EventsOf,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, EventPage> {
        Box::pin(async move { self.read(|layers| events::page(layers, &relying_party, of, after, limit)) })
    }

    fn remove(&self, sessions: Vec<(SessionId, u64)>) -> StoreFuture<'_, usize> {
        Box::pin(async move {
            let mut removed = 0;
            for sessions in sessions.chunks(REMOVED_TOGETHER) {
                let (bytes, sessions) = (sessions.len() * 1024, sessions.to_vec());
                removed += self.submit(bytes, |answer| Work::Removal { sessions, answer }).await?;
            }
            Ok(removed)
        })
    }
}

impl Records for SledStore {
    fn record(&self, collection: Collection, key: Vec<u8>) -> StoreFuture<'_, Option<StoredRecord>> {
        Box::pin(async move { self.read(|layers| records::read(layers, collection, key)) })
    }

    fn records(
        &self,
        collection: Collection,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<StoredRecord>> {
        Box::pin(async move {
            self.read(|layers| records::list(layers, collection, &prefix, after.as_deref(), limit))
        })
    }

    fn change(&self, changes: Vec<RecordChange>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            records::check_keys(&changes)?;
            let counts = failpoint::counts(&changes);
            if counts {
                failpoint::pass(Failpoint::CommitBefore);
            }
            self.submit(records::weight(&changes), |answer| Work::Records { changes, answer }).await?;
            if counts {
                failpoint::pass(Failpoint::CommitAfter);
            }
            Ok(())
        })
    }
}

/// What all clones of a store have in common; dropped with the last of them.
struct Inner {
    shared: Arc<Shared>,
    /// Locked only to take the handle out.
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Inner {
    fn close(&self) {
        self.shared.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("store writer panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the writer and the readers have in common.
struct Shared {
    view: View,
    queue: Queue<Work>,
    /// Sessions that have not ended, as of their last commit in this process: it spares readers the parsing, and shares
    /// the record with those who hold it. Only the writer changes it, after the sync; a reader who finds nothing here
    /// looks into the tree and puts nothing in, so an old state can never overwrite a newer one.
    live: DashMap<SessionId, StoredSession>,
    figures: Counters,
    failure: OnceLock<String>,
}

impl Shared {
    /// Takes over what is on disk now. Removed sessions have ended before, so they are not among the live.
    fn remember(&self, stored: &[StoredSession]) {
        for session in stored {
            if session.record.is_final() {
                self.live.remove(&session.record.id);
            } else {
                self.live.insert(session.record.id, session.clone());
            }
        }
    }
}

#[derive(Default)]
struct Counters {
    commits: AtomicU64,
    batches: AtomicU64,
    sync_nanoseconds: AtomicU64,
}

fn open_tree(path: &Path) -> Result<sled::Db, StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        StoreError::Unavailable(format!("the data directory {} cannot be made: {error}", path.display()))
    })?;
    // Without sled's own flusher: nothing but the writer writes.
    let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let begun = Instant::now();
    loop {
        let error = match config.clone().open() {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        // sled has no error of its own for this.
        if !error.to_string().contains("could not acquire lock") {
            return Err(match error {
                sled::Error::Io(error) => StoreError::Unavailable(format!(
                    "the data directory {} cannot be opened: {error}",
                    path.display()
                )),
                other => StoreError::Corrupt(format!(
                    "the data directory {} holds no store: {other}",
                    path.display()
                )),
            });
        }
        if begun.elapsed() > LOCK_PATIENCE {
            return Err(StoreError::Unavailable(format!(
                "the data directory {} is in use by another process: stop that process or name another directory",
                path.display()
            )));
        }
        thread::sleep(LOCK_PATIENCE / 40);
    }
}

/// Marks a new store with the number of its format and refuses one of another.
fn check_format<D: Durability>(db: &sled::Db, durability: &mut D) -> Result<(), StoreError> {
    let expected = keys::FORMAT_NUMBER.to_be_bytes();
    match db.get(keys::FORMAT).map_err(overlay::unreadable)? {
        Some(found) if *found == expected => Ok(()),
        Some(found) => Err(StoreError::Corrupt(format!(
            "the data directory has format {found:?}, this version reads {expected:?}: use the version that wrote it"
        ))),
        None if db.is_empty() => {
            let mut batch = sled::Batch::default();
            batch.insert(keys::FORMAT, &expected);
            durability
                .apply(db, batch)
                .and_then(|()| durability.flush(db))
                .and_then(|()| durability.sync())
                .map_err(StoreError::Unavailable)
        }
        None => {
            Err(StoreError::Corrupt("the data directory holds something else than this store".to_owned()))
        }
    }
}
