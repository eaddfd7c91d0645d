//! What certificates, requests, revocation lists and OCSP responses have in common: bytes, and a signature over them.

use der::{
    Decode, Encode, Reader, SliceReader,
    asn1::{AnyRef, BitStringRef},
};
use spki::AlgorithmIdentifierRef;

use super::{PublicKey, SignatureAlgorithm};
use crate::{Error, oid, sm2};

/// ```text
/// SIGNED { ToBeSigned } ::= SEQUENCE {                    -- RFC 5912, PKIX1Explicit-2009
///   toBeSigned           ToBeSigned,
///   algorithmIdentifier  AlgorithmIdentifier,
///   signature            BIT STRING }
/// ```
pub(super) struct Signed<'a> {
    /// The DER of `toBeSigned`.
    pub(super) to_be_signed: &'a [u8],
    pub(super) algorithm: AlgorithmIdentifierRef<'a>,
    pub(super) signature: Signature,
}

/// A signature value and what it was made with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Signature {
    /// r and s, in range.
    Sm2(sm2::Signature),
    /// Bytes that only verifying looks into.
    Other(SignatureAlgorithm, Vec<u8>),
}

impl Signature {
    /// Reads the last two fields of a signed structure.
    pub(crate) fn new(
        structure: &'static str,
        algorithm: &AlgorithmIdentifierRef<'_>,
        value: &BitStringRef<'_>,
    ) -> Result<Self, Error> {
        let algorithm = SignatureAlgorithm::from_identifier(structure, algorithm)?;
        let value = value
            .as_bytes()
            .ok_or(Error::Invalid { structure, reason: "the signature's bits must fill whole bytes" })?;
        match algorithm {
            SignatureAlgorithm::Sm2WithSm3 => sm2::Signature::from_der(value).map(Self::Sm2),
            other => Ok(Self::Other(other, value.to_vec())),
        }
    }

    pub(crate) const fn algorithm(&self) -> SignatureAlgorithm {
        match self {
            Self::Sm2(_) => SignatureAlgorithm::Sm2WithSm3,
            Self::Other(algorithm, _) => *algorithm,
        }
    }

    pub(crate) fn verify(&self, key: &PublicKey, message: &[u8]) -> Result<(), Error> {
        match (self, key) {
            (Self::Sm2(signature), PublicKey::Sm2(key)) => key.verify(message, signature),
            (Self::Other(algorithm, value), key) => key.verify(*algorithm, message, value),
            (Self::Sm2(_), other) => Err(Error::KeyAlgorithm {
                key: other.to_string(),
                algorithm: SignatureAlgorithm::Sm2WithSm3.to_string(),
            }),
        }
    }
}

impl<'a> Signed<'a> {
    /// Takes the outer structure apart and leaves `toBeSigned` to its own parser.
    pub(super) fn from_der(structure: &'static str, der: &'a [u8]) -> Result<Self, Error> {
        let decode = || {
            let mut reader = SliceReader::new(der)?;
            let parts = reader.sequence(|reader| {
                let to_be_signed = reader.tlv_bytes()?;
                let algorithm = AlgorithmIdentifierRef::decode(reader)?;
                let signature = BitStringRef::decode(reader)?;
                Ok::<_, der::Error>((to_be_signed, algorithm, signature))
            })?;
            reader.finish()?;
            Ok(parts)
        };
        let (to_be_signed, algorithm, signature) = decode().map_err(Error::encoding(structure))?;
        Ok(Self { to_be_signed, algorithm, signature: Signature::new(structure, &algorithm, &signature)? })
    }

    /// The signature, which must be SM2's.
    pub(super) fn sm2_signature(&self, structure: &'static str) -> Result<&sm2::Signature, Error> {
        match &self.signature {
            Signature::Sm2(signature) => Ok(signature),
            Signature::Other(..) => Err(Error::Algorithm {
                structure,
                expected: "SM2 with SM3 (1.2.156.10197.1.501)",
                found: self.algorithm.oid,
            }),
        }
    }
}

/// Signs `to_be_signed` and encodes the whole.
pub(crate) fn sign(
    structure: &'static str,
    to_be_signed: &[u8],
    key: &sm2::PrivateKey,
) -> Result<Vec<u8>, Error> {
    assemble(structure, to_be_signed, &key.sign(to_be_signed)?)
}

/// The whole, with a signature that was made elsewhere.
pub(crate) fn assemble(
    structure: &'static str,
    to_be_signed: &[u8],
    signature: &sm2::Signature,
) -> Result<Vec<u8>, Error> {
    let signature = signature.to_der()?;
    let encode = || {
        let tail = [sm2_with_sm3().to_der()?, BitStringRef::from_bytes(&signature)?.to_der()?].concat();
        AnyRef::new(der::Tag::Sequence, &[to_be_signed, &tail].concat())?.to_der()
    };
    encode().map_err(Error::encoding(structure))
}

/// SM2-with-SM3 as we write it: without parameters.
pub(crate) const fn sm2_with_sm3() -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef { oid: oid::SM2_WITH_SM3, parameters: None }
}

/// Reads PEM with exactly this label.
pub(super) fn decode_pem(structure: &'static str, label: &str, pem: &str) -> Result<Vec<u8>, Error> {
    let (found, der) = der::pem::decode_vec(pem.trim_end().as_bytes()).map_err(Error::pem(structure))?;
    if found != label {
        return Err(Error::Pem { structure, reason: format!("the label is {found:?}, not {label:?}") });
    }
    Ok(der)
}

/// Reads one PEM block after the other, each with this label; what stands between them is skipped.
pub(super) fn pem_blocks(structure: &'static str, label: &str, pem: &str) -> Result<Vec<Vec<u8>>, Error> {
    let end_line = format!("-----END {label}-----");
    let mut blocks = Vec::new();
    let mut rest = pem;
    while let Some(begin) = rest.find("-----BEGIN ") {
        let end = rest[begin..]
            .find(&end_line)
            .ok_or(Error::Pem { structure, reason: format!("block {} has no end", blocks.len() + 1) })?;
        let (block, after) = rest[begin..].split_at(end + end_line.len());
        blocks.push(decode_pem(structure, label, block)?);
        rest = after;
    }
    if blocks.is_empty() {
        return Err(Error::Pem { structure, reason: format!("there is no {label}") });
    }
    Ok(blocks)
}
