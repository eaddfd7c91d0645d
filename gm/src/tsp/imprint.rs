//! What a time stamp is of.

use der::{Decode, Encode, Sequence, asn1::OctetString, referenced::OwnedToRef};
use spki::AlgorithmIdentifierOwned;

use super::Error;
use crate::{Error as Primitive, hash::HashAlgorithm};

const STRUCTURE: &str = "MessageImprint";

/// ```text
/// MessageImprint ::= SEQUENCE {                           -- RFC 3161, 2.4.1
///   hashAlgorithm  AlgorithmIdentifier,
///   hashedMessage  OCTET STRING }
/// ```
///
/// With SM3, SHA-256, SHA-384 or SHA-512; SHA-1 is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MessageImprint {
    hash: HashAlgorithm,
    digest: Vec<u8>,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct ImprintFields {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

impl MessageImprint {
    /// The imprint of a message with SM3.
    pub fn sm3(message: &[u8]) -> Self {
        Self { hash: HashAlgorithm::Sm3, digest: HashAlgorithm::Sm3.digest(message) }
    }

    /// The imprint with a digest that was computed elsewhere.
    ///
    /// # Errors
    /// [`Error::ImprintHash`] for SHA-1, [`Error::Primitive`] for a digest of another length than the hash's.
    pub fn new(hash: HashAlgorithm, digest: &[u8]) -> Result<Self, Error> {
        if hash == HashAlgorithm::Sha1 {
            return Err(Error::ImprintHash { found: hash.oid() });
        }
        if digest.len() != hash.length() {
            let expected = "as many as the hash algorithm's digests";
            return Err(Primitive::Length { structure: STRUCTURE, expected, found: digest.len() }.into());
        }
        Ok(Self { hash, digest: digest.to_vec() })
    }

    /// The hash algorithm.
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The message's digest.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    pub(super) fn from_fields(fields: &ImprintFields) -> Result<Self, Error> {
        let identifier = fields.hash_algorithm.owned_to_ref();
        if HashAlgorithm::from_oid(&identifier.oid).is_none() {
            return Err(Error::ImprintHash { found: identifier.oid });
        }
        let hash = HashAlgorithm::from_identifier(STRUCTURE, &identifier)?;
        Self::new(hash, fields.hashed_message.as_bytes())
    }

    pub(super) fn to_fields(&self) -> Result<ImprintFields, Error> {
        let encode = || {
            Ok(ImprintFields {
                hash_algorithm: AlgorithmIdentifierOwned::from_der(&self.hash.with_null().to_der()?)?,
                hashed_message: OctetString::new(self.digest.as_slice())?,
            })
        };
        Ok(encode().map_err(Primitive::encoding(STRUCTURE))?)
    }
}
