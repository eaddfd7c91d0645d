//! Why there is no path.

use const_oid::ObjectIdentifier;

use super::{MAX_PATH_LENGTH, search::MAX_SIGNATURES};

/// Why there is no path. Each names the subject of the certificate that is at fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// No intermediate or root has the issuer's name.
    #[error("no certificate of {issuer} is known, which issued that of {subject}")]
    UnknownIssuer {
        /// Whose certificate.
        subject: String,
        /// Who issued it.
        issuer: String,
    },
    /// The issuer's key does not verify the certificate.
    #[error("the signature on the certificate of {subject} is not its issuer's")]
    Signature {
        /// Whose certificate.
        subject: String,
    },
    /// Validity has not begun.
    #[error("the certificate of {subject} is valid from Unix time {not_before} on; the time is {at}")]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// First second of validity.
        not_before: i64,
        /// The time asked about.
        at: i64,
    },
    /// Validity is over.
    #[error("the certificate of {subject} expired at Unix time {not_after}; the time is {at}")]
    Expired {
        /// Whose certificate.
        subject: String,
        /// Last second of validity.
        not_after: i64,
        /// The time asked about.
        at: i64,
    },
    /// A certificate in an issuer's place is no CA's.
    #[error("{subject} issued a certificate, but is no CA by basicConstraints")]
    NotCa {
        /// Whose certificate.
        subject: String,
    },
    /// More CAs stand below one than its basicConstraints allow.
    #[error("{subject} may have {path_len} CAs below it, but has {found}")]
    PathLength {
        /// Whose certificate.
        subject: String,
        /// Its pathLenConstraint.
        path_len: u8,
        /// How many there are.
        found: usize,
    },
    /// keyUsage is missing or lacks what is needed.
    #[error("the certificate of {subject} may not be used for {needed} by its keyUsage")]
    KeyUsage {
        /// Whose certificate.
        subject: String,
        /// What it would need.
        needed: &'static str,
    },
    /// The key is meant for other purposes, or not for this one alone.
    #[error("the certificate of {subject} may not be used for {needed} by its extKeyUsage")]
    ExtendedKeyUsage {
        /// Whose certificate.
        subject: String,
        /// What it would need.
        needed: &'static str,
    },
    /// A critical extension is not understood.
    #[error("the certificate of {subject} has the critical extension {extension}, which is not understood")]
    UnknownCriticalExtension {
        /// Whose certificate.
        subject: String,
        /// The extension.
        extension: ObjectIdentifier,
    },
    /// A CA may not have given the subject this name.
    #[error("the certificate of {issuer} does not permit the name {subject} below it")]
    NameConstraints {
        /// Whose certificate.
        subject: String,
        /// Whose name constraints.
        issuer: String,
    },
    /// The search was given up.
    #[error(
        "the path from {subject} is longer than {MAX_PATH_LENGTH} certificates or takes more than \
         {MAX_SIGNATURES} signatures to find; leave out certificates that don't belong to it"
    )]
    TooComplex {
        /// Whose certificate.
        subject: String,
    },
}
