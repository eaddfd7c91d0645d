//! Applications for seals.

use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::seal::{SealApplication, SealApplicationState};

use super::{Aggregate, Index, IndexEntry, IndexPrefix};
use crate::store::Collection;

impl Aggregate for SealApplication {
    const COLLECTION: Collection = Collection::SealApplication;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let state: &[u8] = match self.state {
            SealApplicationState::UnderReview => b"under_review",
            SealApplicationState::Made { .. } => b"made",
            SealApplicationState::Rejected { .. } => b"rejected",
            SealApplicationState::Cancelled { .. } => b"cancelled",
        };
        let enterprise = self.enterprise.as_str().as_bytes();
        vec![
            IndexEntry::falling(Index::SealApplicationByEnterprise, enterprise, self.applied_at),
            IndexEntry::falling(Index::SealApplicationByState, state, self.applied_at),
        ]
    }
}

/// A company's applications for seals, the newest first.
pub fn seal_applications_of(enterprise: &CreditCode) -> IndexPrefix {
    IndexPrefix::new(Index::SealApplicationByEnterprise, enterprise.as_str().as_bytes())
}
