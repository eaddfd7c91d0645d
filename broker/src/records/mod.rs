//! Aggregates in a store: read whole, found by indexes, changed together with their index entries, the notes for the
//! audit log, the jobs that follow and the answer to the request, in one step or not at all.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use yinqiao_lifecycle::Step;
use yinqiao_protocol::Timestamp;

use crate::clock::Clock;
use crate::store::{Collection, RecordChange, Records, StoreError, StoredRecord, Write};

pub mod aggregates;
mod answer;
pub mod companies;
mod index;
mod page;
mod retention;
pub mod seals;
mod transaction;
pub mod users;

pub use crate::directory::Versioned;
pub use answer::IdempotentAnswer;
pub use index::{Index, IndexEntry, IndexPrefix, index_changes};
pub use page::{Cursor, MalformedCursor, Page};
pub use transaction::Transaction;

/// How often a change is decided anew when another one comes in between.
const MOST_ATTEMPTS: u32 = 32;

/// One record that is read, decided on and stored whole.
pub trait Aggregate: Clone + Serialize + DeserializeOwned {
    /// Where it lies.
    const COLLECTION: Collection;

    /// Its name in the collection.
    fn key(&self) -> Vec<u8>;

    /// By what else it is found.
    fn index_entries(&self) -> Vec<IndexEntry> {
        Vec::new()
    }
}

impl<T: Aggregate> Versioned<T> {
    /// A condition: the record is still as it was read.
    pub fn unchanged(&self) -> RecordChange {
        RecordChange {
            collection: T::COLLECTION,
            key: self.value.key(),
            expected: self.version,
            write: Write::Keep,
        }
    }
}

/// Hears of each change that is on disk.
pub trait Observer: Send + Sync {
    /// These records were changed. Must not block.
    fn committed(&self, changed: &[(Collection, Vec<u8>)]);
}

/// All aggregates of a store.
#[derive(Clone)]
pub struct Repository {
    records: Arc<dyn Records>,
    clock: Clock,
    observers: Vec<Arc<dyn Observer>>,
}

impl Repository {
    /// Over a store, with a clock for what is decided.
    pub fn new(records: Arc<dyn Records>, clock: Clock) -> Self {
        Self { records, clock, observers: Vec::new() }
    }

    /// With one more that hears of changes.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// The clock by which is decided.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Reads one.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn get<T: Aggregate>(&self, key: &[u8]) -> Result<Option<Versioned<T>>, StoreError> {
        let stored = self.records.record(T::COLLECTION, key.to_vec()).await?;
        stored.as_ref().map(parse).transpose()
    }

    /// Reads those that an index has under a value, in its order, after the cursor.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn page<T: Aggregate>(
        &self,
        prefix: &IndexPrefix,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Versioned<T>>, StoreError> {
        let from = after.map(|cursor| prefix.key_at(cursor));
        // One more than asked for tells whether there are more.
        let mut entries = self
            .records
            .records(Collection::Index, prefix.bytes().to_vec(), from, limit.saturating_add(1))
            .await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| prefix.cursor_of(&entry.key));
        let mut items = Vec::with_capacity(entries.len());
        for entry in &entries {
            // An entry and its record change together; one that is gone was removed while this page was read.
            if let Some(found) = self.get(prefix.target_of(&entry.key)).await? {
                items.push(found);
            }
        }
        Ok(Page { items, next })
    }

    /// Reads all that an index has under a value.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn all<T: Aggregate>(&self, prefix: &IndexPrefix) -> Result<Vec<Versioned<T>>, StoreError> {
        const PAGE: usize = 500;
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(prefix, after.as_ref(), PAGE).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Reads the records of a collection page by page in the order of their keys: those after `after`.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn scan<T: Aggregate>(
        &self,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<Versioned<T>>, StoreError> {
        let stored = self.records.records(T::COLLECTION, Vec::new(), after, limit).await?;
        stored.iter().map(parse).collect()
    }

    /// Decides and stores. `decide` reads, decides and puts into the transaction; it is run anew when something that it
    /// read for a change has changed before its own change was stored. What it refuses changes nothing; the notes that it
    /// left for a refusal are stored all the same.
    ///
    /// # Errors
    /// What `decide` says; [`StoreError::Conflict`] when others kept coming in between.
    pub async fn transact<T, E, F>(&self, mut decide: F) -> Result<T, E>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        for attempt in 0..MOST_ATTEMPTS {
            let mut transaction = Transaction::begin(self);
            match decide(&mut transaction).await {
                Ok(value) => match transaction.commit().await {
                    Ok(()) => return Ok(value),
                    Err(StoreError::Conflict) => pause(attempt).await,
                    Err(error) => return Err(error.into()),
                },
                Err(refusal) => {
                    transaction.commit_refusal().await?;
                    return Err(refusal);
                }
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Decides on one record, where it is there, and stores what the decision gave. Gives the record as it is then.
    ///
    /// # Errors
    /// What `decide` says, and as [`Repository::transact`].
    pub async fn decide<T, R, E>(
        &self,
        key: &[u8],
        decide: impl Fn(&T, Timestamp) -> Result<Step<T>, R>,
    ) -> Result<Option<T>, E>
    where
        T: Aggregate,
        E: From<StoreError> + From<R>,
    {
        self.transact(async |transaction| {
            let Some(found) = transaction.get::<T>(key).await? else { return Ok(None) };
            let step = decide(&found.value, transaction.now())?;
            Ok(Some(transaction.take(Some(&found), step)?))
        })
        .await
    }
}

/// The more often others came in between, the longer: up to 16 ms.
async fn pause(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1 << attempt.min(4))).await;
    }
}

fn parse<T: Aggregate>(stored: &StoredRecord) -> Result<Versioned<T>, StoreError> {
    let value = serde_json::from_slice(&stored.value)
        .map_err(|error| StoreError::Corrupt(format!("{:?}: {error}", T::COLLECTION)))?;
    Ok(Versioned { version: stored.version, value })
}

#[cfg(test)]
mod tests;
