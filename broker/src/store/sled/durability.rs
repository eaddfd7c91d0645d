//! The way to the disk, in three steps that only the writer takes.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sled::{Batch, Tree};

/// How a batch gets to the disk: `apply`, `flush`, `sync`, in this order, one batch at a time.
///
/// Tests put their own in the place of [`Disk`], to see the order and to let a step fail.
pub(super) trait Durability: Send + 'static {
    /// Puts the batch into the tree: visible at once, on no disk yet.
    fn apply(&mut self, tree: &Tree, batch: Batch) -> Result<(), String>;

    /// Hands what was applied to the operating system.
    fn flush(&mut self, tree: &Tree) -> Result<(), String>;

    /// Returns when what was flushed survives a power cut.
    fn sync(&mut self) -> Result<(), String>;
}

/// The real one.
///
/// On Linux `flush` of sled 0.34 writes its log with `sync_file_range`, which moves pages to the device but neither the
/// file's length and extents nor the device's own cache: what it returns from survives a killed process, not a power
/// cut. So `sync` calls fdatasync (POSIX, "synchronized I/O data integrity completion") on the same file through a
/// descriptor of its own.
///
/// sled overwrites a segment of its log when what lay there has been written anew further on and it holds that for
/// stable. It never holds a batch for stable before it is sealed, and there is never more than one batch between two
/// fdatasyncs: so what it relies on when it overwrites has been through an fdatasync, too.
pub(super) struct Disk {
    log: File,
    blobs: PathBuf,
    synced_blobs: HashSet<OsString>,
}

impl Disk {
    /// For sled's files in `folder`, which it has opened before: makes their names durable.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let (log, blobs) = (File::open(folder.join("db"))?, folder.join("blobs"));
        log.sync_all()?;
        File::open(folder.join("conf"))?.sync_all()?;
        for directory in [Some(blobs.as_path()), Some(folder), folder.parent()].into_iter().flatten() {
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            File::open(directory)?.sync_all()?;
        }
        let mut disk = Self { log, blobs, synced_blobs: HashSet::new() };
        disk.sync_blobs()?;
        Ok(disk)
    }

    /// Values are cut so that sled writes no blobs; should it write one all the same, it is synced like the log.
    fn sync_blobs(&mut self) -> io::Result<()> {
        let mut found = HashSet::new();
        for entry in fs::read_dir(&self.blobs)? {
            found.insert(entry?.file_name());
        }
        let mut new = found.difference(&self.synced_blobs).peekable();
        if new.peek().is_some() {
            for name in new {
                match File::open(self.blobs.join(name)) {
                    Ok(blob) => blob.sync_all()?,
                    // sled's own threads remove blobs that nothing points to any more.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            File::open(&self.blobs)?.sync_all()?;
        }
        self.synced_blobs = found;
        Ok(())
    }
}

impl Durability for Disk {
    fn apply(&mut self, tree: &Tree, batch: Batch) -> Result<(), String> {
        tree.apply_batch(batch).map_err(|error| format!("sled could not write: {error}"))
    }

    fn flush(&mut self, tree: &Tree) -> Result<(), String> {
        tree.flush().map(drop).map_err(|error| format!("sled could not flush its log: {error}"))
    }

    fn sync(&mut self) -> Result<(), String> {
        self.sync_blobs().map_err(|error| format!("the folder of blobs could not be synced: {error}"))?;
        self.log.sync_data().map_err(|error| format!("fdatasync of sled's log failed: {error}"))
    }
}
