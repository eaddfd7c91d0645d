//! A revocation list, as it was fetched.

use std::sync::Arc;

use yinqiao_gm::x509::{AnyCertificate, CertificateRevocationList};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::outcome::{CertificateStatus, Status, StatusSource};

use super::{TrustError, name_of, seconds};

/// A verified revocation list with the time it was fetched.
#[derive(Clone, Debug)]
pub struct FetchedList {
    /// Its signature is good.
    pub list: Arc<CertificateRevocationList>,
    /// When it came.
    pub fetched_at: Timestamp,
}

impl FetchedList {
    /// Whether it may still be relied on.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.seconds() < self.list.next_update()
    }

    /// When it can no longer be relied on.
    pub fn ends(&self) -> Timestamp {
        seconds(self.list.next_update())
    }

    /// Since when a certificate of the list's issuer is revoked.
    pub fn revoked_at(&self, certificate: &AnyCertificate) -> Option<Timestamp> {
        self.list.entry(certificate.serial()).map(|entry| seconds(entry.revoked_at))
    }

    /// The status of a certificate of the list's issuer.
    ///
    /// # Errors
    /// [`TrustError::Revoked`].
    pub fn status(&self, certificate: &AnyCertificate) -> Result<CertificateStatus, TrustError> {
        if let Some(at) = self.revoked_at(certificate) {
            return Err(TrustError::Revoked { subject: name_of(certificate), at });
        }
        Ok(CertificateStatus {
            status: Status::Good,
            source: StatusSource::Crl,
            this_update: seconds(self.list.this_update()),
            next_update: seconds(self.list.next_update()),
            fetched_at: self.fetched_at,
        })
    }
}
