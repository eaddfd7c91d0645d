//! What can be wrong with a key, a message or a structure.
//!
//! A text names the structure and the fault, never a byte of a key or of a plaintext.

use const_oid::ObjectIdentifier;
use der::Encode;

/// Why an operation of this crate was refused.
///
/// The path check of certificates has its own type, [`ChainError`](crate::x509::chain::ChainError).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes are not the DER of the structure: wrong tag or length, something missing, or bytes after the end.
    #[error("{structure} is not valid DER: {source}")]
    Encoding {
        /// The ASN.1 type, as the standard names it.
        structure: &'static str,
        /// Where decoding stopped and why.
        source: der::Error,
    },
    /// Bytes decode, but the one DER encoding of what they say is another (BER, or an omitted default written out).
    #[error("{structure} is not DER: encoding it anew gives other bytes")]
    NotCanonical {
        /// The ASN.1 type.
        structure: &'static str,
    },
    /// Text is not the PEM of the structure.
    #[error("{structure} is not valid PEM: {reason}")]
    Pem {
        /// The ASN.1 type.
        structure: &'static str,
        /// What is wrong with the text.
        reason: String,
    },
    /// A fixed-size value has another size.
    #[error("{structure} has {found} bytes; expected {expected}")]
    Length {
        /// What was read.
        structure: &'static str,
        /// The sizes it may have.
        expected: &'static str,
        /// The size it had.
        found: usize,
    },
    /// A field has a value that the structure's standard does not allow there.
    #[error("{structure}: {reason}")]
    Invalid {
        /// The ASN.1 type.
        structure: &'static str,
        /// The field and what it may be.
        reason: &'static str,
    },
    /// An algorithm identifier names something else than what belongs there.
    #[error("{structure} names algorithm {found}; expected {expected}")]
    Algorithm {
        /// The structure whose algorithm it is.
        structure: &'static str,
        /// Name and identifier of what would be accepted.
        expected: &'static str,
        /// The identifier found.
        found: ObjectIdentifier,
    },
    /// Something is signed with a hash that is no longer safe.
    #[error("{structure} is signed with {algorithm}, which is not accepted; its issuer must sign it anew")]
    WeakAlgorithm {
        /// What is signed.
        structure: &'static str,
        /// The algorithm's name.
        algorithm: &'static str,
    },
    /// A signature was made with an algorithm that the key beside it doesn't have.
    #[error("a signature with {algorithm} can't be verified with a key of {key}")]
    KeyAlgorithm {
        /// What the key is.
        key: String,
        /// What the signature claims.
        algorithm: String,
    },
    /// A public or private key is on another curve than SM2's, or names no curve.
    #[error("{structure} is not on the SM2 curve 1.2.156.10197.1.301")]
    Curve {
        /// The structure that holds the key.
        structure: &'static str,
    },
    /// Coordinates do not satisfy the curve's equation, exceed the field, or are the point at infinity.
    #[error("{structure} holds no point of the SM2 curve")]
    Point {
        /// The structure that holds the point.
        structure: &'static str,
    },
    /// A number is not in its range: r and s in 1..=n-1, a private key in 1..=n-2.
    #[error("{name} is out of range for the SM2 curve's order")]
    Scalar {
        /// Which number.
        name: &'static str,
    },
    /// The signer's ID is longer than its 16-bit length in bits can say.
    #[error("the signer's ID has {length} bytes; at most 8191 fit its length field")]
    SignerId {
        /// The ID's length in bytes.
        length: usize,
    },
    /// The signature is not one of this message by this key under this signer's ID.
    #[error("the signature does not match the message, the public key and, with SM2, the signer's ID")]
    Signature,
    /// SM2 encrypts at least one byte (GB/T 32918.4: the key stream must not be all zeros).
    #[error("SM2 cannot encrypt an empty message")]
    EmptyMessage,
    /// An SM2 ciphertext does not open with this private key, or was changed.
    #[error("the SM2 ciphertext does not open with this private key, or was changed")]
    Decryption,
    /// CBC plaintext does not end in PKCS#7 padding: wrong key, wrong IV, or changed ciphertext.
    #[error("SM4-CBC decryption failed: wrong key or IV, or the ciphertext was changed or cut")]
    Padding,
    /// The GCM tag does not match: wrong key, nonce or associated data, or changed ciphertext.
    #[error(
        "SM4-GCM authentication failed: wrong key, nonce or associated data, or the ciphertext was changed"
    )]
    Authentication,
    /// A private key does not belong to the public key beside it.
    #[error("{structure}: the private key does not belong to its public key")]
    KeyMismatch {
        /// The structure that holds both.
        structure: &'static str,
    },
    /// An encrypted private key does not open.
    #[error(
        "the private key does not open with this passphrase: another passphrase, or the file was changed"
    )]
    Passphrase,
    /// The operating system gave no randomness.
    #[error("the operating system's random number generator failed: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl Error {
    /// For `map_err` behind a decoding or encoding of `structure`.
    pub(crate) fn encoding(structure: &'static str) -> impl FnOnce(der::Error) -> Self {
        move |source| Self::Encoding { structure, source }
    }

    /// For `map_err` behind reading PEM of `structure`.
    pub(crate) fn pem<E: std::fmt::Display>(structure: &'static str) -> impl FnOnce(E) -> Self {
        move |reason| Self::Pem { structure, reason: reason.to_string() }
    }
}

/// Accepts `value` only when its DER encoding is exactly `input`.
pub(crate) fn require_canonical(
    structure: &'static str,
    value: &impl Encode,
    input: &[u8],
) -> Result<(), Error> {
    let again = value.to_der().map_err(Error::encoding(structure))?;
    if again == input { Ok(()) } else { Err(Error::NotCanonical { structure }) }
}
