//! What a decision gives.

use crate::audit::AuditNote;
use crate::job::Job;

/// A record as it will be, with what has to be stored along with it in one transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step<T> {
    /// The record.
    pub next: T,
    /// Whether it differs from the one before: a repeated command that took effect already changes nothing.
    pub changed: bool,
    /// For the audit log.
    pub audit: Vec<AuditNote>,
    /// Work that has to be done from now on. A job that is there already stays as it is.
    pub jobs: Vec<Job>,
}

impl<T> Step<T> {
    /// A change with its note.
    #[must_use]
    pub fn change(next: T, note: AuditNote) -> Self {
        Self { next, changed: true, audit: vec![note], jobs: Vec::new() }
    }

    /// Nothing to do: it is so already.
    #[must_use]
    pub fn unchanged(record: T) -> Self {
        Self { next: record, changed: false, audit: Vec::new(), jobs: Vec::new() }
    }

    /// With work to do.
    #[must_use]
    pub fn with_job(mut self, job: Job) -> Self {
        self.jobs.push(job);
        self
    }

    /// With one more note.
    #[must_use]
    pub fn with_note(mut self, note: AuditNote) -> Self {
        self.audit.push(note);
        self
    }

    /// The same step of something made from the record.
    #[must_use]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Step<U> {
        Step { next: make(self.next), changed: self.changed, audit: self.audit, jobs: self.jobs }
    }
}
