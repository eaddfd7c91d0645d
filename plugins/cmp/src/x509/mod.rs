//! Requests and names of CAs whose algorithms may be other than SM2; certificates, revocation lists, keys and paths are
//! those of `yinqiao-gm`.

pub(crate) mod name;
mod request;
mod signature;

pub(crate) use request::CertificateRequest;
pub(crate) use signature::signature_algorithm;

/// A structure is not what it should be, or uses what this plugin does not know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum X509Error {
    /// Not DER of the structure.
    #[error("the {structure} is not valid DER: {reason}")]
    Encoding { structure: &'static str, reason: der::Error },
    /// A signature algorithm that this plugin cannot check.
    #[error(
        "the {structure} is signed with {algorithm}; SM2 with SM3, ECDSA and RSA (PKCS #1) with SHA-2 are known"
    )]
    Algorithm { structure: &'static str, algorithm: String },
    /// A signature, or the key that it is checked with.
    #[error("the signature of the {structure} does not verify: {reason}")]
    Signature { structure: &'static str, reason: String },
}

impl X509Error {
    fn encoding(structure: &'static str) -> impl FnOnce(der::Error) -> Self {
        move |reason| Self::Encoding { structure, reason }
    }
}

/// The frame of everything that is signed.
///
/// ```text
/// SEQUENCE { toBeSigned ANY, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
/// ```
#[derive(der::Sequence)]
struct Signed<'a> {
    to_be_signed: der::asn1::AnyRef<'a>,
    algorithm: spki::AlgorithmIdentifierOwned,
    signature: der::asn1::BitStringRef<'a>,
}
