//! What is changed together.

use std::collections::BTreeMap;

use uuid::Uuid;

use yinqiao_lifecycle::{AuditNote, Job, JobKind, Step};
use yinqiao_protocol::Timestamp;

use super::{Aggregate, Repository, Versioned, index_changes};
use crate::store::{Collection, RecordChange, StoreError, Write};

/// A change under way. Nothing of it is stored before it is committed, and then all of it.
pub struct Transaction<'r> {
    repository: &'r Repository,
    now: Timestamp,
    /// By where, so that each record has one change.
    changes: BTreeMap<(u8, Vec<u8>), RecordChange>,
    jobs: BTreeMap<String, Job>,
    finished: Vec<JobKind>,
    notes: Vec<AuditNote>,
    notes_of_refusal: Vec<AuditNote>,
}

impl<'r> Transaction<'r> {
    pub(super) fn begin(repository: &'r Repository) -> Self {
        Self {
            repository,
            now: repository.clock.now(),
            changes: BTreeMap::new(),
            jobs: BTreeMap::new(),
            finished: Vec::new(),
            notes: Vec::new(),
            notes_of_refusal: Vec::new(),
        }
    }

    /// When it is decided.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// For reads that the change does not rest on.
    pub fn repository(&self) -> &'r Repository {
        self.repository
    }

    /// Reads one, as it was before this transaction.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn get<T: Aggregate>(&self, key: &[u8]) -> Result<Option<Versioned<T>>, StoreError> {
        self.repository.get(key).await
    }

    /// The change rests on this record, which it does not change itself.
    pub fn rest_on<T: Aggregate>(&mut self, found: &Versioned<T>) {
        let key = found.value.key();
        self.changes.entry((T::COLLECTION as u8, key)).or_insert_with(|| found.unchanged());
    }

    /// Stores a new record, or a new state of the one that was found.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn put<T: Aggregate>(&mut self, before: Option<&Versioned<T>>, next: &T) -> Result<(), StoreError> {
        let value = serde_json::to_vec(next)
            .map_err(|error| StoreError::Corrupt(format!("{:?}: {error}", T::COLLECTION)))?;
        let key = next.key();
        self.index(before.map(|before| &before.value), Some(next));
        self.write(T::COLLECTION, key, before.map_or(0, |before| before.version), Write::Put(value));
        Ok(())
    }

    /// Removes the record that was found.
    pub fn remove<T: Aggregate>(&mut self, found: &Versioned<T>) {
        self.index(Some(&found.value), None);
        self.write(T::COLLECTION, found.value.key(), found.version, Write::Remove);
    }

    /// Stores a change of a record of another kind in the same step.
    pub fn also(&mut self, change: RecordChange) {
        self.write(change.collection, change.key, change.expected, change.write);
    }

    /// Stores what a decision gave: record, notes, jobs. The record must hold its place either way: a decision that
    /// changes nothing rests on what it read.
    ///
    /// # Errors
    /// When the record cannot be written as JSON.
    pub fn take<T: Aggregate>(
        &mut self,
        before: Option<&Versioned<T>>,
        step: Step<T>,
    ) -> Result<T, StoreError> {
        match before {
            Some(found) if !step.changed => self.rest_on(found),
            before => self.put(before, &step.next)?,
        }
        self.notes.extend(step.audit);
        for job in step.jobs {
            self.job(job);
        }
        Ok(step.next)
    }

    /// Notes something for the audit log.
    pub fn note(&mut self, note: AuditNote) {
        self.notes.push(note);
    }

    /// Notes a refusal that is worth remembering. It is stored when the decision ends in a refusal.
    pub fn note_refusal(&mut self, note: AuditNote) {
        self.notes_of_refusal.push(note);
    }

    /// Has a job done from now on. One that waits already is done when the sooner of the two is due.
    pub fn job(&mut self, job: Job) {
        self.jobs.insert(job.kind.name(), job);
    }

    /// The job's work is done, unless someone asks for it in the meantime: then the transaction is decided anew.
    pub fn finish(&mut self, kind: &JobKind) {
        self.finished.push(kind.clone());
    }

    /// Stores everything.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when something that it rests on has changed; then nothing is stored.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.add_jobs().await?;
        let notes = std::mem::take(&mut self.notes);
        self.add_notes(notes)?;
        self.store().await
    }

    /// Stores the notes of a refusal, and nothing else.
    pub(super) async fn commit_refusal(mut self) -> Result<(), StoreError> {
        self.changes.clear();
        let notes = std::mem::take(&mut self.notes_of_refusal);
        self.add_notes(notes)?;
        self.store().await
    }

    async fn store(self) -> Result<(), StoreError> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let changed: Vec<_> = self
            .changes
            .values()
            .filter(|change| change.write != Write::Keep)
            .map(|change| (change.collection, change.key.clone()))
            .collect();
        self.repository.records.change(self.changes.into_values().collect()).await?;
        for observer in &self.repository.observers {
            observer.committed(&changed);
        }
        Ok(())
    }

    async fn add_jobs(&mut self) -> Result<(), StoreError> {
        for kind in std::mem::take(&mut self.finished) {
            let name = kind.name();
            let asked_again = self.jobs.contains_key(&name);
            if let Some(found) = self.repository.get::<Job>(name.as_bytes()).await?.filter(|_| !asked_again) {
                self.remove(&found);
            }
        }
        for (name, mut job) in std::mem::take(&mut self.jobs) {
            let found = self.repository.get::<Job>(name.as_bytes()).await?;
            if let Some(found) = &found {
                job = Job { due: job.due.min(found.value.due), ..found.value.clone() };
            }
            self.put(found.as_ref(), &job)?;
        }
        Ok(())
    }

    fn add_notes(&mut self, notes: Vec<AuditNote>) -> Result<(), StoreError> {
        for note in notes {
            self.put(None, &super::aggregates::AuditRecord { id: Uuid::new_v4(), note })?;
        }
        Ok(())
    }

    fn index<T: Aggregate>(&mut self, before: Option<&T>, next: Option<&T>) {
        for change in index_changes(before, next) {
            self.write(change.collection, change.key, change.expected, change.write);
        }
    }

    fn write(&mut self, collection: Collection, key: Vec<u8>, expected: u64, write: Write) {
        let place = (collection as u8, key.clone());
        self.changes.insert(place, RecordChange { collection, key, expected, write });
    }
}
