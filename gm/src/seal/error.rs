//! What can be wrong with a seal or a seal signature when it is made or read.

use const_oid::ObjectIdentifier;

/// Why a seal or seal signature could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes aren't the DER of the structure wanted.
    #[error("not valid DER of the expected structure: {0}; fetch it again if it was cut short")]
    Asn1(#[from] der::Error),
    /// A structure whose fields contradict the standard.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// The structure.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A version outside the three known ones, or one that contradicts the structure.
    #[error("{what} has version {found}, which does not fit its structure")]
    Version {
        /// The structure.
        what: &'static str,
        /// The version found.
        found: u32,
    },
    /// The signature algorithm isn't SM2 with SM3.
    #[error("{what} names signature algorithm {found}, which is not SM2 with SM3")]
    SignatureAlgorithm {
        /// The structure.
        what: &'static str,
        /// The object identifier found.
        found: ObjectIdentifier,
    },
    /// A seal or seal signature of this version is read, never made.
    #[error(
        "a seal of version {found} can't be used for new signatures; have the seal made anew in version 4"
    )]
    OldSeal {
        /// The seal's version.
        found: u32,
    },
    /// The time can't be written as GeneralizedTime.
    #[error("the time {seconds} (Unix seconds) lies outside 1970 to 9999")]
    Time {
        /// The time given.
        seconds: i64,
    },
    /// A key, certificate or signature inside was refused.
    #[error(transparent)]
    Primitive(#[from] crate::error::Error),
}
