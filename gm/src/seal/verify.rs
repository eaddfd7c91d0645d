//! Verifying a seal signature completely.

use std::fmt;

use const_oid::ObjectIdentifier;

use super::{Check, CheckResult, Error, Failure, Outcome, SealReport, SesSignature};
use crate::sm3;
use crate::x509::Certificate;
use crate::x509::chain::{self, Usage};

/// Gives a certificate's status at a time in Unix seconds, from a CRL, OCSP or a CA's adapter.
pub type StatusCallback<'a> = &'a dyn Fn(&Certificate, i64) -> CertificateStatus;

/// What a verifier trusts and wants to know.
#[derive(Clone, Copy)]
pub struct VerifyPolicy<'a> {
    /// The roots to which the signer's and the seal maker's certificates must chain.
    pub roots: &'a [Certificate],
    /// Certificates that may stand between.
    pub intermediates: &'a [Certificate],
    /// Where a certificate's status comes from; `None` leaves status out and the report says so.
    pub status: Option<StatusCallback<'a>>,
    /// Critical extensions that the caller reads and heeds.
    pub understood_extensions: &'a [ObjectIdentifier],
}

/// A certificate's status at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateStatus {
    /// Not revoked at that time.
    Good,
    /// Revoked at or before that time.
    Revoked {
        /// When, in Unix seconds.
        revoked_at: i64,
    },
    /// Nobody could say.
    Unknown,
}

/// Makes every check of a seal signature over the document whose digest is `data_hash`. All are
/// made, also after one fails.
///
/// The signer's certificate is judged at the signing time in the signature (timeInfo), the maker's
/// at the time the seal was made (createDate). Both times are what their signers say: only a
/// timestamp could prove them, and it isn't looked at here.
#[must_use]
pub fn verify_signature(
    signature: &SesSignature,
    data_hash: &sm3::Digest,
    policy: &VerifyPolicy<'_>,
) -> SealReport {
    let seal = signature.seal();
    let time = signature.time();
    let results = [
        (Check::Format, Outcome::Passed),
        (Check::CriticalExtensions, critical_extensions(signature, policy)),
        (
            Check::SignerSignature,
            outcome(signature.verify_signer_signature().map_err(|_| Failure::SignerSignature)),
        ),
        (
            Check::SignerCertificate,
            outcome(policy.chain(signature.signer(), time).map_err(Failure::SignerCertificate)),
        ),
        (Check::SignerStatus, signer_status(policy.status_of(signature.signer(), time))),
        (Check::MakerSignature, outcome(seal.verify_maker_signature().map_err(|_| Failure::MakerSignature))),
        (
            Check::MakerCertificate,
            outcome(policy.chain(seal.maker(), seal.created()).map_err(Failure::MakerCertificate)),
        ),
        (Check::MakerStatus, maker_status(policy.status_of(seal.maker(), seal.created()))),
        (
            Check::SignerListed,
            outcome(
                seal.signers().contains(signature.signer()).then_some(()).ok_or(Failure::SignerNotListed),
            ),
        ),
        (Check::SealValidity, outcome(seal_validity(signature))),
        (
            Check::DataHash,
            outcome((signature.data_hash() == data_hash).then_some(()).ok_or(Failure::DataHash)),
        ),
    ];
    SealReport {
        results: results.into_iter().map(|(check, outcome)| CheckResult { check, outcome }).collect(),
    }
}

/// As [`verify_signature`], from bytes. Bytes that can't be read give a report of one failed check,
/// [`Check::Format`].
#[must_use]
pub fn verify_der(der: &[u8], data_hash: &sm3::Digest, policy: &VerifyPolicy<'_>) -> SealReport {
    match SesSignature::from_der(der) {
        Ok(signature) => verify_signature(&signature, data_hash, policy),
        Err(error) => unreadable(error),
    }
}

impl VerifyPolicy<'_> {
    fn chain(&self, certificate: &Certificate, at: i64) -> Result<(), chain::ChainError> {
        chain::verify(certificate, self.intermediates, self.roots, at, Usage::Signing).map(|_| ())
    }

    fn status_of(&self, certificate: &Certificate, at: i64) -> Option<CertificateStatus> {
        self.status.map(|status| status(certificate, at))
    }
}

impl fmt::Debug for VerifyPolicy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyPolicy")
            .field("roots", &self.roots.len())
            .field("intermediates", &self.intermediates.len())
            .field("status", &self.status.is_some())
            .field("understood_extensions", &self.understood_extensions)
            .finish()
    }
}

fn critical_extensions(signature: &SesSignature, policy: &VerifyPolicy<'_>) -> Outcome {
    let unknown = signature
        .seal()
        .extensions()
        .iter()
        .chain(signature.extensions())
        .find(|extension| extension.critical && !policy.understood_extensions.contains(&extension.id));
    match unknown {
        Some(extension) => Outcome::Failed(Failure::CriticalExtension(extension.id)),
        None => Outcome::Passed,
    }
}

fn signer_status(status: Option<CertificateStatus>) -> Outcome {
    match status {
        None => Outcome::NotRequested,
        Some(CertificateStatus::Good) => Outcome::Passed,
        Some(CertificateStatus::Revoked { revoked_at }) => {
            Outcome::Failed(Failure::SignerRevoked { revoked_at })
        }
        Some(CertificateStatus::Unknown) => Outcome::Failed(Failure::SignerStatusUnknown),
    }
}

fn maker_status(status: Option<CertificateStatus>) -> Outcome {
    match status {
        None => Outcome::NotRequested,
        Some(CertificateStatus::Good) => Outcome::Passed,
        Some(CertificateStatus::Revoked { revoked_at }) => {
            Outcome::Failed(Failure::MakerRevoked { revoked_at })
        }
        Some(CertificateStatus::Unknown) => Outcome::Failed(Failure::MakerStatusUnknown),
    }
}

fn seal_validity(signature: &SesSignature) -> Result<(), Failure> {
    let (seal, time) = (signature.seal(), signature.time());
    if time < seal.valid_from() {
        Err(Failure::SealNotYetValid { time, valid_from: seal.valid_from() })
    } else if time > seal.valid_until() {
        Err(Failure::SealExpired { time, valid_until: seal.valid_until() })
    } else {
        Ok(())
    }
}

fn outcome(result: Result<(), Failure>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed,
        Err(failure) => Outcome::Failed(failure),
    }
}

fn unreadable(error: Error) -> SealReport {
    let outcome = Outcome::Failed(Failure::Format(error));
    SealReport { results: vec![CheckResult { check: Check::Format, outcome }] }
}
