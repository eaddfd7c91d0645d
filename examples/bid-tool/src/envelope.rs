//! Encrypted bids: NAME.p7e, an EnvelopedData (GM/T 0010), and NAME.p7e.json, which says by the holder's signature what
//! must come out. Both ways in constant memory.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use yinqiao_gm::cms::{self, Arc, EnvelopedDataReader, EnvelopedDataWriter};
use yinqiao_gm::sm2::{Ciphertext, PrivateKey};
use yinqiao_gm::x509::Certificate;
use yinqiao_gm::{sm3, sm4};
use yinqiao_protocol::outcome::Outcome;
use yinqiao_protocol::task::{Document, WrappedKey, serial_text};
use yinqiao_protocol::{ItemId, Sm3Hex, Task, Timestamp};

use crate::document::{FileError, NewFile, copy_and_digest, write_new};
use crate::trust::Trust;
use crate::verify::{Verified, VerifyError, verify_outcome};

/// What stands beside an encrypted document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The document's item in the statement.
    pub item: ItemId,
    /// The result of the `encrypt` session; its statement holds the plaintext's SM3.
    pub outcome: Outcome,
}

/// Why a document is not encrypted or opened.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The message.
    #[error("{}: {source}", path.display())]
    Message {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: cms::Error,
    },
    /// The JSON beside it.
    #[error("{}: not the consent that stands beside an encrypted document: {source}", path.display())]
    Consent {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The consent does not verify.
    #[error("{}: {source}", path.display())]
    NotVerified {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: Box<VerifyError>,
    },
    /// The consent is for something else.
    #[error("{}: the holder's statement beside it does not name this document", .0.display())]
    OtherDocument(PathBuf),
    /// The envelope is for somebody else.
    #[error("{}: not encrypted for the certificate of the holder who consented", .0.display())]
    OtherRecipient(PathBuf),
    /// The plaintext is not the one that was signed.
    #[error("{}: {what}; the statement says SM3 {signed}, found {found}", path.display())]
    OtherContent {
        /// Which file.
        path: PathBuf,
        /// What happened.
        what: &'static str,
        /// By the statement.
        signed: Sm3Hex,
        /// Of the bytes.
        found: Sm3Hex,
    },
    /// The rewrapped key.
    #[error("the content key for item \"{0}\" does not open with the one-time key of this session")]
    ContentKey(ItemId),
}

/// Encrypts the file at `source` for `recipient` into `target`, and puts the consent beside it. The file must still be
/// the one that the holder's statement names as `document`.
///
/// # Errors
/// See [`EnvelopeError`]. Then nothing stands at `target`.
pub fn encrypt(
    source: &Path,
    target: &Path,
    document: &Document,
    recipient: &Certificate,
    outcome: &Outcome,
) -> Result<(), EnvelopeError> {
    let message = |error| EnvelopeError::Message { path: target.to_path_buf(), source: error };
    let plain = File::open(source).map_err(FileError::io(source))?;
    let mut file = NewFile::begin(target)?;
    let recipients = std::slice::from_ref(recipient);
    let mut writer =
        EnvelopedDataWriter::new(Arc::Gmt0010, recipients, document.size, file.file()).map_err(message)?;
    let (_, found) = copy_and_digest(plain, &mut writer).map_err(FileError::io(source))?;
    if found != document.sm3 {
        let what = "the file was changed after its holder had consented";
        return Err(EnvelopeError::OtherContent {
            path: source.to_path_buf(),
            what,
            signed: document.sm3,
            found,
        });
    }
    writer.finish().map_err(message)?;
    let consent = Consent { item: document.id.clone(), outcome: outcome.clone() };
    let json = serde_json::to_vec_pretty(&consent)
        .map_err(|source| EnvelopeError::Consent { path: target.to_path_buf(), source })?;
    // The consent first: an encrypted document is never without it.
    write_new(&consent_path(target), &json)?;
    Ok(file.finish()?)
}

/// NAME.p7e.json for NAME.p7e.
pub fn consent_path(envelope: &Path) -> PathBuf {
    let mut path = envelope.as_os_str().to_owned();
    path.push(".json");
    path.into()
}

