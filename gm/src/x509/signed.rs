//! What certificates, requests and revocation lists have in common: bytes, and an SM2 signature over them.

use der::{
    Decode, Encode, Reader, SliceReader,
    asn1::{AnyRef, BitStringRef},
};
use spki::AlgorithmIdentifierRef;

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
    pub(super) signature: sm2::Signature,
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
        require_sm2_with_sm3(structure, &algorithm)?;
        let signature = signature
            .as_bytes()
            .ok_or(Error::Invalid { structure, reason: "the signature's bits must fill whole bytes" })?;
        Ok(Self { to_be_signed, algorithm, signature: sm2::Signature::from_der(signature)? })
    }
}

/// Signs `to_be_signed` and encodes the whole.
pub(super) fn sign(
    structure: &'static str,
    to_be_signed: &[u8],
    key: &sm2::PrivateKey,
) -> Result<Vec<u8>, Error> {
    let signature = key.sign(to_be_signed)?.to_der()?;
    let encode = || {
        let tail = [sm2_with_sm3().to_der()?, BitStringRef::from_bytes(&signature)?.to_der()?].concat();
        AnyRef::new(der::Tag::Sequence, &[to_be_signed, &tail].concat())?.to_der()
    };
    encode().map_err(Error::encoding(structure))
}

/// SM2-with-SM3 as we write it: without parameters.
pub(super) const fn sm2_with_sm3() -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef { oid: oid::SM2_WITH_SM3, parameters: None }
}

/// Takes SM2-with-SM3 without parameters and, as several CAs write it, with NULL.
fn require_sm2_with_sm3(
    structure: &'static str,
    algorithm: &AlgorithmIdentifierRef<'_>,
) -> Result<(), Error> {
    if algorithm.oid != oid::SM2_WITH_SM3 {
        return Err(Error::Algorithm {
            structure,
            expected: "SM2 with SM3 (1.2.156.10197.1.501)",
            found: algorithm.oid,
        });
    }
    if algorithm.parameters.is_some_and(|parameters| parameters != AnyRef::NULL) {
        return Err(Error::Invalid { structure, reason: "SM2 with SM3 takes no parameters" });
    }
    Ok(())
}

/// Reads PEM with exactly this label.
pub(super) fn decode_pem(structure: &'static str, label: &str, pem: &str) -> Result<Vec<u8>, Error> {
    let (found, der) = der::pem::decode_vec(pem.trim_end().as_bytes()).map_err(Error::pem(structure))?;
    if found != label {
        return Err(Error::Pem { structure, reason: format!("the label is {found:?}, not {label:?}") });
    }
    Ok(der)
}
