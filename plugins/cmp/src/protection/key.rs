//! The plugin's own signing key: SM2, or ECDSA on P-256.

use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use spki::AlgorithmIdentifierOwned;
use yinqiao_gm::{oid, sm2};

/// A private key; it is wiped when it is dropped.
pub(crate) enum SigningKey {
    P256(Box<p256::ecdsa::SigningKey>),
    Sm2(sm2::PrivateKey),
}

impl SigningKey {
    /// Reads `PRIVATE KEY` in PEM (PKCS#8, not encrypted).
    ///
    /// # Errors
    /// When it is neither; the text holds nothing of the key.
    pub(crate) fn from_pkcs8_pem(pem: &[u8]) -> Result<Self, String> {
        let wrong = || {
            "the secret ra_key must be an SM2 or P-256 private key in PKCS#8 PEM (BEGIN PRIVATE KEY)"
                .to_owned()
        };
        let pem = str::from_utf8(pem).map_err(|_| wrong())?.trim();
        if let Ok(key) = sm2::PrivateKey::from_pkcs8_pem(pem) {
            return Ok(Self::Sm2(key));
        }
        p256::ecdsa::SigningKey::from_pkcs8_pem(pem).map(|key| Self::P256(Box::new(key))).map_err(|_| wrong())
    }

    /// DER of the `SubjectPublicKeyInfo`; empty when it cannot be written.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => p256::PublicKey::from(key.verifying_key())
                .to_public_key_der()
                .map(|der| der.as_bytes().to_vec())
                .unwrap_or_default(),
            Self::Sm2(key) => key.public_key().to_spki_der().unwrap_or_default(),
        }
    }

    /// How it signs; both identifiers have no parameters (RFC 5758, 3.2; GM/T 0006).
    pub(crate) const fn algorithm(&self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::P256(_) => oid::ECDSA_WITH_SHA_256,
            Self::Sm2(_) => oid::SM2_WITH_SM3,
        };
        AlgorithmIdentifierOwned { oid, parameters: None }
    }

    /// The DER of a signature.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::DerSignature =
                    key.try_sign(message).map_err(|error| error.to_string())?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::Sm2(key) => {
                key.sign(message).and_then(|signature| signature.to_der()).map_err(|error| error.to_string())
            }
        }
    }
}
