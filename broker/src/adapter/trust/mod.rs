//! Is a holder's certificate good now? Anchors, cross certificates and paths, revocation lists, OCSP answers, and what is
//! decided where nobody knows.
//!
//! ```text
//! check ── path ──────▶ anchors (of the adapter, of the operator's files)
//!   └──── status ─────▶ list (by the adapter, by URL) · ocsp (by the adapter, by URL) ──▶ policy
//! ```

use yinqiao_gm::x509::chain::ChainError;
use yinqiao_gm::x509::{AnyCertificate, RevocationReason, RevokedEntry};
use yinqiao_protocol::Timestamp;

mod anchors;
mod check;
mod fetch;
mod list;
mod ocsp;
mod refresh;
mod store;
#[cfg(test)]
mod tests;

pub use anchors::{Anchors, AnchorsError};
pub use check::Checked;
pub use fetch::FetchError;
pub use list::FetchedList;
pub use store::TrustStore;

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
        /// Why, where it is known.
        reason: RevocationReason,
    },
    /// Suspended, or its suspension is wanted.
    #[error(
        "the certificate of {subject} is suspended since {at}: whoever suspended it can resume it, and the trading centre"
    )]
    Held {
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
    /// A CA in its path was revoked.
    #[error("the certificate of {subject} is not trusted: that of its issuer {issuer} was revoked at {at}")]
    IssuerRevoked {
        /// The holder's name in the certificate.
        subject: String,
        /// The CA's.
        issuer: String,
        /// Since when.
        at: Timestamp,
    },
    /// Its CA is not configured any more.
    #[error(
        "certificates of the CA \"{0}\" are not accepted here: its adapter is not configured, or disabled"
    )]
    UnknownAuthority(String),
    /// Nothing fresh is known of its status.
    #[error(
        "the CA \"{authority}\" gives no fresh status, so nobody can say whether the certificate is good: try again in a moment"
    )]
    StatusUnavailable {
        /// Name of the adapter.
        authority: String,
    },
    /// Nothing fresh is known of the status of a CA in its path.
    #[error(
        "nobody gives a fresh status of the CA certificate of {issuer}, which the certificates of \"{authority}\" lead over: try again in a \
         moment; whoever runs the broker finds in `adapter.trust` (fetch_by_url, issuers) what is asked for"
    )]
    IssuerStatusUnavailable {
        /// Name of the adapter.
        authority: String,
        /// The CA's name in its certificate.
        issuer: String,
    },
}

impl TrustError {
    /// What a revocation list or an OCSP answer has against a certificate.
    fn listed(certificate: &AnyCertificate, entry: RevokedEntry) -> Self {
        let (subject, at) = (name_of(certificate), seconds(entry.revoked_at));
        match entry.reason {
            RevocationReason::CertificateHold => Self::Held { subject, at },
            reason => Self::Revoked { subject, at, reason },
        }
    }
}

/// How a certificate is called in errors.
pub fn name_of(certificate: &AnyCertificate) -> String {
    certificate.common_name().unwrap_or_else(|| format!("serial {}", certificate.serial()))
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}
