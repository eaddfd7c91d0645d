//! The public keys that certificates may hold: SM2, and RSA and ECDSA to verify with only.

use std::fmt;

use der::{
    Decode, Sequence,
    asn1::{AnyRef, UintRef},
};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{BoxedUint, pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};
use spki::SubjectPublicKeyInfoRef;

use super::SignatureAlgorithm;
use crate::{Error, error::require_canonical, hash::HashAlgorithm, oid, sm2};

const SPKI: &str = "SubjectPublicKeyInfo";
const RSA: &str = "RSAPublicKey";

/// A subject's public key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PublicKey {
    /// On the SM2 curve.
    Sm2(sm2::PublicKey),
    /// RSA.
    Rsa(RsaPublicKey),
    /// On P-256 or P-384.
    Ecdsa(EcdsaPublicKey),
}

/// An RSA public key with a modulus of 2048 to 8192 bits.
#[derive(Clone, Eq, PartialEq)]
pub struct RsaPublicKey {
    key: rsa::PublicKey,
    bits: usize,
}

/// A public key on P-256 or P-384 (RFC 5480).
#[derive(Clone, Eq, PartialEq)]
pub struct EcdsaPublicKey(Curve);

#[derive(Clone, Eq, PartialEq)]
enum Curve {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

/// ```text
/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }         -- RFC 8017, A.1.1
/// ```
#[derive(Sequence)]
struct RsaFields<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5480, RFC 3279).
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything but one DER structure, [`Error::Algorithm`] for another algorithm or curve,
    /// [`Error::Point`] for no point of the curve, [`Error::Invalid`] for an RSA key that is too short, too long or
    /// malformed.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, Error> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(Error::encoding(SPKI))?;
        require_canonical(SPKI, &spki, der)?;
        let key = spki
            .subject_public_key
            .as_bytes()
            .ok_or(Error::Invalid { structure: SPKI, reason: "the key's bits must fill whole bytes" })?;
        match spki.algorithm.oid {
            oid::RSA_ENCRYPTION if spki.algorithm.parameters == Some(AnyRef::NULL) => {
                RsaPublicKey::from_pkcs1_der(key).map(Self::Rsa)
            }
            oid::RSA_ENCRYPTION => {
                Err(Error::Invalid { structure: SPKI, reason: "an RSA key has the parameters NULL" })
            }
            oid::EC_PUBLIC_KEY => match spki.algorithm.parameters.and_then(|curve| curve.decode_as().ok()) {
                Some(oid::SM2_CURVE) => sm2::PublicKey::from_sec1(key).map(Self::Sm2),
                Some(oid::P_256) => p256::ecdsa::VerifyingKey::from_sec1_bytes(key)
                    .map(|key| Self::Ecdsa(EcdsaPublicKey(Curve::P256(key))))
                    .map_err(|_| Error::Invalid { structure: SPKI, reason: "holds no point of P-256" }),
                Some(oid::P_384) => p384::ecdsa::VerifyingKey::from_sec1_bytes(key)
                    .map(|key| Self::Ecdsa(EcdsaPublicKey(Curve::P384(key))))
                    .map_err(|_| Error::Invalid { structure: SPKI, reason: "holds no point of P-384" }),
                Some(curve) => Err(Error::Algorithm {
                    structure: SPKI,
                    expected: "SM2's curve, P-256 or P-384",
                    found: curve,
                }),
                None => Err(Error::Invalid { structure: SPKI, reason: "names no curve" }),
            },
            found => Err(Error::Algorithm { structure: SPKI, expected: "SM2, RSA, P-256 or P-384", found }),
        }
    }

    /// The SM2 key, when it is one.
    pub const fn as_sm2(&self) -> Option<&sm2::PublicKey> {
        match self {
            Self::Sm2(key) => Some(key),
            _ => None,
        }
    }

    /// Verifies `signature`, encoded as X.509 has it in a BIT STRING: `SM2Signature` and `Ecdsa-Sig-Value` as DER, an
    /// RSA signature as the number in the modulus's length.
    ///
    /// # Errors
    /// [`Error::KeyAlgorithm`] when `algorithm` is not one of this key's, [`Error::Signature`] when the signature does
    /// not match or is malformed.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        match (self, algorithm) {
            (Self::Sm2(key), SignatureAlgorithm::Sm2WithSm3) => {
                let signature = sm2::Signature::from_der(signature).map_err(|_| Error::Signature)?;
                key.verify(message, &signature)
            }
            (Self::Rsa(key), SignatureAlgorithm::RsaPkcs1(hash)) => {
                key.verify_pkcs1(hash, message, signature)
            }
            (Self::Rsa(key), SignatureAlgorithm::RsaPss { hash, salt_length }) => {
                key.verify_pss(hash, salt_length, message, signature)
            }
            (Self::Ecdsa(key), SignatureAlgorithm::Ecdsa(hash)) => key.verify(hash, message, signature),
            _ => Err(Error::KeyAlgorithm { key: self.to_string(), algorithm: algorithm.to_string() }),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sm2(_) => f.write_str("SM2"),
            Self::Rsa(key) => write!(f, "RSA of {} bits", key.bits),
            Self::Ecdsa(key) => f.write_str(key.curve()),
        }
    }
}

