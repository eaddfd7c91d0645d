//! What came of the checks of a seal signature.

use std::fmt;

use const_oid::ObjectIdentifier;

use super::Error;
use crate::x509::chain::ChainError;

/// The checks of a seal signature, in the order in which they are made and reported
/// (GB/T 38540-2020 clause 7.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Check {
    /// Signature and seal are well-formed.
    Format,
    /// No critical extension that the verifier doesn't know.
    CriticalExtensions,
    /// The signer's signature over TBS_Sign.
    SignerSignature,
    /// The signer's certificate at the signing time: chain, validity, usage.
    SignerCertificate,
    /// The signer's certificate at the signing time: not revoked.
    SignerStatus,
    /// The maker's signature over SES_SealInfo.
    MakerSignature,
    /// The maker's certificate when the seal was made: chain, validity, usage.
    MakerCertificate,
    /// The maker's certificate when the seal was made: not revoked.
    MakerStatus,
    /// The signer is among those who may use the seal.
    SignerListed,
    /// The signing time lies in the seal's validity.
    SealValidity,
    /// The digest in the signature is the document's.
    DataHash,
}

/// One check and what came of it.
#[derive(Debug)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Debug)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// The policy doesn't ask for it.
    NotRequested,
    /// It doesn't hold.
    Failed(Failure),
}

/// Why a check doesn't hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The bytes are no seal signature.
    #[error("the seal signature can't be read: {0}")]
    Format(#[source] Error),
    /// A critical extension that the policy doesn't list as understood.
    #[error("critical extension {0} is not understood")]
    CriticalExtension(ObjectIdentifier),
    /// The signer's signature is wrong.
    #[error("the signer's signature does not verify: what was signed was altered, or another key signed")]
    SignerSignature,
    /// The signer's certificate isn't trusted for signing at the signing time.
    #[error("the signer's certificate is not accepted at the signing time: {0}")]
    SignerCertificate(#[source] ChainError),
    /// The signer's certificate was revoked before the signing time.
    #[error("the signer's certificate was revoked at {revoked_at} (Unix seconds)")]
    SignerRevoked {
        /// When, in Unix seconds.
        revoked_at: i64,
    },
    /// Nobody knows the signer's certificate's status.
    #[error("the status of the signer's certificate at the signing time is unknown")]
    SignerStatusUnknown,
    /// The maker's signature is wrong.
    #[error("the seal maker's signature does not verify: the seal was altered, or another key signed it")]
    MakerSignature,
    /// The maker's certificate wasn't trusted for signing when the seal was made.
    #[error("the seal maker's certificate is not accepted at the time the seal was made: {0}")]
    MakerCertificate(#[source] ChainError),
    /// The maker's certificate was revoked before the seal was made.
    #[error("the seal maker's certificate was revoked at {revoked_at} (Unix seconds)")]
    MakerRevoked {
        /// When, in Unix seconds.
        revoked_at: i64,
    },
    /// Nobody knows the maker's certificate's status.
    #[error("the status of the seal maker's certificate at the time the seal was made is unknown")]
    MakerStatusUnknown,
    /// The signer may not use this seal.
    #[error("the signer's certificate is not in the seal's list of those who may use it")]
    SignerNotListed,
    /// The signing time lies before the seal's validity.
    #[error("sealed at {time}, before the seal's validity begins at {valid_from} (Unix seconds)")]
    SealNotYetValid {
        /// The signing time, in Unix seconds.
        time: i64,
        /// The first second of the validity.
        valid_from: i64,
    },
    /// The signing time lies after the seal's validity.
    #[error("sealed at {time}, after the seal's validity ended at {valid_until} (Unix seconds)")]
    SealExpired {
        /// The signing time, in Unix seconds.
        time: i64,
        /// The last second of the validity.
        valid_until: i64,
    },
    /// The signature is for another document.
    #[error("the digest in the signature is not the document's: another document, or an altered one")]
    DataHash,
}

/// The results of all checks.
#[derive(Debug)]
pub struct SealReport {
    /// One result per check, in order. If the bytes can't be read, [`Check::Format`] alone.
    pub results: Vec<CheckResult>,
}

impl SealReport {
    /// Whether every check that was asked for holds.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that don't hold.
    pub fn failures(&self) -> impl Iterator<Item = (Check, &Failure)> {
        self.results.iter().filter_map(|result| match &result.outcome {
            Outcome::Failed(failure) => Some((result.check, failure)),
            Outcome::Passed | Outcome::NotRequested => None,
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "format",
            Self::CriticalExtensions => "critical extensions",
            Self::SignerSignature => "signer's signature",
            Self::SignerCertificate => "signer's certificate",
            Self::SignerStatus => "signer's certificate status",
            Self::MakerSignature => "seal maker's signature",
            Self::MakerCertificate => "seal maker's certificate",
            Self::MakerStatus => "seal maker's certificate status",
            Self::SignerListed => "signer may use the seal",
            Self::SealValidity => "seal's validity",
            Self::DataHash => "document's digest",
        })
    }
}
