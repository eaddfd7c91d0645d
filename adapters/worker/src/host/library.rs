//! A plugin's file, taken once: hashed and loaded are the same bytes.
//!
//! The file is copied into sealed memory (memfd with F_SEAL_WRITE) while it is hashed, and workers load it from that
//! descriptor. Neither a renamed file nor one that is written to after the check can come between; a restart needs the
//! file no more.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::Digest as _;

/// The largest library that is taken.
const SIZE_LIMIT: u64 = 512 << 20;

/// A plugin's file in sealed memory.
#[derive(Clone, Debug)]
pub struct Library {
    memory: Arc<File>,
    digests: Digests,
    path: PathBuf,
}

impl Library {
    /// Takes the file at `path`. With `pinned`, a file with other digests is refused. Reads the whole file: call it
    /// where blocking is allowed.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or is not the pinned one.
    pub fn open(path: &Path, pinned: Option<&Digests>) -> Result<Self, LibraryError> {
        let failed = |reason| LibraryError::Io { path: path.to_owned(), reason };
        let mut source = File::open(path).map_err(failed)?;
        let metadata = source.metadata().map_err(failed)?;
        if !metadata.is_file() || metadata.len() > SIZE_LIMIT {
            return Err(LibraryError::Unsuitable { path: path.to_owned() });
        }
        let mut memory = executable_memory().map_err(failed)?;
        let digests = copy_and_hash(&mut source, &mut memory).map_err(failed)?;
        if let Some(pinned) = pinned
            && *pinned != digests
        {
            return Err(LibraryError::OtherDigest {
                path: path.to_owned(),
                pinned: Box::new(*pinned),
                found: Box::new(digests),
            });
        }
        memory.seek(SeekFrom::Start(0)).map_err(failed)?;
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        fcntl_add_seals(&memory, seals).map_err(|error| failed(error.into()))?;
        Ok(Self { memory: Arc::new(memory), digests, path: path.to_owned() })
    }

    /// What the file's bytes hash to.
    #[must_use]
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Where the file was.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for Library {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

/// SHA-256 and SM3 of a file.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Digests {
    /// FIPS 180-4.
    pub sha256: [u8; 32],
    /// GB/T 32905.
    pub sm3: [u8; 32],
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{} sm3:{}", hex::encode(self.sha256), hex::encode(self.sm3))
    }
}

/// A plugin's file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// It cannot be read.
    #[error("the library {path} cannot be read: {reason}")]
    Io {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// It is not the one that was pinned.
    #[error(
        "the library {path} is another file than the pinned one: pinned {pinned}, found {found}; \
         restore the file, or register the new one as a new version"
    )]
    OtherDigest {
        /// Where it is.
        path: PathBuf,
        /// What was pinned.
        pinned: Box<Digests>,
        /// What is there.
        found: Box<Digests>,
    },
    /// Not a regular file, or too large.
    #[error("the library {path} is not a regular file of at most 512 MiB")]
    Unsuitable {
        /// Where it is.
        path: PathBuf,
    },
}

fn executable_memory() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know MFD_EXEC and allow execution anyway.
    let memory =
        memfd_create("adapter", flags | MemfdFlags::EXEC).or_else(|_| memfd_create("adapter", flags))?;
    Ok(File::from(memory))
}

fn copy_and_hash(source: &mut File, memory: &mut File) -> io::Result<Digests> {
    let (mut sha256, mut sm3) = (sha2::Sha256::new(), sm3::Sm3::new());
    let mut chunk = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let count = source.read(&mut chunk)?;
        total += count as u64;
        if count == 0 {
            return Ok(Digests { sha256: sha256.finalize().into(), sm3: sm3.finalize().into() });
        }
        if total > SIZE_LIMIT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it grew while it was read"));
        }
        sha256.update(&chunk[..count]);
        sm3.update(&chunk[..count]);
        memory.write_all(&chunk[..count])?;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let digests = *Library::open(&path, None).unwrap().digests();
        assert_eq!(
            digests.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad \
             sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
        assert!(Library::open(&path, Some(&digests)).is_ok());
    }

    #[test]
    fn a_file_that_changed_since_it_was_pinned_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library");
        fs::write(&path, "one").unwrap();
        let pinned = *Library::open(&path, None).unwrap().digests();
        fs::write(&path, "two").unwrap();
        assert!(matches!(Library::open(&path, Some(&pinned)), Err(LibraryError::OtherDigest { .. })));
    }

    #[test]
    fn what_was_taken_cannot_be_written_to_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library");
        fs::write(&path, "one").unwrap();
        let library = Library::open(&path, None).unwrap();
        fs::write(&path, "two").unwrap();
        // One octet, which changes the content and not the length: that has a seal of its own.
        assert!((&*library.memory).write(b"t").is_err());
        let mut text = String::new();
        (&*library.memory).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one");
    }

    #[test]
    fn a_folder_is_not_a_library() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Library::open(folder.path(), None), Err(LibraryError::Unsuitable { .. })));
    }
}
