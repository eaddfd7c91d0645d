//! Where a plugin's file lies, and who could exchange it.
//!
//! The path is walked from the root by descriptors, one name at a time: every folder and symbolic link on the way is
//! opened, then looked at, and what comes next is opened below that very descriptor. Nobody can put something else in
//! between the look and the use.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat};
use rustix::process::geteuid;

/// As many symbolic links as the kernel follows (path_resolution(7)).
const LINK_LIMIT: u32 = 40;

/// Why a place is no place for a plugin.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Somebody else owns something on the way, and can change it.
    #[error(
        "{path} belongs to the user {owner}, who could exchange the plugin; give it to root or to the user that runs \
         the broker: chown {expected} {path}"
    )]
    Owner {
        /// What.
        path: PathBuf,
        /// Whose.
        owner: u32,
        /// Whose it may be.
        expected: u32,
    },
    /// Others may write to something on the way.
    #[error(
        "{path} is writable by its group or by everybody (mode {mode:04o}), who could exchange the plugin: \
         chmod go-w {path}"
    )]
    Writable {
        /// What.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Others may create and remove files beside the plugin's.
    #[error(
        "{path} is a folder that everybody may write to (mode {mode:04o}), and the plugin lies in it: move it into a \
         folder of its own"
    )]
    Shared {
        /// What.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be opened.
    #[error("{path} cannot be opened: {reason}")]
    Io {
        /// What.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// Symbolic links lead in a circle.
    #[error("{path} leads through more than {LINK_LIMIT} symbolic links; name the file itself")]
    Links {
        /// Where.
        path: PathBuf,
    },
    /// A folder, a pipe, a device.
    #[error("{path} is not a regular file; name the plugin's library")]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
}

/// Opens the file at `path` for reading, if only root and this process's user could have written it or could put another
/// in its place.
///
/// Folders above the one of the file may be writable by everybody when they are sticky (`/tmp`), provided that what
/// comes next is owned and guarded as above: in a sticky folder nobody else can rename or remove it.
pub(super) fn open_guarded(path: &Path) -> Result<File, PlaceError> {
    let whole = std::path::absolute(path).map_err(|reason| failed(path, reason))?;
    let mut walk = Walk::begin(&whole)?;
    while let Some(name) = walk.ahead.pop_front() {
        if let Some(file) = walk.step(&name)? {
            return Ok(file);
        }
    }
    Err(PlaceError::NotAFile { path: whole })
}

struct Walk {
    /// What is still to be walked.
    ahead: VecDeque<OsString>,
    /// The folders from the root to here, each checked.
    folders: Vec<Folder>,
    links: u32,
    expected_owner: u32,
}

struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
    /// Everybody may write to it, but only to what is theirs.
    shared: Option<u32>,
}

impl Walk {
    fn begin(path: &Path) -> Result<Self, PlaceError> {
        let root = Path::new("/");
        let descriptor = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let descriptor = descriptor.map_err(|reason| failed(root, reason.into()))?;
        let expected_owner = geteuid().as_raw();
        let mut walk = Self { ahead: names(path), folders: Vec::new(), links: 0, expected_owner };
        walk.enter(descriptor, root.to_owned())?;
        Ok(walk)
    }

    /// Goes one name further; gives the file when the path ends there.
    fn step(&mut self, name: &OsStr) -> Result<Option<File>, PlaceError> {
        if name == ".." {
            // The root is its own parent.
            if self.folders.len() > 1 {
                self.folders.pop();
            }
            return Ok(None);
        }
        let here = self.here()?;
        let path = here.path.join(name);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = openat(&here.descriptor, name, flags, Mode::empty());
        let found = found.map_err(|reason| failed(&path, reason.into()))?;
        let stat = fstat(&found).map_err(|reason| failed(&path, reason.into()))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.enter(found, path).map(|()| None),
            FileType::Symlink => self.follow(&found, &stat, &path).map(|()| None),
            FileType::RegularFile if self.ahead.is_empty() => self.take(name, &path).map(Some),
            _ => Err(PlaceError::NotAFile { path }),
        }
    }

    fn enter(&mut self, descriptor: OwnedFd, path: PathBuf) -> Result<(), PlaceError> {
        let stat = fstat(&descriptor).map_err(|reason| failed(&path, reason.into()))?;
        self.check_owner(&stat, &path)?;
        let writable = writable_by_others(&stat);
        let sticky = Mode::from_raw_mode(stat.st_mode).contains(Mode::SVTX);
        if writable && !sticky {
            return Err(PlaceError::Writable { path, mode: permissions(&stat) });
        }
        let shared = writable.then(|| permissions(&stat));
        self.folders.push(Folder { descriptor, path, shared });
        Ok(())
    }

    /// Puts the names of a link's target before what is ahead.
    fn follow(&mut self, link: &OwnedFd, stat: &Stat, path: &Path) -> Result<(), PlaceError> {
        self.links += 1;
        if self.links > LINK_LIMIT {
            return Err(PlaceError::Links { path: path.to_owned() });
        }
        // Whoever owns a link can exchange it, in a sticky folder too. Its mode means nothing.
        self.check_owner(stat, path)?;
        let target = readlinkat(link, "", Vec::new()).map_err(|reason| failed(path, reason.into()))?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            self.folders.truncate(1);
        }
        for name in names(&target).into_iter().rev() {
            self.ahead.push_front(name);
        }
        Ok(())
    }

    /// Opens the file itself and checks what was opened.
    fn take(&self, name: &OsStr, path: &Path) -> Result<File, PlaceError> {
        let here = self.here()?;
        if let Some(mode) = here.shared {
            return Err(PlaceError::Shared { path: here.path.clone(), mode });
        }
        // Not waiting for a writer, should it have become a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&here.descriptor, name, flags, Mode::empty());
        let file = file.map_err(|reason| failed(path, reason.into()))?;
        let stat = fstat(&file).map_err(|reason| failed(path, reason.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(PlaceError::NotAFile { path: path.to_owned() });
        }
        self.check_owner(&stat, path)?;
        if writable_by_others(&stat) {
            return Err(PlaceError::Writable { path: path.to_owned(), mode: permissions(&stat) });
        }
        Ok(File::from(file))
    }

    fn check_owner(&self, stat: &Stat, path: &Path) -> Result<(), PlaceError> {
        let (owner, expected) = (stat.st_uid, self.expected_owner);
        if owner == 0 || owner == expected {
            return Ok(());
        }
        Err(PlaceError::Owner { path: path.to_owned(), owner, expected })
    }

    fn here(&self) -> Result<&Folder, PlaceError> {
        // The root is never left.
        self.folders.last().ok_or_else(|| PlaceError::NotAFile { path: PathBuf::from("/") })
    }
}

