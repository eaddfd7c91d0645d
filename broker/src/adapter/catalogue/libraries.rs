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

/// A file that was taken, and a report about it. Nothing of either is in the catalogue's folder yet.
#[derive(Debug)]
pub struct Taken {
    /// Its bytes, in sealed memory.
    pub library: Library,
    /// Where the catalogue's copy is, or will be.
    pub path: PathBuf,
    report: Option<Vec<u8>>,
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

/// Takes the file `source` for the adapter `name`, and a report of the conformance kit, which must speak for it.
///
/// # Errors
/// See [`TakeError`].
pub async fn take(
    site: &Site,
    name: &AdapterName,
    source: PathBuf,
    report: Option<PathBuf>,
) -> Result<Taken, TakeError> {
    let folder = site.libraries(name);
    let read = move || {
        let library = Library::open(&source, None)?;
        let report = report.map(|path| report::read(&path, library.digests())).transpose()?;
        let path = folder.join(format!("{}.so", hex::encode(library.digests().sha256)));
        Ok(Taken { library, path, report })
    };
    tokio::task::spawn_blocking(read).await.map_err(|_| TakeError::BrokenOff)?
}

impl Taken {
    /// SM3 of the report.
    pub fn report_sm3(&self) -> Option<Sm3Hex> {
        self.report.as_deref().map(Sm3Hex::of)
    }

    /// Writes the copies into the catalogue's folder, under the library's SHA-256.
    ///
    /// # Errors
    /// See [`TakeError`].
    pub async fn keep(self) -> Result<(), TakeError> {
        tokio::task::spawn_blocking(move || self.write()).await.map_err(|_| TakeError::BrokenOff)?
    }

    fn write(&self) -> Result<(), TakeError> {
        let Self { library, path, report } = self;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |reason| TakeError::Copy { path, reason }
        };
        if Library::open(path, Some(library.digests())).is_err() {
            // The bytes that were hashed, out of sealed memory, not the file once more.
            let memory = format!("/proc/self/fd/{}", library.as_fd().as_raw_fd());
            let written = File::open(memory).and_then(|content| site::write_whole(path, content, MODE));
            written.map_err(failed(path))?;
            Library::open(path, Some(library.digests()))?;
        }
        if let Some(report) = report {
            let path = path.with_extension("report.json");
            site::write_whole(&path, report.as_slice(), 0o600).map_err(failed(&path))?;
        }
        Ok(())
    }
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
