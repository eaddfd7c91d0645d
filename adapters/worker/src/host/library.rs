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

use super::elf;
use super::place::{self, PlaceError};

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
    /// The file and every folder above it must belong to root or to this process's user and be writable by nobody else.
    /// A sticky folder that everybody may write to, such as `/tmp`, is accepted above the plugin's own folder. Symbolic
    /// links are followed, and hold to the same rules.
    ///
    /// # Errors
    /// When others could exchange it, it cannot be read, is too large, is no library of this machine, or is not the
    /// pinned one. Each says in one line what to do.
    pub fn open(path: &Path, pinned: Option<&Digests>) -> Result<Self, LibraryError> {
        let place = |reason| LibraryError::Place { path: path.to_owned(), reason };
        Self::take(place::open_guarded(path).map_err(place)?, path, pinned)
    }

    /// Takes the library that came with the running program, from beside it, whoever may write there: who could exchange
    /// it could exchange the program.
    ///
    /// # Errors
    /// As [`Self::open`], but for its place.
    pub fn open_beside_program(path: &Path) -> Result<Self, LibraryError> {
        let source = File::open(path).map_err(|reason| LibraryError::Io { path: path.to_owned(), reason })?;
        Self::take(source, path, None)
    }

    fn take(mut source: File, path: &Path, pinned: Option<&Digests>) -> Result<Self, LibraryError> {
        let failed = |reason| LibraryError::Io { path: path.to_owned(), reason };
        if source.metadata().map_err(failed)?.len() > SIZE_LIMIT {
            return Err(LibraryError::TooLarge { path: path.to_owned() });
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
        // Of the copy, which nobody can change any more.
        let mut head = Vec::with_capacity(elf::HEAD);
        memory.seek(SeekFrom::Start(0)).map_err(failed)?;
        (&memory).take(elf::HEAD as u64).read_to_end(&mut head).map_err(failed)?;
        if let Some(found) = elf::obstacle(&head) {
            return Err(LibraryError::NotALibrary { path: path.to_owned(), found });
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
    /// Others could exchange it, or it is not there.
    #[error("the library {path} is not taken: {reason}")]
    Place {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong there, and what to do.
        reason: PlaceError,
    },
    /// No worker on this machine could load it.
    #[error(
        "the library {path} is {found}; a plugin is an ELF shared library for {} (.so): get that from its vendor",
        std::env::consts::ARCH
    )]
    NotALibrary {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// No plugin is so large.
    #[error("the library {path} is larger than 512 MiB; check that it is the plugin's")]
    TooLarge {
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
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    /// A library: this test's own program, which is position-independent and so an ELF shared object.
    fn scene() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library.so");
        let mut head = vec![0; 4096];
        File::open(std::env::current_exe().unwrap()).unwrap().read_exact(&mut head).unwrap();
        fs::write(&path, head).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        (folder, path)
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let digests = copy_and_hash(&mut file, &mut executable_memory().unwrap()).unwrap();
        assert_eq!(
            digests.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad \
             sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
    }

    #[test]
    fn a_file_with_one_changed_octet_is_refused() {
        let (_folder, path) = scene();
        let pinned = *Library::open(&path, None).unwrap().digests();
        assert!(Library::open(&path, Some(&pinned)).is_ok());
        let mut octets = fs::read(&path).unwrap();
        octets[4000] ^= 1;
        fs::write(&path, octets).unwrap();
        let error = Library::open(&path, Some(&pinned)).unwrap_err();
        assert!(matches!(error, LibraryError::OtherDigest { .. }), "{error}");
    }

    #[test]
    fn what_was_taken_cannot_be_written_to_any_more() {
        let (_folder, path) = scene();
        let before = fs::read(&path).unwrap();
        let library = Library::open(&path, None).unwrap();
        fs::write(&path, "another").unwrap();
        // One octet, which changes the content and not the length: that has a seal of its own.
        assert!((&*library.memory).write(b"t").is_err());
        let mut taken = Vec::new();
        (&*library.memory).read_to_end(&mut taken).unwrap();
        assert_eq!(taken, before);
    }

    #[test]
    fn a_text_is_called_a_text_and_a_missing_file_missing() {
        let (folder, path) = scene();
        fs::write(&path, "not a library").unwrap();
        let error = Library::open(&path, None).unwrap_err().to_string();
        assert!(error.contains("is a text; a plugin is an ELF shared library"), "{error}");
        let error = Library::open(&folder.path().join("missing"), None).unwrap_err().to_string();
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn a_file_that_others_may_write_is_refused_before_it_is_read() {
        let (_folder, path) = scene();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        let error = Library::open(&path, None).unwrap_err().to_string();
        assert!(error.contains("chmod go-w") && !error.contains('\n'), "{error}");
    }
}
