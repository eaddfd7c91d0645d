//! What a batch will write, as it is made up: each change sees those before it, and one that turns out not to fit leaves
//! no trace.

use sled::{Batch, IVec, Tree};

use super::overlay::{Layers, Overlay};
use crate::store::StoreError;

/// The batch being made up.
pub(super) struct Draft<'a> {
    tree: &'a Tree,
    writes: Overlay,
    /// What stood in `writes` before the change under way touched it.
    undo: Vec<(Vec<u8>, Option<Option<IVec>>)>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self { tree, writes: Overlay::new(), undo: Vec::new() }
    }

    /// The tree as it will be.
    pub(super) fn layers(&self) -> Layers<'_> {
        Layers { overlay: &self.writes, tree: self.tree }
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: impl Into<IVec>) {
        self.write(key, Some(value.into()));
    }

    pub(super) fn delete(&mut self, key: Vec<u8>) {
        self.write(key, None);
    }

    fn write(&mut self, key: Vec<u8>, value: Option<IVec>) {
        let before = self.writes.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    /// Ends a change that stays.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Ends a change that does not.
    pub(super) fn roll_back(&mut self) {
        for (key, before) in self.undo.drain(..).rev() {
            match before {
                Some(value) => self.writes.insert(key, value),
                None => self.writes.remove(&key),
            };
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// What stands now under the keys that will be written.
    pub(super) fn present(&self) -> Result<Overlay, StoreError> {
        let none = Overlay::new();
        let now = Layers { overlay: &none, tree: self.tree };
        self.writes.keys().map(|key| Ok((key.clone(), now.get(key)?))).collect()
    }

    pub(super) fn into_batch(self) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in self.writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }
}
