//! What can be wrong with a message.

use std::io;

use const_oid::ObjectIdentifier;

use super::{ContentKind, PartyId};

/// Why a message could not be made, read or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes aren't the DER of the structure wanted.
    #[error(
        "the message is not valid DER of the expected structure: {0}; convert it to DER, or fetch it again if it was cut short"
    )]
    Asn1(#[from] der::Error),
    /// A well-formed structure that isn't DER in its one canonical form, or holds what isn't allowed there.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// The structure.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The content type is of another kind.
    #[error("content type {found} is not {wanted:?} of GM/T 0010 or RFC 5652")]
    ContentType {
        /// The object identifier found.
        found: ObjectIdentifier,
        /// The kind wanted.
        wanted: ContentKind,
    },
    /// A version number outside the standard and its known variants.
    #[error("{what} has version {found}, which is not supported")]
    Version {
        /// The structure.
        what: &'static str,
        /// Its version.
        found: u8,
    },
    /// The content is encrypted by something other than SM4-CBC with a 16-byte vector.
    #[error("content encryption {found} is not supported; SM4-CBC with a 16-byte vector is")]
    ContentEncryption {
        /// The object identifier found.
        found: ObjectIdentifier,
    },
    /// A recipient's key is encrypted by something other than SM2.
    #[error("key encryption {found} is not supported; SM2 public-key encryption is")]
    KeyEncryption {
        /// The object identifier found.
        found: ObjectIdentifier,
    },
    /// The time can't be written as ASN.1 time.
    #[error("the time {seconds} (Unix seconds) lies outside 1970 to 9999")]
    Time {
        /// The time given.
        seconds: i64,
    },
    /// Attributes of one arc were to be put into a message of the other.
    #[error("the signed attributes belong to the other arc; build them with the arc of the message")]
    ArcMismatch,
    /// A detached signature was wanted, and the message carries its content.
    #[error("the message carries its content; verify it as an attached signature")]
    Attached,
    /// An attached signature was wanted, and the message doesn't carry its content.
    #[error("the message does not carry its content; verify it as a detached signature, with the document")]
    Detached,
    /// No recipient was given.
    #[error("an enveloped message needs at least one recipient")]
    NoRecipients,
    /// None of the message's recipients is the one given.
    #[error(
        "the message is not addressed to this certificate; open it with the certificate and key it was encrypted for"
    )]
    NotARecipient,
    /// No wrapped key could be opened with the private key.
    #[error(
        "the private key opens none of the message's keys; after a renewal, use the key of the earlier certificate"
    )]
    WrongPrivateKey,
    /// The content key doesn't fit the content, or the content was altered.
    #[error("the content does not decrypt with this key: wrong content key, or altered content")]
    WrongContentKey,
    /// The plaintext written isn't as long as was announced.
    #[error("{announced} bytes of plaintext were announced, {written} were written")]
    PlaintextLength {
        /// Bytes announced when the writer was made.
        announced: u64,
        /// Bytes that came.
        written: u64,
    },
    /// The plaintext announced is longer than a message can hold.
    #[error("a plaintext of {announced} bytes is too long for one message")]
    TooLong {
        /// Bytes announced.
        announced: u64,
    },
    /// A key, certificate, cipher or signature inside was refused.
    #[error(transparent)]
    Primitive(#[from] crate::error::Error),
    /// Reading or writing failed.
    #[error("reading or writing the message failed: {0}")]
    Io(#[from] io::Error),
}

/// Why one signer's signature doesn't count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// Neither the message nor the caller has the signer's certificate.
    #[error("the signer's certificate ({0}) is neither in the message nor among those given")]
    CertificateMissing(PartyId),
    /// The digest isn't SM3.
    #[error("digest algorithm {0} is not SM3")]
    DigestAlgorithm(ObjectIdentifier),
    /// The signature algorithm isn't SM2.
    #[error("signature algorithm {0} is not SM2 with SM3")]
    SignatureAlgorithm(ObjectIdentifier),
    /// A required signed attribute is missing, doubled or malformed, or their order isn't DER's.
    #[error("the signed attributes are malformed: {0}")]
    SignedAttributes(&'static str),
    /// The content type attribute contradicts the message.
    #[error("the content type among the signed attributes is not the message's")]
    ContentType,
    /// The digest among the signed attributes isn't the content's.
    #[error(
        "the message digest among the signed attributes is not the content's: another document, or an altered one"
    )]
    MessageDigest,
    /// There are no signed attributes, so the signature is over the content itself.
    #[error("this signature is over the content itself; the content is needed, its digest does not suffice")]
    ContentNeeded,
    /// The signature isn't the DER of an SM2 signature.
    #[error("the signature value is not a DER SM2Signature")]
    SignatureFormat,
    /// The signature doesn't verify with the signer's key.
    #[error("the signature does not verify with the signer's certificate")]
    Signature,
    /// The certificate's chain, validity or usage doesn't hold.
    #[error("the signer's certificate is not accepted: {0}")]
    Chain(#[source] crate::x509::chain::ChainError),
}
