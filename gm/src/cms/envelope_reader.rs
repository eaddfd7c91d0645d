//! Reading an enveloped message of any size.

use std::fmt;
use std::io::{Read, Write};

use zeroize::{Zeroize, Zeroizing};

use super::envelope_header::EnvelopeHeader;
use super::framing::{self, Content, Source};
use super::{Arc, Error, Recipient};
use crate::sm2::PrivateKey;
use crate::sm4::{self, CbcDecryptor};
use crate::x509::Certificate;

/// Reads an enveloped message: first its recipients, so that somebody can unwrap the content key
/// (a holder's phone, say), then with that key the content, in constant memory.
///
/// Beside DER it takes what software after RFC 5652 writes to a stream: BER's indefinite length in
/// the four outer layers, and encrypted content in several OCTET STRINGs.
pub struct EnvelopedDataReader<R> {
    header: EnvelopeHeader,
    source: Source<R>,
    content: Content,
}

/// Ciphertext decrypted at a time.
const PIECE: usize = 1 << 16;

impl<R: Read> EnvelopedDataReader<R> {
    /// Reads up to the encrypted content.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Asn1`] for anything but an enveloped message;
    /// [`Error::ContentType`], [`Error::Version`], [`Error::ContentEncryption`],
    /// [`Error::KeyEncryption`], [`Error::Primitive`] for one that isn't supported; [`Error::Io`].
    pub fn new(message: R) -> Result<Self, Error> {
        let mut source = Source::new(message);
        source.enter(framing::SEQUENCE)?;
        let message_type = source.element()?;
        source.enter(framing::CONSTRUCTED_0)?;
        source.enter(framing::SEQUENCE)?;
        let version = source.element()?;
        let recipients = source.element()?;
        source.enter(framing::SEQUENCE)?;
        let content_type = source.element()?;
        let algorithm = source.element()?;
        let content = source.enter_content()?;
        let header = EnvelopeHeader::parse(&message_type, &version, &recipients, &content_type, &algorithm)?;
        Ok(Self { header, source, content })
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

    /// The content key, unwrapped with a private key that is at hand: from what is addressed to
    /// `recipient`, or, without one, from whatever the key opens.
    ///
    /// # Errors
    /// [`Error::NotARecipient`], [`Error::WrongPrivateKey`].
    pub fn content_key(&self, key: &PrivateKey, recipient: Option<&Certificate>) -> Result<sm4::Key, Error> {
        self.header.content_key(key, recipient)
    }

    /// Decrypts the content into `out`, reads to the end of the message and the input, and gives
    /// the plaintext's length in bytes.
    ///
    /// Plaintext is written before the end is known to be right: on an error, throw `out` away.
    /// CBC doesn't authenticate. A wrong key is noticed by the padding, which it passes by chance
    /// about once in 256 times, and altered content may go unnoticed. Compare the content with a
    /// digest or signature that you trust.
    ///
    /// # Errors
    /// [`Error::WrongContentKey`] if the padding is wrong or the content isn't whole blocks,
    /// [`Error::Malformed`] if the message is cut short or bytes follow it, [`Error::Io`].
    pub fn decrypt(self, content_key: &sm4::Key, mut out: impl Write) -> Result<u64, Error> {
        let mut decryptor = CbcDecryptor::new(content_key, &self.header.iv);
        let mut plaintext = Zeroizing::new(Vec::with_capacity(PIECE + 16));
        let mut written = 0;
        self.for_each_piece(|ciphertext| {
            decryptor.update(ciphertext, &mut plaintext);
            written += plaintext.len() as u64;
            out.write_all(&plaintext)?;
            plaintext.zeroize();
            Ok(())
        })?;
        decryptor.finish(&mut plaintext).map_err(|_| Error::WrongContentKey)?;
        written += plaintext.len() as u64;
        out.write_all(&plaintext)?;
        out.flush()?;
        Ok(written)
    }

    /// The header and the whole ciphertext.
    pub(super) fn into_parts(self) -> Result<(EnvelopeHeader, Vec<u8>), Error> {
        let header = self.header.clone();
        let mut ciphertext = Vec::new();
        self.for_each_piece(|piece| {
            ciphertext.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((header, ciphertext))
    }

    /// Reads the rest of the message and of the input.
    fn for_each_piece(mut self, mut take: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut piece = vec![0; PIECE];
        loop {
            match self.source.read_content(&mut self.content, &mut piece)? {
                0 => break,
                length => take(&piece[..length])?,
            }
        }
        // EncryptedContentInfo, EnvelopedData, [0], ContentInfo.
        for _ in 0..4 {
            self.source.leave()?;
        }
        self.source.finish()
    }
}

impl<R> fmt::Debug for EnvelopedDataReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopedDataReader").field("header", &self.header).finish_non_exhaustive()
    }
}
