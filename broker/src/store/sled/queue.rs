//! What waits for the writer: bounded in bytes, closed at the end.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::StoreError;

/// Units of 4 KiB that may wait at once: 64 MiB.
const ROOM: usize = 16 * 1024;
const UNIT: usize = 4096;
/// Most bytes of one commit: half of the room. All of a commit's pages must also fit into sled's cache at once, since
/// sled waits for itself when it reads a page back that the batch under way has written.
pub(super) const LARGEST_COMMIT: usize = ROOM * UNIT / 2;
/// Most commits and bytes that share one flush.
const LARGEST_BATCH: (usize, usize) = (1024, 1024 * 1024);

/// A queue of `T` from many tasks to one thread.
pub(super) struct Queue<T> {
    /// Held for the time of a push or of taking a batch, never while waiting for the disk.
    state: Mutex<State<T>>,
    arrived: Condvar,
    room: Arc<Semaphore>,
}

struct State<T> {
    waiting: VecDeque<Waiting<T>>,
    closed: bool,
}

/// One entry. Its room is taken until the permit is dropped.
pub(super) struct Waiting<T> {
    entry: T,
    bytes: usize,
    room: OwnedSemaphorePermit,
}

impl<T> Waiting<T> {
    pub(super) fn into_parts(self) -> (T, OwnedSemaphorePermit) {
        (self.entry, self.room)
    }
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State { waiting: VecDeque::new(), closed: false }),
            arrived: Condvar::new(),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    /// Waits for room and joins the queue.
    pub(super) async fn push(&self, entry: T, bytes: usize) -> Result<(), StoreError> {
        if bytes > LARGEST_COMMIT {
            return Err(StoreError::Unavailable(format!(
                "a change of {bytes} bytes is too large for one step, the most is {LARGEST_COMMIT}: split it"
            )));
        }
        // At most half of `ROOM`, so it fits.
        let units = bytes.div_ceil(UNIT).max(1) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.map_err(|_| closed())?;
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        state.waiting.push_back(Waiting { entry, bytes, room });
        self.arrived.notify_one();
        Ok(())
    }

    /// Blocks until something waits, and takes as much as one batch may hold, in order. `None` when the queue is closed
    /// and empty.
    pub(super) fn take(&self) -> Option<Vec<Waiting<T>>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (most, most_bytes) = LARGEST_BATCH;
        let mut bytes = 0;
        let count = state
            .waiting
            .iter()
            .take(most)
            .take_while(|waiting| {
                bytes += waiting.bytes;
                bytes <= most_bytes
            })
            .count();
        Some(state.waiting.drain(..count.max(1)).collect())
    }

    /// Refuses everything from now on; what waits already is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.arrived.notify_all();
    }

    /// Closes and forgets what waits.
    pub(super) fn abandon(&self) {
        self.close();
        self.lock().waiting.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // The state is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed or its writer has stopped: restart the broker".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_ends_at_its_bounds_and_a_single_larger_entry_still_comes() {
        let queue = Queue::new();
        for (entry, bytes) in [(1, 600_000), (2, 600_000), (3, 2_000_000), (4, 1)] {
            queue.push(entry, bytes).await.unwrap();
        }
        queue.close();
        let mut batches = Vec::new();
        while let Some(batch) = queue.take() {
            batches.push(batch.iter().map(|waiting| waiting.entry).collect::<Vec<_>>());
        }
        assert_eq!(batches, [vec![1], vec![2], vec![3], vec![4]]);
    }

    #[tokio::test]
    async fn closing_wakes_those_who_wait_for_room() {
        let queue = Arc::new(Queue::new());
        queue.push(1, LARGEST_COMMIT).await.unwrap();
        queue.push(2, LARGEST_COMMIT).await.unwrap();
        let third = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.push(3, 1).await }
        });
        tokio::task::yield_now().await;
        queue.close();
        assert!(third.await.unwrap().is_err());
        assert_eq!(queue.take().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_change_that_would_never_fit_is_refused_at_once() {
        assert!(Queue::new().push((), LARGEST_COMMIT + 1).await.is_err());
    }
}