impl RsaPublicKey {
    /// The shortest and the longest modulus, in bits.
    pub const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

    fn from_pkcs1_der(der: &[u8]) -> Result<Self, Error> {
        let fields = RsaFields::from_der(der).map_err(Error::encoding(RSA))?;
        require_canonical(RSA, &fields, der)?;
        let invalid = |reason| Error::Invalid { structure: RSA, reason };
        let modulus = fields.modulus.as_bytes();
        let leading = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let bits = modulus.len() * 8 - leading;
        if !Self::BITS.contains(&bits) {
            return Err(invalid("the modulus must have 2048 to 8192 bits"));
        }
        if fields.public_exponent.as_bytes().len() > 5 {
            return Err(invalid("the public exponent must be an odd number from 3 to 2^33"));
        }
        let number = |bytes| BoxedUint::from_be_slice_vartime(bytes);
        let exponent = number(fields.public_exponent.as_bytes());
        let key = rsa::PublicKey::new_with_size_limits(number(modulus), exponent, Self::BITS)
            .map_err(|_| invalid("modulus and public exponent must be odd, and the exponent 3 to 2^33"))?;
        Ok(Self { key, bits })
    }

    /// Bits of the modulus.
    pub const fn bits(&self) -> usize {
        self.bits
    }

    fn verify_pkcs1(&self, hash: HashAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let (key, digest) = (self.key.clone(), hash.digest(message));
        let signature = pkcs1v15::Signature::try_from(signature).map_err(|_| Error::Signature)?;
        let verified = match hash {
            HashAlgorithm::Sha256 => {
                pkcs1v15::VerifyingKey::<Sha256>::new(key).verify_prehash(&digest, &signature)
            }
            HashAlgorithm::Sha384 => {
                pkcs1v15::VerifyingKey::<Sha384>::new(key).verify_prehash(&digest, &signature)
            }
            HashAlgorithm::Sha512 => {
                pkcs1v15::VerifyingKey::<Sha512>::new(key).verify_prehash(&digest, &signature)
            }
            HashAlgorithm::Sm3 | HashAlgorithm::Sha1 => return Err(Error::Signature),
        };
        verified.map_err(|_| Error::Signature)
    }

    fn verify_pss(
        &self,
        hash: HashAlgorithm,
        salt: usize,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let (key, digest) = (self.key.clone(), hash.digest(message));
        let signature = pss::Signature::try_from(signature).map_err(|_| Error::Signature)?;
        let verified =
            match hash {
                HashAlgorithm::Sha256 => pss::VerifyingKey::<Sha256>::new_with_salt_len(key, salt)
                    .verify_prehash(&digest, &signature),
                HashAlgorithm::Sha384 => pss::VerifyingKey::<Sha384>::new_with_salt_len(key, salt)
                    .verify_prehash(&digest, &signature),
                HashAlgorithm::Sha512 => pss::VerifyingKey::<Sha512>::new_with_salt_len(key, salt)
                    .verify_prehash(&digest, &signature),
                HashAlgorithm::Sm3 | HashAlgorithm::Sha1 => return Err(Error::Signature),
            };
        verified.map_err(|_| Error::Signature)
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({} bits)", self.bits)
    }
}

impl EcdsaPublicKey {
    /// The curve's name: `P-256` or `P-384`.
    pub const fn curve(&self) -> &'static str {
        match self.0 {
            Curve::P256(_) => "P-256",
            Curve::P384(_) => "P-384",
        }
    }

    fn verify(&self, hash: HashAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let digest = hash.digest(message);
        let verified = match &self.0 {
            Curve::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(&digest, &signature)),
            Curve::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify_prehash(&digest, &signature)),
        };
        verified.map_err(|_| Error::Signature)
    }
}

impl fmt::Debug for EcdsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcdsaPublicKey({})", self.curve())
    }
}

#[cfg(test)]
mod tests {
    use const_oid::ObjectIdentifier;
    use der::{Encode, asn1::BitStringRef};
    use proptest::prelude::*;
    use spki::AlgorithmIdentifierRef;

