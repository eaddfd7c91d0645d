//! What stands before the encrypted content: recipients, algorithm, vector.

use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use spki::AlgorithmIdentifierOwned;

use super::framing;
use super::recipient::RecipientInfo;
use super::set::SetOf;
use super::{Arc, ContentKind, Error, Recipient, arc};
use crate::sm2::PrivateKey;
use crate::sm4;
use crate::x509::Certificate;

/// ```text
/// ContentInfo ::= SEQUENCE {
///     contentType  OBJECT IDENTIFIER,
///     content  [0] EXPLICIT EnvelopedData }
/// EnvelopedData ::= SEQUENCE {
///     version               INTEGER,   -- GM/T 0010: 1; RFC 5652: 0, or 2 with a recipient of version 2
///     recipientInfos        SET OF RecipientInfo,
///     encryptedContentInfo  EncryptedContentInfo }
/// EncryptedContentInfo ::= SEQUENCE {
///     contentType                 OBJECT IDENTIFIER,
///     contentEncryptionAlgorithm  AlgorithmIdentifier,      -- SM4-CBC, parameters OCTET STRING (SIZE (16))
///     encryptedContent        [0] IMPLICIT OCTET STRING }
/// ```
///
/// The optional fields of either standard (originatorInfo, sharedInfo, unprotected attributes) are
/// refused: nothing here would heed them.
#[derive(Clone, Debug)]
pub(super) struct EnvelopeHeader {
    pub(super) arc: Arc,
    pub(super) recipients: Vec<Recipient>,
    pub(super) iv: [u8; 16],
}

impl EnvelopeHeader {
    /// All bytes of the message before `ciphertext_length` bytes of encrypted content, which end it.
    pub(super) fn encode(
        arc: Arc,
        recipients: &[Certificate],
        content_key: &sm4::Key,
        iv: &[u8; 16],
        ciphertext_length: u64,
    ) -> Result<Vec<u8>, Error> {
        if recipients.is_empty() {
            return Err(Error::NoRecipients);
        }
        let recipient_infos = recipients
            .iter()
            .map(|certificate| RecipientInfo::wrap(arc, certificate, content_key))
            .collect::<Result<Vec<_>, _>>()?;
        let encrypted_content_info = [
            arc.content_type(ContentKind::Data).to_der()?,
            arc::sm4_cbc(iv)?.to_der()?,
            framing::header(framing::PRIMITIVE_0, ciphertext_length),
        ]
        .concat();
        let enveloped_data = [
            arc.enveloped_version().to_der()?,
            SetOf::sorted(recipient_infos)?.to_der()?,
            framing::prefix(framing::SEQUENCE, &encrypted_content_info, ciphertext_length)?,
        ]
        .concat();
        let enveloped_data = framing::prefix(framing::SEQUENCE, &enveloped_data, ciphertext_length)?;
        let content_info = [
            arc.content_type(ContentKind::EnvelopedData).to_der()?,
            framing::prefix(framing::CONSTRUCTED_0, &enveloped_data, ciphertext_length)?,
        ]
        .concat();
        framing::prefix(framing::SEQUENCE, &content_info, ciphertext_length)
    }

    /// Checks the elements found before the content.
    pub(super) fn parse(
        message_type: &[u8],
        version: &[u8],
        recipient_infos: &[u8],
        content_type: &[u8],
        algorithm: &[u8],
    ) -> Result<Self, Error> {
        let arc = Arc::of(ObjectIdentifier::from_der(message_type)?, ContentKind::EnvelopedData)?;
        Arc::of(ObjectIdentifier::from_der(content_type)?, ContentKind::Data)?;
        let version = u8::from_der(version)?;
        if version > 2 {
            return Err(Error::Version { what: "EnvelopedData", found: version });
        }
        let recipients = SetOf::<RecipientInfo>::from_der(recipient_infos)?
            .into_vec()
            .into_iter()
            .map(RecipientInfo::into_recipient)
            .collect::<Result<Vec<_>, _>>()?;
        if recipients.is_empty() {
            return Err(Error::NoRecipients);
        }
        let iv = arc::sm4_cbc_iv(&AlgorithmIdentifierOwned::from_der(algorithm)?)?;
        Ok(Self { arc, recipients, iv })
    }

    /// The content key, unwrapped from what is addressed to `recipient`, or, without one, from
    /// whatever `key` opens.
    pub(super) fn content_key(
        &self,
        key: &PrivateKey,
        recipient: Option<&Certificate>,
    ) -> Result<sm4::Key, Error> {
        let Some(certificate) = recipient else {
            return self
                .recipients
                .iter()
                .find_map(|recipient| recipient.unwrap_key(key).ok())
                .ok_or(Error::WrongPrivateKey);
        };
        for recipient in &self.recipients {
            if recipient.id().names(certificate)? {
                return recipient.unwrap_key(key);
            }
        }
        Err(Error::NotARecipient)
    }
}
