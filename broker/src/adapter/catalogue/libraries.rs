//! The catalogue's own copies of plugins' files: a vendor's file that is replaced in place harms nothing, and what can be
//! rolled back to is still there.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use yinqiao_ca_worker::{Digests, Library, LibraryError};
use yinqiao_protocol::Sm3Hex;

use super::entry::{AdapterName, Entry};
use super::report::{self, ReportError};
use super::site::{self, Site};

/// Only its owner may read, load and list; nobody writes.
const MODE: u32 = 0o500;

/// A file that was taken.
#[derive(Debug)]
pub struct Taken {
    /// The copy.
    pub path: PathBuf,
    /// What its bytes hash to.
    pub digests: Digests,
}

/// A file that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It is not suitable, or not to be read.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The copy cannot be written.
    #[error("the copy {path} cannot be written: {reason}")]
    Copy {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The report does not speak for it.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The work was broken off.
    #[error("taking the library was broken off: try again")]
    BrokenOff,
}

/// Copies `source` into the catalogue's folder of the adapter `name`, under its SHA-256.
///
/// # Errors
/// See [`TakeError`].
pub async fn take(site: &Site, name: &AdapterName, source: PathBuf) -> Result<Taken, TakeError> {
    let folder = site.libraries(name);
    tokio::task::spawn_blocking(move || copy(&folder, &source)).await.map_err(|_| TakeError::BrokenOff)?
}

fn copy(folder: &Path, source: &Path) -> Result<Taken, TakeError> {
    let library = Library::open(source, None)?;
    let digests = *library.digests();
    let path = folder.join(format!("{}.so", hex::encode(digests.sha256)));
    if Library::open(&path, Some(&digests)).is_err() {
        // The bytes that were hashed, out of sealed memory, not the file once more.
        let memory = format!("/proc/self/fd/{}", library.as_fd().as_raw_fd());
        let written = File::open(memory).and_then(|content| site::write_whole(&path, content, MODE));
        written.map_err(|reason| TakeError::Copy { path: path.clone(), reason })?;
        Library::open(&path, Some(&digests))?;
    }
    Ok(Taken { path, digests })
}

/// Whether an entry's file still is the pinned one.
///
/// # Errors
/// See [`TakeError`].
pub async fn verify(entry: &Entry) -> Result<(), TakeError> {
    let (path, digests) = (entry.library().to_owned(), entry.pinned().copied());
    let shipped = entry.version.shipped;
    let open = move || match shipped {
        true => Library::open_beside_program(&path).map(drop),
        false => Library::open(&path, digests.as_ref()).map(drop),
    };
    tokio::task::spawn_blocking(open).await.map_err(|_| TakeError::BrokenOff)?.map_err(TakeError::Library)
}

/// Reads a report of the conformance kit, checks that it speaks for the library, and keeps a copy beside that.
///
/// # Errors
/// See [`TakeError`].
pub fn take_report(
    site: &Site,
    name: &AdapterName,
    source: &Path,
    digests: &Digests,
) -> Result<Sm3Hex, TakeError> {
    let bytes = report::read(source, digests)?;
    let path = site.libraries(name).join(format!("{}.report.json", hex::encode(digests.sha256)));
    site::write_whole(&path, bytes.as_slice(), 0o600).map_err(|reason| TakeError::Copy { path, reason })?;
    Ok(Sm3Hex::of(&bytes))
}

/// Deletes the copies of an adapter that `wanted` has no digests of. What cannot be deleted stays.
pub fn prune(site: &Site, name: &AdapterName, wanted: &[Digests]) {
    let folder = site.libraries(name);
    let wanted: Vec<String> = wanted.iter().map(|digests| hex::encode(digests.sha256)).collect();
    let Ok(files) = fs::read_dir(&folder) else { return };
    for file in files.flatten() {
        let name = file.file_name();
        let stem = name.to_str().and_then(|name| name.split('.').next()).unwrap_or_default();
        let is_copy = stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit());
        if is_copy && !wanted.iter().any(|digest| digest == stem) {
            let _stays = fs::remove_file(file.path());
        }
    }
    // Only an empty folder goes.
    let _stays = fs::remove_dir(&folder);
}
