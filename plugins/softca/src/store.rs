//! Files that are there whole or not at all.
//!
//! A file is written under `tmp/`, synchronised, renamed to its name, and the folder is synchronised. Locks are
//! advisory locks of the system: they hold between threads and processes, and a killed process leaves none behind.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;
use serde::de::DeserializeOwned;
use yinqiao_ca_sdk::AdapterError;
use yinqiao_gm::sm3;

/// A file under `tmp/` that is older was left by a killed process.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folders of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Folder {
    Certificates,
    Decisions,
    Operations,
    Reviews,
    Revocations,
    SealRevocations,
    Seals,
}

impl Folder {
    const ALL: [Self; 7] = [
        Self::Certificates,
        Self::Decisions,
        Self::Operations,
        Self::Reviews,
        Self::Revocations,
        Self::SealRevocations,
        Self::Seals,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Decisions => "decisions",
            Self::Operations => "operations",
            Self::Reviews => "reviews",
            Self::Revocations => "revocations",
            Self::SealRevocations => "seal-revocations",
            Self::Seals => "seals",
        }
    }
}

/// A directory with files of JSON.
pub(crate) struct Store {
    root: PathBuf,
}

/// A held lock.
pub(crate) struct Lock {
    _file: File,
}

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// A file is not what this plugin wrote.
    #[error("the file {path} is damaged: {reason}; restore it from a backup")]
    Damaged { path: PathBuf, reason: serde_json::Error },
    /// Nothing was stored.
    #[error("{path}: {reason}; nothing was stored")]
    Io { path: PathBuf, reason: io::Error },
    /// It may or may not be stored after a power cut.
    #[error("{path} was written, but cannot be synchronised: {reason}")]
    Uncertain { path: PathBuf, reason: io::Error },
}

impl From<StoreError> for AdapterError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Uncertain { .. } => Self::unknown_outcome(error.to_string()),
            StoreError::Damaged { .. } | StoreError::Io { .. } => Self::unhealthy(error.to_string()),
        }
    }
}

