//! Where the records of the lifecycle lie, and by what they are found.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use yinqiao_lifecycle::{AuditNote, Job};

use super::{Aggregate, Index, IndexEntry};
use crate::store::Collection;

impl Aggregate for Job {
    const COLLECTION: Collection = Collection::Job;

    fn key(&self) -> Vec<u8> {
        self.kind.name().into_bytes()
    }
}

/// A note of the audit log as it is stored.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AuditRecord {
    /// Its own name.
    pub id: Uuid,
    /// What was done.
    #[serde(flatten)]
    pub note: AuditNote,
}

impl Aggregate for AuditRecord {
    const COLLECTION: Collection = Collection::Audit;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::falling(Index::AuditByTime, &[], self.note.at),
            IndexEntry::falling(Index::AuditBySubject, self.note.subject.as_bytes(), self.note.at),
        ]
    }
}
