//! What CMP's protection does with a hash function: digests of secrets, HMAC and PBKDF2. SHA-1 is used inside HMAC only,
//! where it still holds: RFC 4210's default, which older CAs answer with.

use const_oid::ObjectIdentifier;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sm3::Sm3;
use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::oid as gm_oid;
use zeroize::Zeroizing;

use crate::asn1::oid;

/// Runs the same lines with the type of each hash.
macro_rules! with_type {
    ($hash:expr, $type:ident => $body:expr) => {
        match $hash {
            HashAlgorithm::Sha1 => {
                type $type = Sha1;
                $body
            }
            HashAlgorithm::Sha256 => {
                type $type = Sha256;
                $body
            }
            HashAlgorithm::Sha384 => {
                type $type = Sha384;
                $body
            }
            HashAlgorithm::Sha512 => {
                type $type = Sha512;
                $body
            }
            HashAlgorithm::Sm3 => {
                type $type = Sm3;
                $body
            }
        }
    };
}

/// A hash function that makes MACs and keys.
pub(crate) trait KeyedHash: Sized {
    /// The hash inside the HMAC with this identifier.
    fn from_hmac_oid(identifier: ObjectIdentifier) -> Option<Self>;

    /// The identifier of HMAC with this hash.
    fn hmac_oid(self) -> ObjectIdentifier;

    /// The digest of the parts, one after the other.
    fn digest_of(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>>;

    /// HMAC (RFC 2104).
    fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8>;

    /// PBKDF2 with HMAC (RFC 8018, 5.2).
    fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u32, length: usize) -> Zeroizing<Vec<u8>>;
}

impl KeyedHash for HashAlgorithm {
    fn from_hmac_oid(identifier: ObjectIdentifier) -> Option<Self> {
        let plain = Self::ALL.into_iter().find(|hash| hash.hmac_oid() == identifier);
        plain.or((identifier == oid::CMP_HMAC_SHA1).then_some(Self::Sha1))
    }

    fn hmac_oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => oid::HMAC_SHA1,
            Self::Sha256 => oid::HMAC_SHA256,
            Self::Sha384 => oid::HMAC_SHA384,
            Self::Sha512 => oid::HMAC_SHA512,
            Self::Sm3 => gm_oid::HMAC_SM3,
        }
    }

    fn digest_of(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        with_type!(self, D => {
            let mut hasher = D::new();
            for part in parts {
                hasher.update(part);
            }
            Zeroizing::new(hasher.finalize().to_vec())
        })
    }

    fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        with_type!(self, D => {
            // A key of any length is allowed; `new_from_slice` of an HMAC never fails.
            Hmac::<D>::new_from_slice(key).map_or_else(
                |_| Vec::new(),
                |mac| mac.chain_update(message).finalize().into_bytes().to_vec(),
            )
        })
    }

    fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u32, length: usize) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; length]);
        with_type!(self, D => pbkdf2::pbkdf2_hmac::<D>(password, salt, rounds, &mut key));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_hmacs_and_derived_keys_are_those_of_published_vectors() {
        // FIPS 180-4 example, RFC 4231 case 2, RFC 6070 case 2.
        assert_eq!(
            hex::encode(HashAlgorithm::Sha256.digest_of(&[b"a", b"bc"])),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hex::encode(HashAlgorithm::Sha256.hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex::encode(HashAlgorithm::Sha1.pbkdf2(b"password", b"salt", 2, 20)),
            "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"
        );
    }

    #[test]
    fn every_hash_is_found_by_its_identifiers_and_has_its_length() {
        for hash in HashAlgorithm::ALL {
            assert_eq!(HashAlgorithm::from_oid(&hash.oid()), Some(hash));
            assert_eq!(HashAlgorithm::from_hmac_oid(hash.hmac_oid()), Some(hash));
            assert_eq!(hash.digest_of(&[b"x"]).len(), hash.length());
            assert_eq!(hash.hmac(b"k", b"x").len(), hash.length());
        }
        assert_eq!(HashAlgorithm::from_hmac_oid(oid::CMP_HMAC_SHA1), Some(HashAlgorithm::Sha1));
    }
}
