//! The key that signs ID tokens: Ed25519 (RFC 8032, RFC 8037).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, JsonWebKeySet, PrivateSigningKey as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The stored key cannot be used, or none can be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// What is stored is no Ed25519 key.
    #[error(
        "the stored signing key is no Ed25519 private key in PKCS #8 PEM: restore the file of accounts from a copy"
    )]
    Unreadable,
    /// No randomness, or no encoding.
    #[error("no signing key can be made: {0}")]
    NotMade(String),
}

/// The private key and its public side.
pub struct SigningKey {
    pair: CoreEdDsaPrivateSigningKey,
    public: CoreJsonWebKeySet,
}

impl SigningKey {
    /// EdDSA.
    pub const ALGORITHM: CoreJwsSigningAlgorithm = CoreJwsSigningAlgorithm::EdDsa;

    /// A new key, PKCS #8 in PEM.
    ///
    /// # Errors
    /// [`KeyError::NotMade`]
    pub fn generate() -> Result<Zeroizing<String>, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|error| KeyError::NotMade(error.to_string()))?;
        ed25519_dalek::SigningKey::from_bytes(&seed)
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|error| KeyError::NotMade(error.to_string()))
    }

    /// The key of this PEM text. Its `kid` is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::Unreadable`]
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Unreadable)?;
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()));
        let pair = CoreEdDsaPrivateSigningKey::from_ed25519_pem(pem, Some(JsonWebKeyId::new(kid)))
            .map_err(|_| KeyError::Unreadable)?;
        let public = JsonWebKeySet::new(vec![pair.as_verification_key()]);
        Ok(Self { pair, public })
    }

    /// For signing.
    #[must_use]
    pub fn pair(&self) -> &CoreEdDsaPrivateSigningKey {
        &self.pair
    }

    /// What everybody verifies with.
    #[must_use]
    pub fn public(&self) -> &CoreJsonWebKeySet {
        &self.public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kid_is_the_thumbprint_of_rfc_8037_appendix_a() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let pem = ed25519_dalek::SigningKey::from_bytes(&seed.try_into().unwrap())
            .to_pkcs8_pem(LineEnding::LF)
            .unwrap();
        let set = serde_json::to_value(SigningKey::from_pem(&pem).unwrap().public()).unwrap();
        assert_eq!(set["keys"][0]["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(set["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert!(set["keys"][0].get("d").is_none());
    }

    #[test]
    fn another_text_is_refused_without_being_told() {
        let error = SigningKey::from_pem("secret").err().unwrap();
        assert!(!error.to_string().contains("secret"));
    }
}
