//! Writing an enveloped message of any size.

use std::fmt;
use std::io::{self, Write};

use super::envelope_header::EnvelopeHeader;
use super::{Arc, Error};
use crate::sm4::{self, CbcEncryptor};
use crate::x509::Certificate;

/// Encrypts what is written to it and writes the enveloped message, in definite-length DER and
/// constant memory.
///
/// The plaintext's length must be known at the start, since DER's lengths come first.
/// [`finish`](Self::finish) must be called: without it the message is cut short.
pub struct EnvelopedDataWriter<W> {
    out: W,
    encryptor: CbcEncryptor,
    ciphertext: Vec<u8>,
    announced: u64,
    written: u64,
}

/// Plaintext encrypted at a time.
const PIECE: usize = 1 << 16;

impl<W: Write> EnvelopedDataWriter<W> {
    /// Writes the message's header to `out`, with a fresh content key wrapped for the SM2 key of
    /// each certificate in `recipients`. `plaintext_length` counts bytes.
    ///
    /// Whether the certificates are valid and meant for encryption is for the caller to check.
    ///
    /// # Errors
    /// [`Error::NoRecipients`], [`Error::TooLong`], [`Error::Primitive`] if there is no randomness,
    /// [`Error::Io`].
    pub fn new(arc: Arc, recipients: &[Certificate], plaintext_length: u64, out: W) -> Result<Self, Error> {
        Self::with_content_key(arc, recipients, &sm4::Key::generate()?, plaintext_length, out)
    }

    /// As [`new`](Self::new), with the caller's content key. The vector is fresh in any case.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_content_key(
        arc: Arc,
        recipients: &[Certificate],
        content_key: &sm4::Key,
        plaintext_length: u64,
        mut out: W,
    ) -> Result<Self, Error> {
        // PKCS #7 padding fills up the last block, or adds one.
        let ciphertext_length = (plaintext_length / 16 + 1)
            .checked_mul(16)
            .ok_or(Error::TooLong { announced: plaintext_length })?;
        let mut iv = [0; 16];
        getrandom::fill(&mut iv).map_err(crate::Error::from)?;
        out.write_all(&EnvelopeHeader::encode(arc, recipients, content_key, &iv, ciphertext_length)?)?;
        Ok(Self {
            out,
            encryptor: CbcEncryptor::new(content_key, &iv),
            ciphertext: Vec::with_capacity(PIECE + 16),
            announced: plaintext_length,
            written: 0,
        })
    }

    /// Writes the end of the message and gives back what it was written to, flushed.
    ///
    /// # Errors
    /// [`Error::PlaintextLength`] if less was written than announced, [`Error::Io`].
    pub fn finish(mut self) -> Result<W, Error> {
        if self.written != self.announced {
            return Err(Error::PlaintextLength { announced: self.announced, written: self.written });
        }
        self.encryptor.finish(&mut self.ciphertext);
        self.out.write_all(&self.ciphertext)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for EnvelopedDataWriter<W> {
    /// Refuses, with [`io::ErrorKind::InvalidInput`], more plaintext than was announced.
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        let piece = &plaintext[..plaintext.len().min(PIECE)];
        let written = self.written.saturating_add(piece.len() as u64);
        if written > self.announced {
            let excess = Error::PlaintextLength { announced: self.announced, written };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, excess));
        }
        self.encryptor.update(piece, &mut self.ciphertext);
        let result = self.out.write_all(&self.ciphertext);
        self.ciphertext.clear();
        result?;
        self.written = written;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> fmt::Debug for EnvelopedDataWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopedDataWriter")
            .field("announced", &self.announced)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