/// The names of a path; `.` and the root are none.
fn names(path: &Path) -> VecDeque<OsString> {
    let named = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    named.collect()
}

fn writable_by_others(stat: &Stat) -> bool {
    Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH)
}

fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

fn failed(path: &Path, reason: io::Error) -> PlaceError {
    PlaceError::Io { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::{TempDir, tempdir};

    use super::*;

    /// A file in a folder in a folder below the system's sticky folder for temporary files.
    fn scene() -> (TempDir, PathBuf) {
        let folder = tempdir().unwrap();
        let inner = folder.path().join("plugins");
        fs::create_dir(&inner).unwrap();
        let file = inner.join("library.so");
        fs::write(&file, "content").unwrap();
        set(&inner, 0o755);
        set(&file, 0o644);
        (folder, file)
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(path: &Path) -> String {
        let refusal = open_guarded(path).unwrap_err().to_string();
        assert!(!refusal.contains('\n'));
        refusal
    }

    #[test]
    fn a_file_that_only_its_owner_can_write_is_opened() {
        let (folder, file) = scene();
        open_guarded(&file).unwrap();
        open_guarded(&folder.path().join("plugins/../plugins/./library.so")).unwrap();
    }

    #[test]
    fn a_file_or_folder_that_others_may_write_is_refused_with_the_command_that_mends_it() {
        let (folder, file) = scene();
        for path in [&file, &folder.path().join("plugins"), folder.path()] {
            let before = fs::metadata(path).unwrap().permissions();
            for bits in [0o020, 0o002] {
                set(path, 0o755 | bits);
                let mended_by = format!("chmod go-w {}", path.display());
                assert!(refusal(&file).ends_with(&mended_by), "{}", refusal(&file));
            }
            fs::set_permissions(path, before).unwrap();
        }
        open_guarded(&file).unwrap();
    }

    #[test]
    fn a_sticky_folder_is_good_above_a_guarded_one_but_not_for_the_plugin_itself() {
        let (folder, file) = scene();
        set(folder.path(), 0o1777);
        open_guarded(&file).unwrap();
        set(&folder.path().join("plugins"), 0o1777);
        assert!(refusal(&file).contains("folder of its own"), "{}", refusal(&file));
    }

    #[test]
    fn a_symbolic_link_is_as_good_as_where_it_leads() {
        let (folder, file) = scene();
        let open_to_all = folder.path().join("open");
        fs::create_dir(&open_to_all).unwrap();
        let exposed = open_to_all.join("library.so");
        fs::copy(&file, &exposed).unwrap();
        set(&open_to_all, 0o777);
        let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
        symlink("plugins/library.so", &good).unwrap();
        symlink(&exposed, &bad).unwrap();
        open_guarded(&good).unwrap();
        assert!(refusal(&bad).contains("/open is writable"), "{}", refusal(&bad));
    }

    #[test]
    fn a_circle_of_links_ends() {
        let (folder, _) = scene();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        symlink(&two, &one).unwrap();
        symlink(&one, &two).unwrap();
        assert!(refusal(&one).contains("40 symbolic links"));
    }

    #[test]
    fn what_is_no_file_is_refused_and_a_pipe_is_not_waited_for() {
        let (folder, file) = scene();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for path in [&pipe, &folder.path().join("plugins"), &file.join("below"), Path::new("/")] {
            assert!(matches!(open_guarded(path), Err(PlaceError::NotAFile { .. })), "{path:?}");
        }
        let missing = folder.path().join("missing");
        assert!(refusal(&missing).contains("No such file"));
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        if !geteuid().is_root() {
            // Only root can give a file away; the rule itself is looked at with the users there are.
            let walk = Walk::begin(Path::new("/")).unwrap();
            let mut stat = fstat(&walk.folders[0].descriptor).unwrap();
            stat.st_uid = walk.expected_owner + 1;
            assert!(walk.check_owner(&stat, Path::new("/")).is_err());
            return;
        }
        let (folder, file) = scene();
        for path in [&file, &folder.path().join("plugins")] {
            std::os::unix::fs::chown(path, Some(4711), None).unwrap();
            assert!(refusal(&file).contains(&format!("chown 0 {}", path.display())), "{}", refusal(&file));
            std::os::unix::fs::chown(path, Some(0), None).unwrap();
        }
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(4711), None).unwrap();
        assert!(matches!(open_guarded(&link), Err(PlaceError::Owner { .. })));
    }
}
