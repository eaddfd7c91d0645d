//! What is read on every request, held in memory until it changes.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use yinqiao_protocol::Sm3Hex;

/// At most so many entries are held.
const MOST: usize = 20_000;

/// A cache by digest. An entry that was read while something changed is used once and not kept, so that a revoked key or
/// certificate cannot come back by a slow reader.
pub struct Cache<T> {
    entries: DashMap<Sm3Hex, Arc<T>>,
    /// Rises with each change.
    generation: AtomicU64,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { entries: DashMap::new(), generation: AtomicU64::new(0) }
    }
}

impl<T> Cache<T> {
    /// The entry, read by `read` where it is not held.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get_or_read<E>(
        &self,
        key: &Sm3Hex,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        if let Some(held) = self.entries.get(key) {
            return Ok(Arc::clone(&held));
        }
        let generation = self.generation.load(Ordering::Acquire);
        let entry = Arc::new(read.await?);
        if self.entries.len() >= MOST {
            self.entries.clear();
        }
        self.entries.insert(*key, Arc::clone(&entry));
        if self.generation.load(Ordering::Acquire) != generation {
            self.entries.remove(key);
        }
        Ok(entry)
    }

    /// Forgets one entry: called after its change is stored.
    pub fn forget_one(&self, key: &Sm3Hex) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.entries.remove(key);
    }

    /// Forgets all entries: called after each change is stored.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.entries.clear();
    }
}
