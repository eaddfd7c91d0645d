//! One recipient of an enveloped message and the content key wrapped for it.

use der::Sequence;
use der::asn1::OctetString;
use spki::AlgorithmIdentifierOwned;

use super::{Arc, Error, IssuerAndSerialNumber, PartyId, arc};
use crate::sm2::{Ciphertext, PrivateKey};
use crate::sm4;
use crate::x509::Certificate;

/// A recipient: who it is, and the content key encrypted for its SM2 key.
#[derive(Clone, Debug)]
pub struct Recipient {
    id: PartyId,
    wrapped_key: Ciphertext,
    wrapped_key_der: Vec<u8>,
}

/// ```text
/// RecipientInfo ::= SEQUENCE {
///     version                 INTEGER,   -- GM/T 0010: 1; RFC 5652: 0; with a subjectKeyIdentifier 2
///     rid                     RecipientIdentifier,
///     keyEncryptionAlgorithm  AlgorithmIdentifier,
///     encryptedKey            OCTET STRING }   -- DER of SM2Cipher
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct RecipientInfo {
    version: u8,
    recipient: PartyId,
    key_encryption_algorithm: AlgorithmIdentifierOwned,
    encrypted_key: OctetString,
}

impl Recipient {
    /// How the message names this recipient.
    #[must_use]
    pub fn id(&self) -> &PartyId {
        &self.id
    }

    /// The content key, encrypted for this recipient.
    #[must_use]
    pub fn wrapped_key(&self) -> &Ciphertext {
        &self.wrapped_key
    }

    /// The DER of [`wrapped_key`](Self::wrapped_key), as the message holds it: the some 125 bytes
    /// that a holder's phone needs in order to open a message of any size.
    #[must_use]
    pub fn wrapped_key_der(&self) -> &[u8] {
        &self.wrapped_key_der
    }

    /// The content key, unwrapped with the recipient's private key.
    ///
    /// # Errors
    /// [`Error::WrongPrivateKey`] if it isn't this recipient's, or what was wrapped is no SM4 key.
    pub fn unwrap_key(&self, key: &PrivateKey) -> Result<sm4::Key, Error> {
        let content_key = key.decrypt(&self.wrapped_key).map_err(|_| Error::WrongPrivateKey)?;
        sm4::Key::from_slice(&content_key).map_err(|_| Error::WrongPrivateKey)
    }
}

impl RecipientInfo {
    /// Wraps `content_key` for the holder of `certificate`.
    pub(super) fn wrap(arc: Arc, certificate: &Certificate, content_key: &sm4::Key) -> Result<Self, Error> {
        let wrapped_key = certificate.public_key().encrypt(content_key.as_bytes())?;
        Ok(Self {
            version: arc.enveloped_version(),
            recipient: PartyId::IssuerAndSerialNumber(IssuerAndSerialNumber::of(certificate)?),
            key_encryption_algorithm: arc::sm2_encryption(),
            encrypted_key: OctetString::new(wrapped_key.to_der()?)?,
        })
    }

    pub(super) fn into_recipient(self) -> Result<Recipient, Error> {
        let version_fits = match self.recipient {
            PartyId::IssuerAndSerialNumber(_) => self.version <= 1,
            PartyId::SubjectKeyIdentifier(_) => self.version == 2,
        };
        if !version_fits {
            return Err(Error::Version { what: "RecipientInfo", found: self.version });
        }
        if !arc::is_sm2_encryption(&self.key_encryption_algorithm) {
            return Err(Error::KeyEncryption { found: self.key_encryption_algorithm.oid });
        }
        let wrapped_key_der = self.encrypted_key.into_bytes().into_vec();
        Ok(Recipient {
            id: self.recipient,
            wrapped_key: Ciphertext::from_der(&wrapped_key_der)?,
            wrapped_key_der,
        })
    }
}
