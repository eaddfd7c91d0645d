//! Where signatures are made and verified: on blocking threads, at most as many at once as there are processors, so that a
//! response of a thousand items never holds up a socket, and a panic ends one call only.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Calls that may wait for a processor: some seconds' work. More are refused at once.
const MOST_WAITING: usize = 4096;

/// Why work was not done.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The pool is closing, or the work panicked.
    #[error("a verification was broken off")]
    BrokenOff,
    /// Too many wait already.
    #[error("too many requests wait for a processor: try again in a moment, nothing is lost")]
    Full,
}

/// A bounded pool for work on the processor.
#[derive(Clone)]
pub struct CryptoPool {
    processors: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
}

impl Default for CryptoPool {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of(processors, MOST_WAITING)
    }
}

impl CryptoPool {
    /// One with so many processors, for which so many calls may wait.
    pub fn of(processors: usize, most_waiting: usize) -> Self {
        Self { processors: Arc::new(Semaphore::new(processors)), waiting: Arc::default(), most_waiting }
    }

    /// Runs `work` as soon as a processor is free for it.
    ///
    /// # Errors
    /// See [`PoolError`].
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = Place::take(&self.waiting, self.most_waiting)?;
        let permit = Arc::clone(&self.processors).acquire_owned().await.map_err(|_| PoolError::BrokenOff)?;
        drop(place);
        // The permit goes with the work: a caller who goes away frees no processor that is still busy.
        let guarded = move || {
            let _permit = permit;
            work()
        };
        spawn_blocking(guarded).await.map_err(|_| PoolError::BrokenOff)
    }
}

/// One who waits, counted until it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, most: usize) -> Result<Self, PoolError> {
        let place = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::Relaxed) < most { Ok(place) } else { Err(PoolError::Full) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
