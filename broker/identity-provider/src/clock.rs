//! What time it is.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use yinqiao_protocol::Timestamp;

/// Where the provider has the time from.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The system's clock, put forward: for tests of what happens after a while.
#[derive(Debug, Default)]
pub struct ForwardClock {
    millis: AtomicI64,
}

impl ForwardClock {
    /// Puts it forward by `seconds` more.
    pub fn put_forward(&self, seconds: u32) {
        self.millis.fetch_add(i64::from(seconds) * 1000, Ordering::Relaxed);
    }
}

impl Clock for ForwardClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().millis() + self.millis.load(Ordering::Relaxed))
    }
}