impl Store {
    /// Opens the directory, makes what is missing, and removes what a killed process left under `tmp/`.
    pub(crate) fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self { root: root.to_owned() };
        let folders = Folder::ALL.iter().map(|folder| folder.name()).chain(["locks", "tmp"]);
        for folder in folders.map(|name| root.join(name)) {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(io_error(&folder))?;
        }
        store.sweep()?;
        Ok(store)
    }

    /// Stores a new file; false when there is one of that name.
    pub(crate) fn create(
        &self,
        folder: Folder,
        name: &str,
        content: &impl Serialize,
    ) -> Result<bool, StoreError> {
        self.write(&self.path(folder, name), content, RenameFlags::NOREPLACE)
    }

    /// Stores a file in the place of any of that name.
    pub(crate) fn replace(
        &self,
        folder: Folder,
        name: &str,
        content: &impl Serialize,
    ) -> Result<(), StoreError> {
        self.write(&self.path(folder, name), content, RenameFlags::empty()).map(drop)
    }

    /// Reads a file; None when there is none.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        folder: Folder,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        read(&self.path(folder, name))
    }

    /// Removes a file, if there is one.
    pub(crate) fn remove(&self, folder: Folder, name: &str) -> Result<(), StoreError> {
        let path = self.path(folder, name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => {
                result.map_err(io_error(&path))?;
                self.synchronise_folder_of(&path)
            }
        }
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, folder: Folder) -> Result<Vec<String>, StoreError> {
        let path = self.root.join(folder.name());
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(io_error(&path))? {
            let name = entry.map_err(io_error(&path))?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Stores a file at the top.
    pub(crate) fn replace_top(&self, name: &str, content: &impl Serialize) -> Result<(), StoreError> {
        self.write(&self.top(name), content, RenameFlags::empty()).map(drop)
    }

    /// Reads a file at the top.
    pub(crate) fn read_top<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        read(&self.top(name))
    }

    /// Waits for the lock of one idempotency key. Keys share 256 locks, as many as a digest's first octet has values.
    pub(crate) fn lock_key(&self, digest: &sm3::Digest) -> Result<Lock, StoreError> {
        self.lock(&format!("key-{:02x}", digest.as_bytes()[0]))
    }

    /// Waits for a lock.
    pub(crate) fn lock(&self, name: &str) -> Result<Lock, StoreError> {
        let (path, file) = self.lock_file(name)?;
        file.lock().map_err(io_error(&path))?;
        Ok(Lock { _file: file })
    }

    /// A lock, unless somebody has it.
    pub(crate) fn try_lock(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        self.try_to(name, File::try_lock)
    }

    /// A lock together with others who share it, unless somebody has it alone.
    pub(crate) fn try_lock_shared(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        self.try_to(name, File::try_lock_shared)
    }

    fn try_to(
        &self,
        name: &str,
        lock: impl FnOnce(&File) -> Result<(), TryLockError>,
    ) -> Result<Option<Lock>, StoreError> {
        let (path, file) = self.lock_file(name)?;
        match lock(&file) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error(&path)(error)),
        }
    }

    fn lock_file(&self, name: &str) -> Result<(PathBuf, File), StoreError> {
        let path = self.root.join("locks").join(name);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(io_error(&path))?;
        Ok((path, file))
    }

    /// Whether files can be written.
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        let path = self.temporary();
        self.write_temporary(&path, b"{}").and_then(|()| fs::remove_file(&path)).map_err(io_error(&path))
    }

    fn write(&self, path: &Path, content: &impl Serialize, flags: RenameFlags) -> Result<bool, StoreError> {
        let content = serde_json::to_vec_pretty(content).map_err(|error| io_error(path)(error.into()))?;
        let temporary = self.temporary();
        let result = self
            .write_temporary(&temporary, &content)
            .and_then(|()| renameat_with(CWD, &temporary, CWD, path, flags).map_err(io::Error::from));
        if let Err(reason) = result {
            // What is left is swept at a later open.
            let _ = fs::remove_file(&temporary);
            if reason.kind() == io::ErrorKind::AlreadyExists {
                return Ok(false);
            }
            return Err(io_error(path)(reason));
        }
        self.synchronise_folder_of(path)?;
        Ok(true)
    }

    fn write_temporary(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn synchronise_folder_of(&self, path: &Path) -> Result<(), StoreError> {
        let folder = path.parent().unwrap_or(&self.root);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|reason| StoreError::Uncertain { path: path.to_owned(), reason })
    }

    fn sweep(&self) -> Result<(), StoreError> {
        let folder = self.root.join("tmp");
        for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
            let path = entry.map_err(io_error(&folder))?.path();
            let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                // Another process may have swept it.
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    fn temporary(&self) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // The time keeps a process apart from an earlier one with its number.
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        self.root.join("tmp").join(format!("{}-{number}-{time}", std::process::id()))
    }

    fn path(&self, folder: Folder, name: &str) -> PathBuf {
        self.root.join(folder.name()).join(format!("{name}.json"))
    }

    fn top(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.json"))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path)(error)),
    };
    serde_json::from_slice(&content)
        .map(Some)
        .map_err(|reason| StoreError::Damaged { path: path.to_owned(), reason })
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |reason| StoreError::Io { path, reason }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn of_two_that_create_one_name_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let won: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| store.create(Folder::Seals, "a", &7).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
    }

    #[test]
    fn files_are_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("ca")).unwrap();
        store.replace_top("authority", &1).unwrap();
        let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("ca/authority.json"), mode("ca/operations")), (0o600, 0o700));
    }

    #[test]
    fn a_damaged_file_is_named_and_not_taken_for_missing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        fs::write(folder.path().join("seals/a.json"), "{").unwrap();
        let error = store.read::<u32>(Folder::Seals, "a").unwrap_err();
        assert!(error.to_string().contains("seals/a.json"), "{error}");
    }
}
