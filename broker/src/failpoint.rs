//! Points at which a test has the process die, as by `kill -9`: at the Nth time that it comes there.
//!
//! Only in builds with the feature `failpoints`, which no release has. The variable `YINQIAO_FAILPOINTS` names a folder. Each
//! point that is passed is written to the file `passed` there, a line for each; the file `die`, with lines such as `commit-after:7`,
//! says at which it dies. A process that is started again goes on counting in the same file: it dies once for each line.

use crate::store::{Collection, RecordChange};

/// A point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failpoint {
    /// A change is decided and not yet given to the store.
    CommitBefore,
    /// A change is on disk; nobody has heard of it.
    CommitAfter,
    /// A call to a CA's adapter is about to be made.
    AdapterBefore,
    /// A call to a CA's adapter came back; nothing of it is noted.
    AdapterAfter,
}

/// Comes by a point.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn pass(_: Failpoint) {}

/// Comes by a point, and dies there when it is time.
#[cfg(feature = "failpoints")]
pub fn pass(point: Failpoint) {
    if let Some(folder) = folder() {
        // A folder that is gone belongs to a test that is over.
        let _over = counted::pass(folder, point.name());
    }
}

/// Whether a change is work for somebody: the broker's signs of life come by the clock, and would have a test count them.
#[must_use]
pub fn counts(changes: &[RecordChange]) -> bool {
    let by_clock =
        |change: &RecordChange| matches!(change.collection, Collection::Setting | Collection::Outage);
    !changes.iter().all(by_clock)
}

/// Where a test writes what is to happen.
#[cfg(feature = "failpoints")]
pub(crate) fn folder() -> Option<&'static std::path::Path> {
    static FOLDER: std::sync::LazyLock<Option<std::path::PathBuf>> =
        std::sync::LazyLock::new(|| std::env::var_os("YINQIAO_FAILPOINTS").map(Into::into));
    FOLDER.as_deref()
}

#[cfg(feature = "failpoints")]
mod counted {
    use std::fs::{self, File};
    use std::io::{self, Write};
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};

    use rustix::process::{Signal, getpid, kill_process};

    /// Held while a point is written and counted: two at once would both see the higher number.
    static COUNTING: Mutex<()> = Mutex::new(());

    pub(super) fn pass(folder: &Path, name: &str) -> io::Result<()> {
        let _counting = COUNTING.lock().unwrap_or_else(PoisonError::into_inner);
        let file = folder.join("passed");
        File::options().create(true).append(true).open(&file)?.write_all(format!("{name}\n").as_bytes())?;
        let passed = fs::read_to_string(&file)?.lines().filter(|line| *line == name).count();
        let here = format!("{name}:{passed}");
        if fs::read_to_string(folder.join("die"))?.lines().any(|line| line == here) {
            kill_process(getpid(), Signal::KILL)?;
        }
        Ok(())
    }
}

#[cfg(feature = "failpoints")]
impl Failpoint {
    fn name(self) -> &'static str {
        match self {
            Self::CommitBefore => "commit-before",
            Self::CommitAfter => "commit-after",
            Self::AdapterBefore => "adapter-before",
            Self::AdapterAfter => "adapter-after",
        }
    }
}
