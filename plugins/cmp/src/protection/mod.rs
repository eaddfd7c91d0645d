//! Who protects a message and who may have protected its reply (RFC 9810, 5.1.3; algorithms of RFC 9481).

mod key;
mod mac;
mod signer;

use der::asn1::Any;
use spki::AlgorithmIdentifierOwned;
use yinqiao_gm::x509::{AnyCertificate, PublicKey};

use crate::asn1::{ReceivedMessage, directory_name};
use crate::configuration::{Configuration, ProtectionSettings};
use crate::x509::name;

pub(crate) use key::SigningKey;
pub(crate) use mac::{MacKind, MacScheme, Secret};
pub(crate) use signer::TrustedServer;

/// A reply's protection does not hold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtectionError {
    #[error("the reply is not protected")]
    Missing,
    #[error("the reply is protected with {0}, which the configuration does not allow")]
    Algorithm(String),
    #[error("the reply's protection does not match: it was changed, or made with another key")]
    Mismatch,
    #[error("the reply's signer is not trusted: {0}")]
    Signer(String),
}

/// The plugin's own credentials, for the time of one call.
pub(crate) enum Protector {
    Mac { secret: Secret, scheme: MacScheme, sender: Vec<u8>, reference: Option<Vec<u8>> },
    Signature { key: SigningKey, certificate: AnyCertificate, chain: Vec<AnyCertificate> },
}

/// A message's protection that is begun: its algorithm stands in the header, which is protected too.
pub(crate) struct Begun<'a> {
    protector: &'a Protector,
    algorithm: AlgorithmIdentifierOwned,
}

impl Protector {
    /// The header's sender.
    pub(crate) fn sender(&self) -> der::Result<Any> {
        match self {
            Self::Mac { sender, .. } => directory_name(sender),
            Self::Signature { certificate, .. } => directory_name(certificate.subject().as_der()),
        }
    }

    /// The header's senderKID.
    pub(crate) fn key_identifier(&self) -> Option<&[u8]> {
        match self {
            Self::Mac { reference, .. } => reference.as_deref(),
            Self::Signature { certificate, .. } => certificate.subject_key_identifier(),
        }
    }

    /// What goes along: the protection certificate first, then its chain (RFC 9483, 3.3).
    pub(crate) fn extra_certificates(&self) -> Vec<&[u8]> {
        match self {
            Self::Mac { .. } => Vec::new(),
            Self::Signature { certificate, chain, .. } => {
                std::iter::once(certificate.der()).chain(chain.iter().map(AnyCertificate::der)).collect()
            }
        }
    }

    /// Chooses the algorithm, for a MAC with a fresh salt.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(crate) fn begin(&self) -> Result<Begun<'_>, String> {
        let algorithm = match self {
            Self::Mac { scheme, .. } => scheme.algorithm().map_err(|error| error.to_string())?,
            Self::Signature { key, .. } => key.algorithm(),
        };
        Ok(Begun { protector: self, algorithm })
    }

    /// Checks a reply's protection: a MAC with the same secret, or a trusted signature.
    ///
    /// # Errors
    /// As [`ProtectionError`] says.
    pub(crate) fn verify(
        &self,
        message: &ReceivedMessage,
        trusted: &TrustedServer,
        now: i64,
    ) -> Result<(), ProtectionError> {
        let protection = message.protection.as_deref().ok_or(ProtectionError::Missing)?;
        let algorithm = message.header.protection_alg.as_ref().ok_or(ProtectionError::Missing)?;
        match self {
            Self::Mac { secret, .. } => secret.verify(algorithm, message.protected_part(), protection),
            Self::Signature { .. } => trusted.verify(message, algorithm, protection, now),
        }
    }
}

impl Begun<'_> {
    pub(crate) fn algorithm(&self) -> &AlgorithmIdentifierOwned {
        &self.algorithm
    }

    /// The protection of a message whose header names this algorithm.
    ///
    /// # Errors
    /// When the key fails.
    pub(crate) fn finish(&self, protected_part: &[u8]) -> Result<Vec<u8>, String> {
        match self.protector {
            Protector::Mac { secret, .. } => {
                secret.protect(&self.algorithm, protected_part).map_err(|error| error.to_string())
            }
            Protector::Signature { key, .. } => key.sign(protected_part),
        }
    }
}

/// Makes the protector from the configuration and the host's secret.
///
/// # Errors
/// With a text that says what is wrong with the secret, without any of it.
pub(crate) fn protector(
    configuration: &Configuration,
    secret: zeroize::Zeroizing<Vec<u8>>,
) -> Result<Protector, String> {
    match &configuration.protection {
        ProtectionSettings::Mac(mac) => {
            if secret.len() < 8 {
                return Err("the secret mac_secret must have at least 8 octets".to_owned());
            }
            Ok(Protector::Mac {
                secret: Secret::new(secret),
                scheme: mac.scheme(),
                sender: mac.sender.clone().unwrap_or_else(|| name::NULL_DN.to_vec()),
                reference: mac.reference.as_ref().map(|reference| reference.as_bytes().to_vec()),
            })
        }
        ProtectionSettings::Signature(own) => {
            let key = SigningKey::from_pkcs8_pem(&secret)?;
            if PublicKey::from_spki_der(&key.public_key()).ok().as_ref()
                != Some(own.certificate.any_public_key())
            {
                return Err(
                    "the secret ra_key does not belong to the certificate of protection.certificates"
                        .to_owned(),
                );
            }
            Ok(Protector::Signature { key, certificate: own.certificate.clone(), chain: own.chain.clone() })
        }
    }
}
