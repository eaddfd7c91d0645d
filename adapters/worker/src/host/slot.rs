//! One adapter whose process, file and configuration may be replaced while it is in use.
//!
//! ```text
//! present() ── Arc ── call ──┐         the calls that began before replace() end on the old handle
//!                            ▼
//!               old handle ──── drain: nobody holds it, nothing inside or waiting ──▶ shut down
//! replace(new) ▶ new handle ◀── present()
//! ```

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::handle::AdapterHandle;

/// How often [`AdapterSlot::drain`] looks whether the old handle is still in use: an `Arc` tells nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Holds the present handle of one adapter.
#[derive(Debug)]
pub struct AdapterSlot {
    /// Held for a copy or an exchange, never while anything is called.
    present: RwLock<Arc<AdapterHandle>>,
}

/// A replaced handle is in use beyond the time it was given. It goes on serving those who hold it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the replaced adapter is still in use after {limit:?}: {holders} callers hold it, {inside} calls are inside and \
     {waiting} wait; drain it again, or shut it down and lose them"
)]
pub struct StillInUse {
    /// The handle, to be drained again or shut down.
    pub handle: Arc<AdapterHandle>,
    /// How long was waited.
    pub limit: Duration,
    /// Who holds it beside this error.
    pub holders: usize,
    /// Calls inside the plugin.
    pub inside: usize,
    /// Calls that wait for a free thread.
    pub waiting: usize,
}

impl AdapterSlot {
    /// Holds `handle`.
    #[must_use]
    pub fn new(handle: Arc<AdapterHandle>) -> Self {
        Self { present: RwLock::new(handle) }
    }

    /// The present handle. A caller keeps the `Arc` for the duration of its call and no longer: as long as anybody holds
    /// it, a replaced handle is not shut down.
    #[must_use]
    pub fn present(&self) -> Arc<AdapterHandle> {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on [`Self::present`] gives `new`. Gives the old handle, which goes on serving the calls that have it;
    /// hand it to [`Self::drain`].
    #[must_use = "the old handle is to be drained"]
    pub fn replace(&self, new: Arc<AdapterHandle>) -> Arc<AdapterHandle> {
        std::mem::replace(&mut *self.present.write().unwrap_or_else(PoisonError::into_inner), new)
    }

    /// Waits until nobody else holds `old` and no call of it is inside or waiting, and shuts it down.
    ///
    /// # Errors
    /// When that takes longer than `limit`. The handle is in the error and still serves: no call fails.
    pub async fn drain(old: Arc<AdapterHandle>, limit: Duration) -> Result<(), StillInUse> {
        let deadline = Instant::now() + limit;
        loop {
            let health = old.health();
            // Nobody can copy the Arc any more when this is the only one.
            let holders = Arc::strong_count(&old) - 1;
            let (inside, waiting) = (health.inside, health.waiting);
            if holders == 0 && inside == 0 && waiting == 0 {
                old.shutdown().await;
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(StillInUse { handle: old, limit, holders, inside, waiting });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl fmt::Debug for AdapterHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdapterHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}
