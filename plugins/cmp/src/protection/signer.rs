//! Who may sign replies.

use const_oid::ObjectIdentifier;
use spki::AlgorithmIdentifierOwned;
use yinqiao_gm::x509::{AnyCertificate, chain};

use super::ProtectionError;
use crate::asn1::{ReceivedMessage, name_of, oid};
use crate::x509::{name, signature_algorithm};

/// Extended key usages that make a certificate a CMP server's (RFC 9810, 4.5).
const PURPOSES: [ObjectIdentifier; 2] = [oid::KP_CMC_CA, oid::KP_CMC_RA];

/// Certificates of a reply that are looked at.
const MOST_CERTIFICATES: usize = 32;

/// The configuration's trust in the server: its own certificate, or a CA above it together with its name or purpose. A CA
/// alone would trust every holder of a certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedServer {
    /// Servers' own certificates, and CAs above servers; each is trusted as it stands.
    pub(crate) certificates: Vec<AnyCertificate>,
    /// DER of the name that the server's certificate must have.
    pub(crate) name: Option<Vec<u8>>,
}

impl TrustedServer {
    /// Checks a signature and its signer.
    pub(crate) fn verify(
        &self,
        message: &ReceivedMessage,
        algorithm: &AlgorithmIdentifierOwned,
        protection: &[u8],
        now: i64,
    ) -> Result<(), ProtectionError> {
        let known = signature_algorithm(algorithm)
            .ok_or_else(|| ProtectionError::Algorithm(algorithm.oid.to_string()))?;
        let sender = name_of(&message.header.sender)
            .ok_or_else(|| ProtectionError::Signer("the sender is not a directoryName".to_owned()))?;
        let sent: Vec<AnyCertificate> = message
            .extra_certificates
            .iter()
            .take(MOST_CERTIFICATES)
            .filter_map(|der| AnyCertificate::from_der(der).ok())
            .collect();
        let key_identifier = message.header.sender_kid.as_ref().map(|identifier| identifier.as_bytes());
        let mut fault = ProtectionError::Signer(format!(
            "no certificate for the sender {} came with the reply or is configured",
            name::text(sender)
        ));
        for signer in self.certificates.iter().chain(&sent) {
            let other_key =
                matches!((key_identifier, signer.subject_key_identifier()), (Some(a), Some(b)) if a != b);
            if other_key || !name::same(signer.subject().as_der(), sender) {
                continue;
            }
            let verified = signer.any_public_key().verify(known, message.protected_part(), protection);
            match verified
                .map_err(|_| ProtectionError::Mismatch)
                .and_then(|()| self.trusts(signer, &sent, now))
            {
                Ok(()) => return Ok(()),
                Err(reason) => fault = reason,
            }
        }
        Err(fault)
    }

    fn trusts(
        &self,
        signer: &AnyCertificate,
        sent: &[AnyCertificate],
        now: i64,
    ) -> Result<(), ProtectionError> {
        let refuse = |reason: String| Err(ProtectionError::Signer(reason));
        let named =
            self.name.as_ref().is_some_and(|expected| name::same(expected, signer.subject().as_der()));
        if self.name.is_some() && !named {
            return refuse(format!("{} is not the configured server_name", signer.subject()));
        }
        // A CA of the configuration signs replies only where it is named as the server.
        let pinned = !signer.is_ca() && self.certificates.contains(signer);
        let purposes = signer.extended_key_usage().unwrap_or_default();
        if !named && !pinned && !PURPOSES.iter().any(|purpose| purposes.contains(purpose)) {
            return refuse(format!(
                "{} is neither the configured server nor marked as a CMP server (id-kp-cmcCA, id-kp-cmcRA)",
                signer.subject()
            ));
        }
        match chain::find_path(signer, sent, &self.certificates, now, chain::Usage::Signing) {
            Ok(_) => Ok(()),
            Err(error) => refuse(error.to_string()),
        }
    }
}
