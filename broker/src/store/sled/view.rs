//! What readers see: never anything that is not on disk.
//!
//! sled shows a batch to everyone as soon as it is applied, before it is flushed. A reader who acted on that would break
//! the promise that every transition is stored before anyone hears of it. So before a batch is applied, the values that
//! it will replace are painted over the tree, and readers go on seeing those until the batch is synced. If it never is,
//! they stay for as long as the process runs.
//!
//! This costs one read per written key and no copy of the data. The alternatives were to let readers wait for the sync
//! (each read as slow as a write) or to write to sled only after a sync of a log of our own (each byte written twice).

use std::sync::{PoisonError, RwLock};

use sled::Tree;

use super::overlay::{Layers, Overlay};

/// The tree as far as it is on disk.
pub(super) struct View {
    tree: Tree,
    /// Read-locked for the time of one read, so that all parts of what is read are of one moment; write-locked only to
    /// begin and to end a batch, never while waiting for the disk. No code holds it across an `.await`.
    hidden: RwLock<Overlay>,
}

impl View {
    pub(super) fn new(tree: Tree) -> Self {
        Self { tree, hidden: RwLock::new(Overlay::new()) }
    }

    /// The tree itself, for the writer.
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Reads at one moment.
    pub(super) fn read<T>(&self, read: impl FnOnce(Layers<'_>) -> T) -> T {
        let hidden = self.hidden.read().unwrap_or_else(PoisonError::into_inner);
        read(Layers { overlay: &hidden, tree: &self.tree })
    }

    /// A batch begins: what it is going to replace stays in sight.
    pub(super) fn hide(&self, present: Overlay) {
        *self.hidden.write().unwrap_or_else(PoisonError::into_inner) = present;
    }

    /// The batch is on disk.
    pub(super) fn reveal(&self) {
        let before = std::mem::take(&mut *self.hidden.write().unwrap_or_else(PoisonError::into_inner));
        // Dropped after the lock is free.
        drop(before);
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft::Draft;
    use super::*;

    #[test]
    fn a_batch_is_invisible_until_it_is_revealed() {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::open(folder.path()).unwrap();
        db.insert("S1", "old").unwrap();
        db.insert("S2", "old").unwrap();
        let view = View::new((*db).clone());
        let seen = || {
            view.read(|layers| {
                layers
                    .scan(b"S", Vec::new())
                    .map(|entry| entry.unwrap())
                    .map(|(key, value)| [key, value.to_vec()].concat())
                    .collect::<Vec<_>>()
            })
        };
        let mut draft = Draft::new(view.tree());
        draft.put(b"S1".to_vec(), "new");
        draft.delete(b"S2".to_vec());
        draft.put(b"S3".to_vec(), "new");

        view.hide(draft.present().unwrap());
        db.apply_batch(draft.into_batch()).unwrap();
        assert_eq!(seen(), [b"S1old", b"S2old"]);

        view.reveal();
        assert_eq!(seen(), [b"S1new", b"S3new"]);
    }
}
