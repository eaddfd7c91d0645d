//! Files that are old or new, never half, and that nobody else reads.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes `folder`, for its owner only, where it is not there.
///
/// # Errors
/// Also when it is there and others may write to it.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    refuse_rights(folder, 0o022, "others may change what is in it: take their rights away (chmod go-w)")
}

/// Refuses a file that others than its owner may read or write.
///
/// # Errors
/// With [`io::ErrorKind::PermissionDenied`], and what the system says.
pub fn require_private(file: &Path) -> io::Result<()> {
    refuse_rights(file, 0o077, "others may read it: take their rights away (chmod go-rwx), and enrol anew")
}

fn refuse_rights(path: &Path, rights: u32, why: &str) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & rights == 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Writes `bytes` to `name` in `folder` so that after a crash the old or the new content is there. When this returns,
/// the new content is on the disk.
///
/// # Errors
/// What the system says.
pub fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = folder.join(format!(".{name}.{:016x}", u64::from_be_bytes(random)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join(name))?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // The first error is the one to tell; a leftover is private and never read.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Holds `name` in `folder` locked against other processes and threads until it is dropped.
///
/// # Errors
/// What the system says.
pub fn lock(folder: &Path, name: &str) -> io::Result<File> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(name))?;
    file.lock()?;
    Ok(file)
}
