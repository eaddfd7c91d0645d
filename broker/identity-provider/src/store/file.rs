//! One JSON file.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{AccountStore, Document, StoreError};

const FILE: &str = "identity.json";
const NEW_FILE: &str = "identity.json.new";
const LOCK_FILE: &str = "identity.lock";

/// `identity.json` in a directory, mode 0600, replaced whole at each change by writing a new file, `fsync`, and rename. Good
/// for demonstrations and tests, some thousands of accounts; ID numbers and the signing key stand in it in clear.
#[derive(Debug)]
pub struct FileStore {
    directory: PathBuf,
    /// Locked as long as this lives, so that no second process writes.
    _lock: File,
}

impl FileStore {
    /// In `directory`, which is made (mode 0700) when it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or another process uses it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |error| StoreError::File { path, error }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(at(directory))?;
        let path = directory.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory: directory.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(at(&path)(error)),
        }
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        let new = self.directory.join(NEW_FILE);
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.directory.join(FILE))?;
        File::open(&self.directory)?.sync_all()
    }
}

impl AccountStore for FileStore {
    fn load(&self) -> Result<Option<Document>, StoreError> {
        let path = self.directory.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::File { path: path.display().to_string(), error }),
        };
        let content = |reason: String| StoreError::Content { path: path.display().to_string(), reason };
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| {
            content(format!("line {}, column {}: {:?}", error.line(), error.column(), error.classify()))
        })?;
        if document.version == 1 {
            Ok(Some(document))
        } else {
            Err(content(format!("version {} is not known here", document.version)))
        }
    }

    fn save(&self, document: &Document) -> Result<(), StoreError> {
        let path = || self.directory.join(FILE).display().to_string();
        let bytes = serde_json::to_vec(document)
            .map(Zeroizing::new)
            .map_err(|error| StoreError::Content { path: path(), reason: error.to_string() })?;
        self.write(&bytes).map_err(|error| StoreError::File { path: path(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(key: &str) -> Document {
        Document { version: 1, signing_key: key.to_owned().into(), accounts: Vec::new() }
    }

    #[test]
    fn what_was_saved_last_is_loaded_after_opening_again_and_nobody_else_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::open(directory.path()).unwrap();
        assert!(store.load().unwrap().is_none());
        store.save(&document("one")).unwrap();
        store.save(&document("two")).unwrap();
        drop(store);
        let loaded = FileStore::open(directory.path()).unwrap().load().unwrap().unwrap();
        assert_eq!(*loaded.signing_key, "two");
        let mode = fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_second_one_cannot_open_the_same_directory() {
        let directory = tempfile::tempdir().unwrap();
        let _first = FileStore::open(directory.path()).unwrap();
        assert!(matches!(FileStore::open(directory.path()), Err(StoreError::InUse { .. })));
    }

    #[test]
    fn a_file_cut_short_is_refused_and_its_content_is_not_told() {
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::open(directory.path()).unwrap();
        fs::write(directory.path().join(FILE), br#"{"version":1,"signing_key":"secret"#).unwrap();
        let error = store.load().unwrap_err();
        assert!(matches!(error, StoreError::Content { .. }) && !error.to_string().contains("secret"));
    }
}
