//! A recovery as it is stored and found.

use serde::{Deserialize, Serialize};

use yinqiao_lifecycle::recovery::{Recovery, RecoveryState};
use yinqiao_protocol::{Base64, RecoveryId, Sm3Hex, UserId};

use crate::records::{Aggregate, Index, IndexEntry, IndexPrefix, Repository};
use crate::store::{Collection, StoreError};

/// A request for a key, stored under its id.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RecoveryRecord {
    /// What is decided on.
    pub recovery: Recovery,
    /// PKCS#10, DER, of the key that the CA envelopes the recovered one for.
    pub certificate_request: Base64,
    /// The holder's name in the certificate.
    pub holder_name: String,
    /// The certificate whose key is wanted, DER.
    pub encryption_certificate: Base64,
}

impl RecoveryRecord {
    /// The same request, got further.
    #[must_use]
    pub fn got_to(&self, recovery: Recovery) -> Self {
        Self { recovery, ..self.clone() }
    }
}

impl Aggregate for RecoveryRecord {
    const COLLECTION: Collection = Collection::Recovery;

    fn key(&self) -> Vec<u8> {
        self.recovery.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let Recovery { certificate, holder, requested_at, consent_until, .. } = &self.recovery;
        let mut entries = vec![IndexEntry::falling(Index::RecoveryByUser, holder.as_bytes(), *requested_at)];
        let of_certificate = IndexEntry::plain(Index::RecoveryOpen, certificate.as_bytes());
        match self.recovery.state {
            RecoveryState::AwaitingConsent { .. } => {
                entries.push(IndexEntry::rising(Index::RecoveryOpen, &[], *consent_until));
                entries.push(of_certificate);
            }
            RecoveryState::Recovering { .. } => entries.push(of_certificate),
            _ => {}
        }
        entries
    }
}

/// The requests of one user, the newest first.
pub fn requests_of(user: UserId) -> IndexPrefix {
    IndexPrefix::new(Index::RecoveryByUser, user.as_bytes())
}

/// All that wait for consents, the most urgent first.
pub fn open_for_consent() -> IndexPrefix {
    IndexPrefix::new(Index::RecoveryOpen, &[])
}

/// The requests for a certificate's key that are not over.
///
/// # Errors
/// When the store fails.
pub async fn open_requests(
    repository: &Repository,
    certificate: &Sm3Hex,
) -> Result<Vec<RecoveryId>, StoreError> {
    let found = repository.all::<RecoveryRecord>(&open_of(certificate)).await?;
    Ok(found.into_iter().map(|found| found.value.recovery.id).collect())
}

/// Those of one certificate that are not over.
pub(super) fn open_of(certificate: &Sm3Hex) -> IndexPrefix {
    IndexPrefix::new(Index::RecoveryOpen, certificate.as_bytes())
}
