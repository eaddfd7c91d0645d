//! Where signatures are verified: on blocking threads, at most as many at once as there are processors, so that a
//! response of a thousand items never holds up a socket, and a panic ends one call only.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The work was lost: the pool is closing, or the work panicked.
#[derive(Debug, thiserror::Error)]
#[error("a verification was broken off")]
pub struct BrokenOff;

/// A bounded pool for work on the processor.
#[derive(Clone)]
pub struct CryptoPool(Arc<Semaphore>);

impl Default for CryptoPool {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZeroUsize::get))))
    }
}

impl CryptoPool {
    /// Runs `work` as soon as a processor is free for it.
    ///
    /// # Errors
    /// [`BrokenOff`].
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokenOff> {
        let _permit = self.0.acquire().await.map_err(|_| BrokenOff)?;
        spawn_blocking(work).await.map_err(|_| BrokenOff)
    }
}
