//! Points at which a test has the process die, as by `kill -9`: at the Nth time that it comes there.
//!
//! Only in builds with the feature `failpoints`, which no release has. The variable `YINQIAO_FAILPOINT` names a point and
//! a number: `commit-after:7`.

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
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static AT: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let text = std::env::var("YINQIAO_FAILPOINT").ok()?;
        let (name, number) = text.split_once(':')?;
        Some((name.to_owned(), number.parse().ok()?))
    });
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let Some((name, number)) = &*AT else { return };
    if *name == point.name() && PASSED.fetch_add(1, Ordering::AcqRel) + 1 == *number {
        let own = rustix::process::getpid();
        let _unreachable = rustix::process::kill_process(own, rustix::process::Signal::KILL);
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