    use super::*;
    use crate::sm2::PrivateKey;

    fn spki(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Vec<u8> {
        let algorithm = AlgorithmIdentifierRef { oid, parameters };
        let subject_public_key = BitStringRef::from_bytes(key).unwrap();
        SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().unwrap()
    }

    /// An RSA key whose modulus has these first and last bytes and this length in bytes.
    fn rsa(first: u8, last: u8, length: usize, exponent: &[u8]) -> Result<PublicKey, Error> {
        let mut modulus = vec![0x55; length];
        (modulus[0], modulus[length - 1]) = (first, last);
        let fields = RsaFields {
            modulus: UintRef::new(&modulus).unwrap(),
            public_exponent: UintRef::new(exponent).unwrap(),
        };
        PublicKey::from_spki_der(&spki(oid::RSA_ENCRYPTION, Some(AnyRef::NULL), &fields.to_der().unwrap()))
    }

    fn curve(curve: &ObjectIdentifier, point: &[u8]) -> Result<PublicKey, Error> {
        PublicKey::from_spki_der(&spki(oid::EC_PUBLIC_KEY, Some(AnyRef::from(curve)), point))
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bits_and_an_odd_exponent_of_at_least_3() {
        const F4: &[u8] = &[1, 0, 1];
        for (first, length, bits) in [(0x80, 256, 2048), (0xff, 1024, 8192), (0x01, 257, 2049)] {
            let key = rsa(first, 0x55, length, F4).unwrap();
            assert_eq!(key.to_string(), format!("RSA of {bits} bits"));
        }
        for (name, refused) in [
            ("2047 bits", rsa(0x7f, 0x55, 256, F4)),
            ("8193 bits", rsa(0x01, 0x55, 1025, F4)),
            ("1024 bits", rsa(0x80, 0x55, 128, F4)),
            ("an even modulus", rsa(0x80, 0x54, 256, F4)),
            ("exponent 1", rsa(0x80, 0x55, 256, &[1])),
            ("an even exponent", rsa(0x80, 0x55, 256, &[4])),
            ("an endless exponent", rsa(0x80, 0x55, 256, &[0x55; 200])),
        ] {
            assert!(matches!(refused, Err(Error::Invalid { .. })), "{name}: {refused:?}");
        }
        let bare = spki(oid::RSA_ENCRYPTION, None, &[0x30, 0]);
        assert!(matches!(PublicKey::from_spki_der(&bare), Err(Error::Invalid { .. })));
    }

    #[test]
    fn a_point_must_be_on_the_curve_that_is_named() {
        let sm2 = PrivateKey::generate().unwrap().public_key().to_sec1();
        assert!(matches!(curve(&oid::SM2_CURVE, &sm2), Ok(PublicKey::Sm2(_))));
        for other in [oid::P_256, oid::P_384] {
            assert!(matches!(curve(&other, &sm2), Err(Error::Invalid { .. })));
        }
        let secp256k1 = ObjectIdentifier::new_unwrap("1.3.132.0.10");
        assert!(matches!(curve(&secp256k1, &sm2), Err(Error::Algorithm { found, .. }) if found == secp256k1));
        assert!(curve(&oid::P_256, &[0]).is_err(), "infinity");
    }

    #[test]
    fn a_signature_of_another_algorithm_than_the_keys_is_refused_as_that() {
        let key = PublicKey::Sm2(PrivateKey::generate().unwrap().public_key().clone());
        let error = key.verify(SignatureAlgorithm::Ecdsa(HashAlgorithm::Sha256), b"", &[]).unwrap_err();
        assert!(matches!(error, Error::KeyAlgorithm { .. }), "{error}");
        let rsa = rsa(0x80, 0x55, 256, &[3]).unwrap();
        let error = rsa.verify(SignatureAlgorithm::Sm2WithSm3, b"", &[]).unwrap_err();
        assert!(
            error.to_string().contains("SM2 with SM3") && error.to_string().contains("RSA of 2048"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_parser_or_are_an_rsa_signature(data: Vec<u8>, salt in 0usize..1024) {
            let _ = PublicKey::from_spki_der(&data);
            let key = rsa(0x80, 0x55, 256, &[3]).unwrap();
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
                prop_assert!(key.verify(SignatureAlgorithm::RsaPkcs1(hash), b"", &data).is_err());
                let pss = SignatureAlgorithm::RsaPss { hash, salt_length: salt };
                prop_assert!(key.verify(pss, b"", &data).is_err());
                let mut long = data.clone();
                long.resize(256, 0x11);
                prop_assert!(key.verify(pss, b"", &long).is_err());
            }
        }
    }
}
