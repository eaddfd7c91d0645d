//! Who may change the catalogue now. The system lets a lock go when its process ends, however it ends.
//!
//! There are two, taken in this order: the lock of changes, held while a plugin is being tried out, and the lock of the
//! file, held while that is written. Disabling and removing take the second alone, so they never wait for a plugin.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::site::{self, Site};

/// How long a command waits for another one's change: trying a plugin out is part of it.
const CHANGE_WITHIN: Duration = Duration::from_secs(90);
/// How long it waits for another one that writes the file.
const FILE_WITHIN: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);

/// A lock that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The system refuses.
    #[error("the catalogue's lock {path}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Another command holds it.
    #[error("another command has been changing the catalogue for {0:?}: try again when it is done")]
    Held(Duration),
}

/// Held by the one change that is being tried.
#[derive(Debug)]
pub struct ChangeLock(#[expect(dead_code, reason = "held, not used")] File);

impl ChangeLock {
    /// Waits for it.
    ///
    /// # Errors
    /// See [`LockError`].
    pub async fn take(site: &Site) -> Result<Self, LockError> {
        take(site, site.change_lock(), CHANGE_WITHIN).await.map(Self)
    }
}

/// Held by the one that writes the catalogue's file.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "held, not used")] File);

impl FileLock {
    /// Waits for it.
    ///
    /// # Errors
    /// See [`LockError`].
    pub async fn take(site: &Site) -> Result<Self, LockError> {
        take(site, site.lock(), FILE_WITHIN).await.map(Self)
    }
}

async fn take(site: &Site, path: PathBuf, within: Duration) -> Result<File, LockError> {
    let failed = |reason| LockError::Io { path: path.clone(), reason };
    site::make_folder(site.data_directory()).map_err(failed)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    let give_up = tokio::time::Instant::now() + within;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(LOOK).await;
            }
            Err(fs::TryLockError::WouldBlock) => return Err(LockError::Held(within)),
            Err(fs::TryLockError::Error(reason)) => return Err(failed(reason)),
        }
    }
}
