//! The one place that asks what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use yinqiao_protocol::Timestamp;

/// Now, by the system's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(millis.saturating_add(ahead()))
}

/// By how many milliseconds the broker is ahead of the system's clock.
#[cfg(not(feature = "failpoints"))]
#[inline]
fn ahead() -> i64 {
    0
}

/// By how many milliseconds a test has this broker be ahead of the system's clock: the file `ahead` in the folder of its
/// [failpoints](crate::failpoint).
#[cfg(feature = "failpoints")]
fn ahead() -> i64 {
    let file = crate::failpoint::folder().map(|folder| folder.join("ahead"));
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// A clock that may be another one than the system's, so that an hour can pass in a moment.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's.
    #[default]
    System,
    /// One that stands still until it is moved; milliseconds since the Unix epoch.
    Simulated(Arc<AtomicI64>),
}

impl Clock {
    /// One that stands at `time`.
    #[must_use]
    pub fn simulated(time: Timestamp) -> Self {
        Self::Simulated(Arc::new(AtomicI64::new(time.millis())))
    }

    /// What it says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => now(),
            Self::Simulated(millis) => Timestamp::from_millis(millis.load(Ordering::Acquire)),
        }
    }

    /// Moves a simulated clock; the system's stays as it is.
    pub fn advance(&self, seconds: u32) {
        if let Self::Simulated(millis) = self {
            millis.fetch_add(i64::from(seconds) * 1000, Ordering::AcqRel);
        }
    }
}
