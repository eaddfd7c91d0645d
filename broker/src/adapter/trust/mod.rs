//! Is a holder's certificate good now? Pure: certificates, revocation list and time come in.

mod refresh;
mod store;

use std::sync::Arc;

use yinqiao_gm::x509::chain::{self, ChainError, Usage};
use yinqiao_gm::x509::{Certificate, CertificateRevocationList};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::outcome::{CertificateStatus, Status};

pub use store::{Checked, TrustStore};

/// Why a certificate answers no session.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Revoked, or its revocation is wanted.
    #[error("the certificate of {subject} was revoked at {at}: apply for a new one")]
    Revoked {
        /// The holder's name in the certificate.
        subject: String,
        /// Since when.
        at: Timestamp,
    },
    /// Outside its validity.
    #[error("the certificate of {subject} is not valid now: renew it")]
    NotValidNow {
        /// The holder's name in the certificate.
        subject: String,
    },
    /// No path to a trusted root.
    #[error("the certificate of {subject} is not trusted: {reason}")]
    NotTrusted {
        /// The holder's name in the certificate.
        subject: String,
        /// Why not.
        reason: ChainError,
    },
    /// Its CA is not configured any more.
    #[error("certificates of the CA \"{0}\" are not accepted here: its adapter is not configured")]
    UnknownAuthority(String),
    /// Nothing fresh is known of its status.
    #[error(
        "the CA \"{authority}\" gives no fresh revocation list, so nobody can say whether the certificate is good: try again in a moment"
    )]
    StatusUnavailable {
        /// Name of the adapter.
        authority: String,
    },
}

/// A CA's certificates, told apart.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// Self-issued.
    pub roots: Vec<Certificate>,
    /// All others.
    pub intermediates: Vec<Certificate>,
}

impl Anchors {
    /// Sorts a CA's certificates.
    pub fn new(certificates: Vec<Certificate>) -> Self {
        let (roots, intermediates) = certificates.into_iter().partition(Certificate::is_self_issued);
        Self { roots, intermediates }
    }

    /// The path from the certificate's issuer up to and with the root.
    ///
    /// # Errors
    /// [`TrustError::NotValidNow`] or [`TrustError::NotTrusted`].
    pub fn path(
        &self,
        leaf: &Certificate,
        usage: Usage,
        at: Timestamp,
    ) -> Result<Vec<Certificate>, TrustError> {
        if !leaf.is_valid_at(at.seconds()) {
            return Err(TrustError::NotValidNow { subject: name_of(leaf) });
        }
        chain::verify(leaf, &self.intermediates, &self.roots, at.seconds(), usage)
            .map(|path| path.into_iter().skip(1).collect())
            .map_err(|reason| TrustError::NotTrusted { subject: name_of(leaf), reason })
    }

    /// The certificate that signed a revocation list.
    pub fn issuer_of(&self, list: &CertificateRevocationList) -> Option<&Certificate> {
        self.intermediates
            .iter()
            .chain(&self.roots)
            .find(|issuer| issuer.subject() == list.issuer() && list.verify_signature(issuer).is_ok())
    }
}

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

    /// The status of a certificate.
    ///
    /// # Errors
    /// [`TrustError::Revoked`].
    pub fn status(&self, certificate: &Certificate) -> Result<CertificateStatus, TrustError> {
        if let Some(entry) = self.list.entry(certificate.serial()) {
            return Err(TrustError::Revoked { subject: name_of(certificate), at: seconds(entry.revoked_at) });
        }
        Ok(CertificateStatus {
            status: Status::Good,
            this_update: seconds(self.list.this_update()),
            next_update: seconds(self.list.next_update()),
            fetched_at: self.fetched_at,
        })
    }
}

/// How a certificate is called in errors.
pub fn name_of(certificate: &Certificate) -> String {
    certificate.common_name().unwrap_or_else(|| format!("serial {}", certificate.serial()))
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}
