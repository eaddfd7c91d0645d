//! The hash algorithms that structures name beside SM3.

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use spki::AlgorithmIdentifierRef;

use crate::{Error, oid, sm3};

/// A hash algorithm, as an `AlgorithmIdentifier` names it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HashAlgorithm {
    /// SM3, 32 bytes.
    Sm3,
    /// SHA-1, 20 bytes. Names things in OCSP; nothing signed with it is accepted.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sm3, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sm3 => oid::SM3,
            Self::Sha1 => oid::SHA_1,
            Self::Sha256 => oid::SHA_256,
            Self::Sha384 => oid::SHA_384,
            Self::Sha512 => oid::SHA_512,
        }
    }

    /// The algorithm with this object identifier.
    pub fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.oid() == *oid)
    }

    /// Bytes in a digest.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sm3 | Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of `message`.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sm3 => sm3::digest(message).as_bytes().to_vec(),
            Self::Sha1 => Sha1::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// Reads an `AlgorithmIdentifier` whose parameters are absent or NULL; both are in use (RFC 5754, 2).
    pub(crate) fn from_identifier(
        structure: &'static str,
        identifier: &AlgorithmIdentifierRef<'_>,
    ) -> Result<Self, Error> {
        let algorithm = Self::from_oid(&identifier.oid).ok_or(Error::Algorithm {
            structure,
            expected: "SM3, SHA-1, SHA-256, SHA-384 or SHA-512",
            found: identifier.oid,
        })?;
        if identifier.parameters.is_some_and(|parameters| parameters != AnyRef::NULL) {
            return Err(Error::Invalid { structure, reason: "a hash algorithm takes no parameters" });
        }
        Ok(algorithm)
    }

    /// The `AlgorithmIdentifier` with parameters NULL, as OpenSSL and Bouncy Castle write it.
    pub(crate) const fn with_null(self) -> AlgorithmIdentifierRef<'static> {
        AlgorithmIdentifierRef { oid: self.oid(), parameters: Some(AnyRef::NULL) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_identifier_and_says_its_length() {
        for algorithm in HashAlgorithm::ALL {
            assert_eq!(HashAlgorithm::from_oid(&algorithm.oid()), Some(algorithm));
            assert_eq!(algorithm.digest(b"abc").len(), algorithm.length());
            let bare = AlgorithmIdentifierRef { oid: algorithm.oid(), parameters: None };
            assert_eq!(HashAlgorithm::from_identifier("x", &bare).unwrap(), algorithm);
            assert_eq!(HashAlgorithm::from_identifier("x", &algorithm.with_null()).unwrap(), algorithm);
        }
        let md5 = ObjectIdentifier::new_unwrap("1.2.840.113549.2.5");
        assert_eq!(HashAlgorithm::from_oid(&md5), None);
    }

    #[test]
    fn digests_are_those_of_fips_180() {
        let expected = [
            (HashAlgorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (HashAlgorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ];
        for (algorithm, digest) in expected {
            assert_eq!(hex::encode(algorithm.digest(b"abc")), digest);
        }
    }
}
