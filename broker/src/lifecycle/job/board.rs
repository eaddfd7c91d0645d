//! Which jobs have changed since someone looked.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::records::Observer;
use crate::store::Collection;

/// Hears of every change in the store and keeps the names of changed jobs for the supervisor.
#[derive(Debug, Default)]
pub struct JobBoard {
    /// Locked for an insertion or to take all of it; never held across an await.
    changed: Mutex<BTreeSet<Vec<u8>>>,
    woken: Notify,
}

impl JobBoard {
    /// Waits until a job was made or changed, and gives the names of those that were.
    pub async fn changed(&self) -> BTreeSet<Vec<u8>> {
        loop {
            let woken = self.woken.notified();
            let changed = std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
            if !changed.is_empty() {
                return changed;
            }
            woken.await;
        }
    }
}

impl Observer for JobBoard {
    fn committed(&self, changed: &[(Collection, Vec<u8>)]) {
        let mut names = changed.iter().filter(|(collection, _)| *collection == Collection::Job).peekable();
        if names.peek().is_some() {
            let mut known = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(names.map(|(_, name)| name.clone()));
            self.woken.notify_one();
        }
    }
}
