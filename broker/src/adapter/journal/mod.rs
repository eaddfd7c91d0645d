//! The journal of operations that change something at a CA: noted before the call, so that after a time-out, a crash of
//! the worker or of the broker itself nothing is ever submitted a second time blindly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::IdempotencyKey;
use yinqiao_protocol::{Sm3Hex, Timestamp};

use crate::directory::{Table, Versioned};
use crate::store::{Collection, Records, StoreError};

mod entry;

pub use entry::{JournalEntry, Progress, Step};

/// How long a key stays used up, in seconds.
const USED_UP_SECONDS: u32 = 86_400;

/// The journal, over a store.
pub struct Journal {
    entries: Table<JournalEntry>,
    /// One lock for each key that is at work. Locked for a look and an insertion; what is in it is held across awaits.
    at_work: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

/// Why the journal does not take an operation.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The key is another operation's.
    #[error("the idempotency key {0} belongs to another operation: take a new one")]
    OtherRequest(String),
    /// No operation is noted under this key.
    #[error("no operation is open under the key {0}: `yinqiao adapter operations` lists those that are")]
    NotFound(String),
    /// It is not for people to say.
    #[error("the operation {0} is {1}: only one whose outcome nobody knows can be settled by hand")]
    NotUnknown(String, &'static str),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Journal {
    /// The journal in `records`.
    pub fn new(records: &Arc<dyn Records>) -> Self {
        Self { entries: Table::new(records, Collection::AdapterJournal), at_work: Mutex::default() }
    }

    /// Waits until nobody else works under `key`, and keeps others waiting until the guard is dropped.
    pub async fn alone(&self, key: &IdempotencyKey) -> OwnedMutexGuard<()> {
        let lock = {
            let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
            at_work.retain(|_, lock| lock.strong_count() > 0);
            let held = at_work.get(key.as_str()).and_then(Weak::upgrade);
            held.unwrap_or_else(|| {
                let lock = Arc::new(tokio::sync::Mutex::new(()));
                at_work.insert(key.as_str().to_owned(), Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }

    /// The entry of an operation; one that is new is not stored before it is noted.
    ///
    /// # Errors
    /// [`JournalError::OtherRequest`] when the key was used for something else.
    pub async fn open(
        &self,
        key: &IdempotencyKey,
        adapter: &str,
        operation: Operation,
        request_sm3: Sm3Hex,
        now: Timestamp,
    ) -> Result<Versioned<JournalEntry>, JournalError> {
        match self.entries.get(key.as_str().as_bytes()).await? {
            // One that was given up before it began knows no request.
            Some(found) if found.value.progress == Progress::Abandoned => Ok(found),
            Some(found) if found.value.is_of(adapter, operation, &request_sm3) => Ok(found),
            Some(_) => Err(JournalError::OtherRequest(key.as_str().to_owned())),
            None => Ok(Versioned {
                version: 0,
                value: JournalEntry {
                    idempotency_key: key.as_str().to_owned(),
                    adapter: adapter.to_owned(),
                    operation,
                    request_sm3,
                    progress: Progress::NotDone,
                    noted_at: now,
                },
            }),
        }
    }

    /// How far an operation is; none where it was never begun, or is forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn entry(&self, key: &IdempotencyKey) -> Result<Option<Versioned<JournalEntry>>, StoreError> {
        self.entries.get(key.as_str().as_bytes()).await
    }

    /// Whether nothing was done under this key, and nothing ever will be.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_void(&self, key: &IdempotencyKey) -> Result<bool, StoreError> {
        Ok(self.entry(key).await?.is_some_and(|found| found.value.progress == Progress::Abandoned))
    }

    /// Stores how far an operation is.
    ///
    /// # Errors
    /// When the store fails; [`StoreError::Conflict`] when someone else works under the key.
    pub async fn note(
        &self,
        entry: &mut Versioned<JournalEntry>,
        progress: Progress,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if entry.version > 0 && entry.value.progress == progress {
            return Ok(());
        }
        let value = JournalEntry { progress, noted_at: now, ..entry.value.clone() };
        self.entries.put(value.idempotency_key.as_bytes(), entry.version, &value).await?;
        *entry = Versioned { version: entry.version + 1, value };
        Ok(())
    }

    /// The result of an operation is stored where it belongs. The key stays used up for a day: a request that began
    /// before must not do it again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn conclude(&self, key: &IdempotencyKey, now: Timestamp) -> Result<(), StoreError> {
        let _alone = self.alone(key).await;
        match self.entries.get(key.as_str().as_bytes()).await? {
            Some(mut found) => self.note(&mut found, Progress::Concluded, now).await,
            None => Ok(()),
        }
    }

    /// Forgets an operation that did not do what it should, so that the same may be asked for again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, key: &IdempotencyKey) -> Result<(), StoreError> {
        let _alone = self.alone(key).await;
        match self.entries.get(key.as_str().as_bytes()).await? {
            Some(found) => self.entries.remove(key.as_str().as_bytes(), found.version).await,
            None => Ok(()),
        }
    }

    /// Removes keys that were used up so long ago that nobody asks under them any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune(&self, now: Timestamp) -> Result<(), StoreError> {
        for entry in self.entries.list(&[]).await? {
            let over = matches!(entry.progress, Progress::Abandoned | Progress::Concluded);
            if over && entry.noted_at.plus_seconds(USED_UP_SECONDS) <= now {
                let key = entry.idempotency_key.as_bytes();
                if let Some(found) = self.entries.get(key).await? {
                    self.entries.remove(key, found.version).await?;
                }
            }
        }
        Ok(())
    }

    /// Sees to it that nothing is ever done under this key, so that another CA may be asked. False when the CA may have
    /// acted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn abandon(
        &self,
        key: &IdempotencyKey,
        operation: Operation,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let _alone = self.alone(key).await;
        let mut entry = match self.entries.get(key.as_str().as_bytes()).await? {
            Some(found) => found,
            None => Versioned { version: 0, value: JournalEntry::abandoned(key, operation, now) },
        };
        match entry.value.progress {
            Progress::Abandoned | Progress::NotDone => {
                self.note(&mut entry, Progress::Abandoned, now).await?;
                Ok(true)
            }
            Progress::Submitted | Progress::Pending { .. } | Progress::Done { .. } | Progress::Concluded => {
                Ok(false)
            }
        }
    }

    /// All operations that are neither concluded nor given up, by key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unconcluded(&self) -> Result<Vec<JournalEntry>, StoreError> {
        let mut entries = self.entries.list(&[]).await?;
        entries.retain(|entry| !matches!(entry.progress, Progress::Abandoned | Progress::Concluded));
        Ok(entries)
    }
}
