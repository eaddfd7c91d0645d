//! What can be wrong with a request, a response or a token.

use const_oid::ObjectIdentifier;

use super::{FailureInfo, StatusInfo};
use crate::x509::chain::ChainError;

/// Why a request, a response or a token could not be made, read or believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A structure, a certificate, an algorithm or a signature inside was refused.
    #[error(transparent)]
    Primitive(#[from] crate::Error),
    /// The message is hashed with what is not accepted.
    #[error("the message imprint is made with {found}; SM3, SHA-256, SHA-384 and SHA-512 are accepted")]
    ImprintHash {
        /// The hash algorithm found.
        found: ObjectIdentifier,
    },
    /// A request has an extension, and none is understood (RFC 3161, 2.4.1).
    #[error("the request has an extension, and none is understood here")]
    Extension,
    /// The authority gave no token.
    #[error("the time stamping authority gave no token: {0}")]
    Rejected(StatusInfo),
    /// The token is not a SignedData with a TSTInfo and one signer.
    #[error("the time stamp token is malformed: {0}")]
    Token(&'static str),
    /// The token stamps something else than was asked for.
    #[error("the time stamp is of another message: the imprints differ")]
    OtherImprint,
    /// The token answers another request.
    #[error("the time stamp carries another nonce than was sent, or none; it may be a replayed one")]
    Nonce,
    /// The token was made under another policy than was asked for.
    #[error("the time stamp was made under policy {found}; {wanted} was asked for")]
    Policy {
        /// The policy asked for.
        wanted: ObjectIdentifier,
        /// The token's.
        found: ObjectIdentifier,
    },
    /// The authority's certificate is neither in the token nor given.
    #[error(
        "the time stamping authority's certificate is neither in the token nor among those given; ask with certReq, or \
         add it"
    )]
    CertificateMissing,
    /// The certificate that the signature names is not the signer's.
    #[error("the time stamp names another certificate as its signer's than the one it is signed with")]
    SigningCertificate,
    /// The authority's certificate is not accepted.
    #[error("the time stamping authority's certificate is not accepted: {0}")]
    Chain(#[source] ChainError),
    /// The signature or the digest below it does not match.
    #[error("the signature on the time stamp does not verify with its authority's certificate")]
    Signature,
}

impl Error {
    /// What an authority answers to a request that it can't read or serve.
    pub fn failure(&self) -> FailureInfo {
        match self {
            Self::ImprintHash { .. } => FailureInfo::BadAlgorithm,
            Self::Extension => FailureInfo::UnacceptedExtension,
            Self::Policy { .. } => FailureInfo::UnacceptedPolicy,
            Self::Primitive(crate::Error::Algorithm { .. }) => FailureInfo::BadAlgorithm,
            Self::Primitive(_) => FailureInfo::BadDataFormat,
            _ => FailureInfo::BadRequest,
        }
    }
}
