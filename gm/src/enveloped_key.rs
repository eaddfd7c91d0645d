//! An encryption private key on its way from the key management centre to its owner (GM/T 0009, 7.4).

use std::fmt;

use const_oid::ObjectIdentifier;
use der::{
    Decode, Encode, Sequence,
    asn1::{AnyRef, BitStringRef},
};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use crate::{Error, error::require_canonical, oid, sm2, sm4};

const STRUCTURE: &str = "SM2EnvelopedKey";

/// ```text
/// SM2EnvelopedKey ::= SEQUENCE {                          -- GM/T 0009, 7.4
///   symAlgID                AlgorithmIdentifier,          -- SM4 in ECB mode
///   symEncryptedKey         SM2Cipher,                    -- the SM4 key, for the owner's signing key
///   Sm2PublicKey            BIT STRING,                   -- of the encryption key pair
///   Sm2EncryptedPrivateKey  BIT STRING }                  -- the private key under the SM4 key
/// ```
#[derive(Sequence)]
struct Encoded<'a> {
    sym_alg_id: AlgorithmIdentifierRef<'a>,
    sym_encrypted_key: AnyRef<'a>,
    sm2_public_key: BitStringRef<'a>,
    sm2_encrypted_private_key: BitStringRef<'a>,
}

/// An SM2 encryption key pair, the private key wrapped for whoever holds a signing key.
#[derive(Clone, Eq, PartialEq)]
pub struct EnvelopedKey {
    algorithm: ObjectIdentifier,
    /// Whether the algorithm has the parameter NULL, or none.
    null: bool,
    wrapped_key: sm2::Ciphertext,
    public_key: sm2::PublicKey,
    encrypted_private_key: Vec<u8>,
}

impl EnvelopedKey {
    /// Wraps `encryption_key` for the holder of `signing_key`'s private key: 32 bytes under a fresh SM4 key.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn wrap(encryption_key: &sm2::PrivateKey, signing_key: &sm2::PublicKey) -> Result<Self, Error> {
        let key = sm4::Key::generate()?;
        let mut encrypted = encryption_key.to_bytes();
        sm4::ecb_encrypt_blocks(&key, &mut *encrypted);
        Ok(Self {
            algorithm: oid::SM4_ECB,
            null: true,
            wrapped_key: signing_key.encrypt(key.as_bytes())?,
            public_key: encryption_key.public_key().clone(),
            encrypted_private_key: encrypted.to_vec(),
        })
    }

    /// Reads the DER. The algorithm may be SM4-ECB or bare SM4 (which means ECB here), with NULL or no parameter.
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure, [`Error::Algorithm`],
    /// [`Error::Point`] for a key or ciphertext off the curve, [`Error::Length`] unless the encrypted private key has
    /// 32, 48 or 64 bytes.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let encoded = Encoded::from_der(der).map_err(Error::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &encoded, der)?;
        let algorithm = encoded.sym_alg_id.oid;
        if algorithm != oid::SM4_ECB && algorithm != oid::SM4 {
            return Err(Error::Algorithm {
                structure: STRUCTURE,
                expected: "SM4-ECB (1.2.156.10197.1.104.1 or .104)",
                found: algorithm,
            });
        }
        let null = match encoded.sym_alg_id.parameters {
            None => false,
            Some(parameters) if parameters == AnyRef::NULL => true,
            Some(_) => {
                return Err(Error::Invalid { structure: STRUCTURE, reason: "SM4-ECB takes no parameters" });
            }
        };
        let whole_bytes = |bits: BitStringRef<'_>| {
            let invalid = Error::Invalid { structure: STRUCTURE, reason: "bits must fill whole bytes" };
            bits.as_bytes().map(<[u8]>::to_vec).ok_or(invalid)
        };
        let public_key = whole_bytes(encoded.sm2_public_key)?;
        if public_key.len() != 65 {
            return Err(Error::Length {
                structure: "Sm2PublicKey",
                expected: "65 with a leading 04",
                found: public_key.len(),
            });
        }
        let encrypted_private_key = whole_bytes(encoded.sm2_encrypted_private_key)?;
        if !matches!(encrypted_private_key.len(), 32 | 48 | 64) {
            return Err(Error::Length {
                structure: "Sm2EncryptedPrivateKey",
                expected: "32, 48 or 64",
                found: encrypted_private_key.len(),
            });
        }
        let wrapped_key = encoded.sym_encrypted_key.to_der().map_err(Error::encoding(STRUCTURE))?;
        Ok(Self {
            algorithm,
            null,
            wrapped_key: sm2::Ciphertext::from_der(&wrapped_key)?,
            public_key: sm2::PublicKey::from_sec1(&public_key)?,
            encrypted_private_key,
        })
    }

    /// The DER.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let wrapped_key = self.wrapped_key.to_der()?;
        let public_key = self.public_key.to_sec1();
        let encode = || {
            Encoded {
                sym_alg_id: AlgorithmIdentifierRef {
                    oid: self.algorithm,
                    parameters: self.null.then_some(AnyRef::NULL),
                },
                sym_encrypted_key: AnyRef::from_der(&wrapped_key)?,
                sm2_public_key: BitStringRef::from_bytes(&public_key)?,
                sm2_encrypted_private_key: BitStringRef::from_bytes(&self.encrypted_private_key)?,
            }
            .to_der()
        };
        encode().map_err(Error::encoding(STRUCTURE))
    }

    /// The public key of the encryption key pair.
    pub fn public_key(&self) -> &sm2::PublicKey {
        &self.public_key
    }

    /// Unwraps the encryption private key and checks that it belongs to the public key beside it.
    ///
    /// Three forms are met and taken: 32 bytes, 64 with 32 leading zeros (as an SKF device keeps keys, GM/T 0016),
    /// and 48 with PKCS#7 padding.
    ///
    /// # Errors
    /// [`Error::Decryption`] when it was wrapped for another signing key, [`Error::KeyMismatch`] when what comes out
    /// is not the private key of [`public_key`](Self::public_key) in one of the three forms.
    pub fn open(&self, signing_key: &sm2::PrivateKey) -> Result<sm2::PrivateKey, Error> {
        let mismatch = || Error::KeyMismatch { structure: STRUCTURE };
        let key = sm4::Key::from_slice(&signing_key.decrypt(&self.wrapped_key)?)?;
        let mut plain = Zeroizing::new(self.encrypted_private_key.clone());
        sm4::ecb_decrypt_blocks(&key, &mut plain);
        let number = match plain.len() {
            32 => &plain[..],
            48 if plain[32..] == [16; 16] => &plain[..32],
            64 if plain[..32] == [0; 32] => &plain[32..],
            _ => return Err(mismatch()),
        };
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(number);
        let private_key = sm2::PrivateKey::from_bytes(&bytes).map_err(|_| mismatch())?;
        if *private_key.public_key() == self.public_key { Ok(private_key) } else { Err(mismatch()) }
    }
}

impl fmt::Debug for EnvelopedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopedKey").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
