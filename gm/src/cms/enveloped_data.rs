//! EnvelopedData in memory.

use std::io::Write;

use zeroize::Zeroizing;

use super::envelope_header::EnvelopeHeader;
use super::{Arc, EnvelopedDataReader, EnvelopedDataWriter, Error, Recipient};
use crate::sm2::PrivateKey;
use crate::sm4;
use crate::x509::Certificate;

/// An enveloped message that was read. For large ones see [`EnvelopedDataReader`].
#[derive(Clone, Debug)]
pub struct EnvelopedData {
    header: EnvelopeHeader,
    ciphertext: Vec<u8>,
}

impl EnvelopedData {
    /// Encrypts `content` for the SM2 key of each certificate in `recipients`, and gives the DER of
    /// the message.
    ///
    /// Whether the certificates are valid and meant for encryption is for the caller to check.
    ///
    /// # Errors
    /// [`Error::NoRecipients`], [`Error::Primitive`] if there is no randomness.
    pub fn seal(arc: Arc, recipients: &[Certificate], content: &[u8]) -> Result<Vec<u8>, Error> {
        let mut writer = EnvelopedDataWriter::new(arc, recipients, content.len() as u64, Vec::new())?;
        writer.write_all(content)?;
        writer.finish()
    }

    /// Reads a message of either arc, in DER or in the BER that [`EnvelopedDataReader`] takes.
    ///
    /// # Errors
    /// As [`EnvelopedDataReader::new`], and [`Error::Malformed`] if the message is cut short or
    /// bytes follow it.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let (header, ciphertext) = EnvelopedDataReader::new(der)?.into_parts()?;
        Ok(Self { header, ciphertext })
    }

    /// The arc of the message's object identifiers.
    #[must_use]
    pub fn arc(&self) -> Arc {
        self.header.arc
    }

    /// Whom the message is for, at least one.
    #[must_use]
    pub fn recipients(&self) -> &[Recipient] {
        &self.header.recipients
    }

    /// The content, decrypted with the private key of `recipient`, or, without one, of whichever
    /// recipient the key belongs to.
    ///
    /// # Errors
    /// [`Error::NotARecipient`], [`Error::WrongPrivateKey`], [`Error::WrongContentKey`].
    pub fn open(
        &self,
        key: &PrivateKey,
        recipient: Option<&Certificate>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.open_with_content_key(&self.header.content_key(key, recipient)?)
    }

    /// The content, decrypted with a content key that was unwrapped elsewhere. A wrong key passes by
    /// chance about once in 256 times: see [`EnvelopedDataReader::decrypt`].
    ///
    /// # Errors
    /// [`Error::WrongContentKey`].
    pub fn open_with_content_key(&self, content_key: &sm4::Key) -> Result<Zeroizing<Vec<u8>>, Error> {
        sm4::cbc_decrypt(content_key, &self.header.iv, &self.ciphertext).map_err(|_| Error::WrongContentKey)
    }
}
