//! The journal: what was begun, sent, put off, granted and finished, in files that survive a kill at any instant.
//!
//! ```text
//! DIRECTORY/
//!   transactions/NAME/          NAME is the SM3 of the idempotency key; the folder is what is locked
//!     record.json               the transaction's record
//!     record.tmp                the next one, while it is written
//!     absent, certificate.der   an operator's word on a transaction that the CA gives no answer about
//!   certificates/SERIAL.json    what was issued under that number, and its state
//!   certificates/*.tmp          files that are being written
//! ```
//!
//! A file is written aside, synchronised and renamed. Locks are the system's advisory locks: they hold between threads
//! and processes, and a killed process leaves none behind.

mod record;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use yinqiao_ca_sdk::messages::{IdempotencyKey, Serial};
use yinqiao_ca_sdk::{AdapterError, Call, ErrorClass};
use yinqiao_gm::sm3;

pub(crate) use record::{
    Enrolment, Issued, Rejection, Revocation, State, Subject, Transaction, TransactionRecord,
};

/// How often a held lock is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);
/// What a call keeps for its answer.
const MARGIN: Duration = Duration::from_millis(200);

/// The journal in its directory.
pub(crate) struct Journal {
    root: PathBuf,
}

/// One transaction, which nobody else touches for as long as this value lives.
pub(crate) struct Entry {
    folder: PathBuf,
    name: String,
    _lock: File,
}

/// The journal failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// A file is not what this plugin wrote.
    #[error("the file {path} is damaged: {reason}; restore it from a backup")]
    Damaged { path: PathBuf, reason: serde_json::Error },
    /// A file cannot be read or written.
    #[error("{path}: {reason}")]
    Io { path: PathBuf, reason: io::Error },
}

impl From<JournalError> for AdapterError {
    fn from(error: JournalError) -> Self {
        Self::unhealthy(error.to_string())
    }
}

impl Journal {
    /// Opens the directory and makes what is missing.
    pub(crate) fn open(root: &Path) -> Result<Self, JournalError> {
        for folder in [root.join("transactions"), root.join("certificates")] {
            make_folder(&folder)?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// The file name of a key's transaction, which is its token too.
    pub(crate) fn name(key: &IdempotencyKey) -> String {
        sm3::digest(key.as_str().as_bytes()).to_string()
    }

    /// Locks a key's transaction; makes its folder when it is missing.
    ///
    /// # Errors
    /// Retryable when another call holds it for too long.
    pub(crate) fn enter(&self, call: &Call<'_>, key: &IdempotencyKey) -> Result<Entry, AdapterError> {
        let name = Self::name(key);
        make_folder(&self.folder(&name))?;
        self.lock(call, name)
    }

    /// Locks the transaction of that name; None when there is none.
    ///
    /// # Errors
    /// As [`Self::enter`].
    pub(crate) fn find(&self, call: &Call<'_>, name: &str) -> Result<Option<Entry>, AdapterError> {
        let is_name = name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_name {
            return Ok(None);
        }
        let folder = self.folder(name);
        match fs::metadata(&folder) {
            Ok(_) => self.lock(call, name.to_owned()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Not there, or is the whole journal gone? Then nothing is certain.
                let transactions = self.root.join("transactions");
                fs::metadata(&transactions).map_err(io_error(&transactions))?;
                Ok(None)
            }
            Err(error) => Err(io_error(&folder)(error).into()),
        }
    }

    fn lock(&self, call: &Call<'_>, name: String) -> Result<Entry, AdapterError> {
        let folder = self.folder(&name);
        let file = File::open(&folder).map_err(io_error(&folder))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Entry { folder, name, _lock: file }),
                Err(TryLockError::WouldBlock) if call.cancelled() || call.remaining() < MARGIN => {
                    let text = "another call is working on this transaction";
                    return Err(AdapterError::new(ErrorClass::Retryable, text));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_INTERVAL),
                Err(TryLockError::Error(reason)) => return Err(io_error(&folder)(reason).into()),
            }
        }
    }

    /// What is known of an issued certificate.
    pub(crate) fn issued(&self, serial: &Serial) -> Result<Option<Issued>, JournalError> {
        read(&self.certificate(serial.as_str()))
    }

    /// Writes what is known of an issued certificate.
    pub(crate) fn record_issued(&self, serial: &Serial, issued: &Issued) -> Result<(), JournalError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.certificate(serial.as_str());
        write(&path, &path.with_extension(format!("{}-{number}.tmp", std::process::id())), issued)
    }

    /// The serial numbers of what was issued, sorted.
    pub(crate) fn serials(&self) -> Result<Vec<Serial>, JournalError> {
        let folder = self.root.join("certificates");
        let mut serials = Vec::new();
        for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
            let name = entry.map_err(io_error(&folder))?.file_name();
            let text = name.to_str().and_then(|name| name.strip_suffix(".json"));
            serials.extend(text.and_then(|text| Serial::try_from(text.to_owned()).ok()));
        }
        serials.sort_unstable();
        Ok(serials)
    }

    /// Reads a transaction without its lock: whole, but perhaps not the newest in the next instant.
    pub(crate) fn glance(&self, name: &str) -> Result<Option<TransactionRecord>, JournalError> {
        read(&self.folder(name).join("record.json"))
    }

    /// Whether files can be written.
    pub(crate) fn probe(&self) -> Result<(), JournalError> {
        let path = self.root.join(format!("probe-{}.tmp", std::process::id()));
        write_file(&path, b"{}").and_then(|()| fs::remove_file(&path)).map_err(io_error(&path))
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.root.join("transactions").join(name)
    }

    fn certificate(&self, serial: &str) -> PathBuf {
        self.root.join("certificates").join(format!("{serial}.json"))
    }
}

