//! Files that are signed, sealed and encrypted, and the ones that come out.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use yinqiao_gm::sm3;
use yinqiao_protocol::task::{Document, is_showable};
use yinqiao_protocol::{IdentifierError, ItemId, Sm3Hex};

/// Bytes read at a time.
const PIECE: usize = 1 << 16;

/// What can be wrong with files.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The holder could not read it.
    #[error("{}: a file's name has 1 to 255 characters and no control characters; rename it", .0.display())]
    Name(PathBuf),
    /// Two results would have one name.
    #[error("{}: two of the files have this name; sign them in two runs, or rename one", .0.display())]
    Twice(PathBuf),
    /// The result is there already.
    #[error("{} exists already; take it away, or choose another folder", .0.display())]
    Exists(PathBuf),
    /// Something else has the folder's name.
    #[error("{} is not a folder: name one, or take the file away", .0.display())]
    NotAFolder(PathBuf),
    /// Not to be expected of `item-N`.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
}

impl FileError {
    /// For `map_err` behind what the system does with `path`.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), source }
    }
}

/// The files at `paths` as a session names them: `item-1`, `item-2`, …, each with its name, size and digest.
///
/// # Errors
/// See [`FileError`].
pub fn documents(paths: &[PathBuf]) -> Result<Vec<Document>, FileError> {
    let mut names = HashSet::new();
    let mut documents = Vec::with_capacity(paths.len());
    for (number, path) in (1..).zip(paths) {
        let name = shown_name(path)?;
        if !names.insert(name.clone()) {
            return Err(FileError::Twice(path.clone()));
        }
        let (size, sm3) = digest_of_file(path)?;
        documents.push(Document { id: item_id(number)?, name, size, sm3 });
    }
    Ok(documents)
}

/// `item-NUMBER`
///
/// # Errors
/// Never, as it stands.
pub fn item_id(number: usize) -> Result<ItemId, IdentifierError> {
    format!("item-{number}").parse()
}

/// The file's name as the holder reads it.
///
/// # Errors
/// [`FileError::Name`].
pub fn shown_name(path: &Path) -> Result<String, FileError> {
    let name = path.file_name().and_then(OsStr::to_str).filter(|name| is_showable(name, 255));
    name.map(str::to_owned).ok_or_else(|| FileError::Name(path.to_path_buf()))
}

/// Size in bytes and SM3, read in pieces.
///
/// # Errors
/// [`FileError::Io`].
pub fn digest_of_file(path: &Path) -> Result<(u64, Sm3Hex), FileError> {
    let mut file = File::open(path).map_err(FileError::io(path))?;
    let mut hasher = sm3::Hasher::new();
    let size = io::copy(&mut file, &mut hasher).map_err(FileError::io(path))?;
    Ok((size, Sm3Hex(hasher.finalize())))
}

/// Makes the folder where there is none.
///
/// # Errors
/// [`FileError::NotAFolder`], [`FileError::Io`].
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    if path.exists() && !path.is_dir() {
        return Err(FileError::NotAFolder(path.to_path_buf()));
    }
    fs::create_dir_all(path).map_err(FileError::io(path))
}

/// The results' paths: `folder`/NAME`suffix`; refuses those that exist, before anybody is asked to sign.
///
/// # Errors
/// As [`make_folder`]; [`FileError::Exists`].
pub fn results(folder: &Path, names: &[String], suffix: &str) -> Result<Vec<PathBuf>, FileError> {
    make_folder(folder)?;
    let paths: Vec<_> = names.iter().map(|name| folder.join(format!("{name}{suffix}"))).collect();
    match paths.iter().find(|path| path.exists()) {
        Some(path) => Err(FileError::Exists(path.clone())),
        None => Ok(paths),
    }
}

/// A file that appears under its name only when it is whole, and never takes another one's place.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl NewFile {
    /// Begins the file that will stand at `path`.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn begin(path: &Path) -> Result<Self, FileError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| io::Error::other(error.to_string()))
            .map_err(FileError::io(path))?;
        let mut name = OsStr::new(".").to_owned();
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{:016x}", u64::from_be_bytes(random)));
        let temporary = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = file.map_err(FileError::io(&temporary))?;
        Ok(Self { path: path.to_path_buf(), temporary, file })
    }

    /// Where to write.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts the file on the disk under its name.
    ///
    /// # Errors
    /// [`FileError::Exists`], [`FileError::Io`].
    pub fn finish(self) -> Result<(), FileError> {
        self.file.sync_all().map_err(FileError::io(&self.temporary))?;
        fs::hard_link(&self.temporary, &self.path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(self.path.clone()),
            _ => FileError::Io { path: self.path.clone(), source },
        })?;
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::io(folder))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // The file under its own name is a second link, or there is none and nothing is wanted of the rest.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Writes a small file whole.
///
/// # Errors
/// As [`NewFile`].
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = NewFile::begin(path)?;
    file.file().write_all(bytes).map_err(FileError::io(path))?;
    file.finish()
}

/// Copies `source` to `out` in pieces, and gives size and SM3 of what passed.
///
/// # Errors
/// What reading and writing say.
pub fn copy_and_digest(mut source: impl Read, mut out: impl Write) -> io::Result<(u64, Sm3Hex)> {
    let mut hasher = sm3::Hasher::new();
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    loop {
        let length = source.read(&mut piece)?;
        if length == 0 {
            return Ok((size, Sm3Hex(hasher.finalize())));
        }
        hasher.update(&piece[..length]);
        out.write_all(&piece[..length])?;
        size += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_appears_whole_and_takes_no_other_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bid.p7s");
        let mut file = NewFile::begin(&path).unwrap();
        file.file().write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        write_new(&path, b"whole").unwrap();
        assert!(matches!(write_new(&path, b"other"), Err(FileError::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_no_folder_for_results() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, b"").unwrap();
        assert!(matches!(results(&path, &[], ".p7s"), Err(FileError::NotAFolder(named)) if named == path));
        results(&folder.path().join("new/out"), &[], ".p7s").unwrap();
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a/bid.pdf", "b/bid.pdf"].map(|path| folder.path().join(path));
        for path in &paths {
            fs::create_dir(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        assert!(matches!(documents(&paths), Err(FileError::Twice(_))));
        let documents = documents(&paths[..1]).unwrap();
        assert_eq!((documents[0].size, documents[0].sm3), (1, Sm3Hex::of(b"x")));
    }
}