/// An encrypted document and what it must become.
#[derive(Clone, Debug)]
pub struct Envelope {
    path: PathBuf,
    /// Name, size and SM3 of the plaintext, as its holder signed them.
    pub document: Document,
    /// Who encrypted it, and with which certificate.
    pub consent: Verified,
    wrapped_key: Vec<u8>,
    serial: String,
    size: u64,
}

impl Envelope {
    /// Reads the header of the message at `path` and the consent beside it, and verifies that one.
    ///
    /// # Errors
    /// See [`EnvelopeError`].
    pub fn read(path: &Path, trust: &Trust, now: Timestamp) -> Result<Self, EnvelopeError> {
        let consent_path = consent_path(path);
        let json = fs::read(&consent_path).map_err(FileError::io(&consent_path))?;
        let consent: Consent = serde_json::from_slice(&json)
            .map_err(|source| EnvelopeError::Consent { path: consent_path.clone(), source })?;
        let verified = verify_outcome(&consent.outcome, trust, now)
            .map_err(|source| EnvelopeError::NotVerified { path: consent_path, source: Box::new(source) })?;
        let other_document = || EnvelopeError::OtherDocument(path.to_path_buf());
        let Task::Encrypt { items } = &verified.statement.task else { return Err(other_document()) };
        let document = items.iter().find(|item| item.id == consent.item).ok_or_else(other_document)?.clone();
        let other_recipient = || EnvelopeError::OtherRecipient(path.to_path_buf());
        let certificate = verified.encryption_certificate.clone().ok_or_else(other_recipient)?;
        let (file, size) = open(path)?;
        let reader = EnvelopedDataReader::new(BufReader::new(file))
            .map_err(|source| EnvelopeError::Message { path: path.to_path_buf(), source })?;
        let recipient = reader.recipients().iter().find(|one| one.id().names(&certificate).unwrap_or(false));
        let wrapped_key = recipient.ok_or_else(other_recipient)?.wrapped_key_der().to_vec();
        let serial = serial_text(&certificate);
        Ok(Self { path: path.to_path_buf(), document, consent: verified, wrapped_key, serial, size })
    }

    /// The content key as a `decrypt` session asks for it.
    pub fn wrapped_key(&self, id: ItemId) -> WrappedKey {
        WrappedKey {
            id,
            name: self.document.name.clone(),
            size: self.size,
            wrapped_key: self.wrapped_key.clone().into(),
            certificate_serial: self.serial.clone(),
        }
    }

    /// Decrypts into `target` with a content key that was wrapped for `one_time_key`. The plaintext stands there only
    /// when its SM3 is the one that its holder signed.
    ///
    /// # Errors
    /// See [`EnvelopeError`].
    pub fn open(
        &self,
        target: &Path,
        item: &ItemId,
        rewrapped: &[u8],
        one_time_key: &PrivateKey,
    ) -> Result<(), EnvelopeError> {
        let content_key = Ciphertext::from_der(rewrapped)
            .and_then(|cipher| one_time_key.decrypt(&cipher))
            .and_then(|key| sm4::Key::from_slice(&key))
            .map_err(|_| EnvelopeError::ContentKey(item.clone()))?;
        let message = |source| EnvelopeError::Message { path: self.path.clone(), source };
        let reader = EnvelopedDataReader::new(BufReader::new(open(&self.path)?.0)).map_err(message)?;
        let mut file = NewFile::begin(target)?;
        let mut out = Digesting { out: file.file(), hasher: sm3::Hasher::new() };
        reader.decrypt(&content_key, &mut out).map_err(message)?;
        let found = Sm3Hex(out.hasher.finalize());
        if found != self.document.sm3 {
            let what = "what comes out is not what its holder encrypted";
            return Err(EnvelopeError::OtherContent {
                path: self.path.clone(),
                what,
                signed: self.document.sm3,
                found,
            });
        }
        Ok(file.finish()?)
    }
}

fn open(path: &Path) -> Result<(File, u64), FileError> {
    let file = File::open(path).map_err(FileError::io(path))?;
    let size = file.metadata().map_err(FileError::io(path))?.len();
    Ok((file, size))
}

/// Passes bytes on and digests them.
struct Digesting<W> {
    out: W,
    hasher: sm3::Hasher,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.out.write(piece)?;
        self.hasher.update(&piece[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