impl Entry {
    /// The token that polls it.
    pub(crate) fn token(&self) -> &str {
        &self.name
    }

    /// The record; None when nothing was begun.
    pub(crate) fn read(&self) -> Result<Option<TransactionRecord>, JournalError> {
        read(&self.folder.join("record.json"))
    }

    /// Writes the record; it is on the disk when this returns.
    pub(crate) fn write(&self, record: &TransactionRecord) -> Result<(), JournalError> {
        write(&self.folder.join("record.json"), &self.folder.join("record.tmp"), record)
    }

    /// Whether an operator has found out that the CA did nothing.
    pub(crate) fn settled_as_absent(&self) -> bool {
        self.folder.join("absent").exists()
    }

    /// The certificate that an operator has fetched from the CA by other means.
    pub(crate) fn settled_certificate(&self) -> Result<Option<Vec<u8>>, JournalError> {
        let path = self.folder.join("certificate.der");
        match fs::read(&path) {
            Ok(der) => Ok(Some(der)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path)(error)),
        }
    }

    /// Takes an operator's word away once it is acted on.
    pub(crate) fn forget_absent(&self) -> Result<(), JournalError> {
        let path = self.folder.join("absent");
        fs::remove_file(&path).map_err(io_error(&path))
    }
}

fn make_folder(path: &Path) -> Result<(), JournalError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error(path))?;
    synchronise_folder_of(path).map_err(io_error(path))
}

fn write(path: &Path, temporary: &Path, content: &impl Serialize) -> Result<(), JournalError> {
    let content = serde_json::to_vec_pretty(content).map_err(|error| io_error(path)(error.into()))?;
    let written = write_file(temporary, &content)
        .and_then(|()| fs::rename(temporary, path))
        .and_then(|()| synchronise_folder_of(path));
    written.map_err(io_error(path))
}

fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn synchronise_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JournalError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path)(error)),
    };
    serde_json::from_slice(&content)
        .map(Some)
        .map_err(|reason| JournalError::Damaged { path: path.to_owned(), reason })
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |reason| JournalError::Io { path, reason }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_are_for_their_owner_only_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("journal/transactions")), 0o700);
        let serial = Serial::from_octets(&[5]).unwrap();
        let path = journal.certificate(serial.as_str());
        write(&path, &path.with_extension("tmp"), &1).unwrap();
        assert_eq!(mode(&path), 0o600);
        let error = journal.issued(&serial).unwrap_err().to_string();
        assert!(error.contains("certificates/05.json"), "{error}");
    }
}
