//! The folder of changes: one JSON file each, kept after it took effect, as the evidence of who consented.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::change::ChangeRecord;
use super::site::{self, Site};

/// The shortest beginning of an id that names a change.
const PREFIX: usize = 4;

/// The folder.
#[derive(Clone, Debug)]
pub struct ChangeFolder(PathBuf);

/// A change that cannot be found, read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChangeFolderError {
    /// None of this id.
    #[error("no change has the id \"{0}\": `yinqiao adapter changes` shows those there are")]
    Unknown(String),
    /// More than one.
    #[error("several changes begin with \"{0}\": give more of the id")]
    Ambiguous(String),
    /// The system refuses.
    #[error("the change {path}: {reason}")]
    Io {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is none.
    #[error("the change {path} is damaged ({reason}): propose it again, and delete the file")]
    Damaged {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: serde_json::Error,
    },
}

impl ChangeFolder {
    /// That of a broker.
    pub fn of(site: &Site) -> Self {
        Self(site.changes())
    }

    /// The change whose id is `id` or begins with it.
    ///
    /// # Errors
    /// See [`ChangeFolderError`].
    pub fn find(&self, id: &str) -> Result<ChangeRecord, ChangeFolderError> {
        let unknown = || ChangeFolderError::Unknown(id.to_owned());
        if id.len() < PREFIX || !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            return Err(unknown());
        }
        let mut found = self.ids()?.into_iter().filter(|known| known.to_string().starts_with(id));
        let first = found.next().ok_or_else(unknown)?;
        if found.next().is_some() {
            return Err(ChangeFolderError::Ambiguous(id.to_owned()));
        }
        read(&self.path(first))
    }

    /// All, oldest first; what is damaged comes as its error.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn all(&self) -> Result<Vec<Result<ChangeRecord, ChangeFolderError>>, ChangeFolderError> {
        let mut records: Vec<_> = self.ids()?.into_iter().map(|id| read(&self.path(id))).collect();
        records.sort_by_key(|record| record.as_ref().map_or(0, |record| record.change.proposed_at.millis()));
        Ok(records)
    }

    /// Stores one, whole or not at all.
    ///
    /// # Errors
    /// [`ChangeFolderError::Io`].
    pub fn save(&self, record: &ChangeRecord) -> Result<(), ChangeFolderError> {
        let path = self.path(record.change.id);
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|reason| ChangeFolderError::Damaged { path: path.clone(), reason })?;
        site::write_whole(&path, bytes.as_slice(), 0o600)
            .map_err(|reason| ChangeFolderError::Io { path, reason })
    }

    fn ids(&self) -> Result<Vec<Uuid>, ChangeFolderError> {
        let failed = |reason| ChangeFolderError::Io { path: self.0.clone(), reason };
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(reason) => return Err(failed(reason)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            ids.extend(id.and_then(|id| Uuid::try_parse(id).ok()));
        }
        Ok(ids)
    }

    fn path(&self, id: Uuid) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }
}

fn read(path: &Path) -> Result<ChangeRecord, ChangeFolderError> {
    let bytes = fs::read(path).map_err(|reason| ChangeFolderError::Io { path: path.to_owned(), reason })?;
    serde_json::from_slice(&bytes)
        .map_err(|reason| ChangeFolderError::Damaged { path: path.to_owned(), reason })
}
