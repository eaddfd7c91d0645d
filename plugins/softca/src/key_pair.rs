//! A certificate with its private key, and how it is kept.

use serde::{Deserialize, Serialize};
use yinqiao_ca_sdk::AdapterError;
use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::sm2;
use yinqiao_gm::x509::{Certificate, CertificateBuilder, DistinguishedName, Profile, SerialNumber};

use crate::authority::own;
use crate::configuration::Configuration;
use crate::vault::{SealedKey, Vault};

const DAY: i64 = 86_400;

/// A certificate with its private key.
pub(crate) struct KeyPair {
    pub(crate) certificate: Certificate,
    pub(crate) key: sm2::PrivateKey,
}

/// As it is kept: the certificate in clear, the key encrypted.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct SealedPair {
    certificate: Der,
    key: SealedKey,
}

impl KeyPair {
    /// A new key with a certificate of the CA itself, signed by `issuer` or by its own key.
    pub(crate) fn generate(
        profile: Profile,
        title: &str,
        days: i64,
        now: i64,
        issuer: Option<&Self>,
        configuration: &Configuration,
    ) -> Result<Self, AdapterError> {
        let name = &configuration.name;
        let subject = DistinguishedName::builder().country("CN").organization(name);
        let subject = subject.common_name(&format!("{name} {title}")).build().map_err(own)?;
        let key = sm2::PrivateKey::generate().map_err(own)?;
        let serial = SerialNumber::generate().map_err(own)?;
        let last = now + days * DAY;
        let not_after = issuer.map_or(last, |issuer| last.min(issuer.certificate.not_after()));
        let mut builder =
            CertificateBuilder::new(profile, subject, key.public_key().clone(), serial, now, not_after);
        // Only the issuing CA publishes lists, so only what it issued points there.
        if matches!(profile, Profile::Signing | Profile::TimeStamping)
            && let Some(url) = &configuration.crl_url
        {
            builder = builder.crl_distribution_point(url);
        }
        let certificate = match issuer {
            Some(issuer) => builder.sign(&issuer.certificate, &issuer.key),
            None => builder.self_sign(&key),
        };
        Ok(Self { certificate: certificate.map_err(own)?, key })
    }
}

impl SealedPair {
    /// Encrypts the key under `name`.
    pub(crate) fn new(name: &str, pair: &KeyPair, vault: &Vault) -> Result<Self, AdapterError> {
        let certificate = pair.certificate.der().to_vec().into();
        Ok(Self { certificate, key: vault.seal(&key_name(name), &pair.key)? })
    }

    pub(crate) fn certificate(&self) -> Result<Certificate, AdapterError> {
        Certificate::from_der(self.certificate.as_bytes()).map_err(own)
    }

    /// Decrypts the key that was encrypted under `name`.
    pub(crate) fn open(&self, name: &str, vault: &Vault) -> Result<KeyPair, AdapterError> {
        let key = vault.open(&key_name(name), &self.key)?;
        let certificate = self.certificate()?;
        if certificate.public_key() != key.public_key() {
            return Err(AdapterError::unhealthy(format!(
                "the {name} certificate and key do not belong together"
            )));
        }
        Ok(KeyPair { certificate, key })
    }

    /// The encrypted key and the name it is encrypted under.
    pub(crate) fn sealed_key(&mut self, name: &str) -> (String, &mut SealedKey) {
        (key_name(name), &mut self.key)
    }
}

fn key_name(name: &str) -> String {
    format!("authority/{name}")
}
