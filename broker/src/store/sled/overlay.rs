//! The tree with some keys painted over: new values over old ones while a batch is made up, old values over new ones
//! while a batch is on its way to the disk.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::iter::Peekable;

use sled::{IVec, Tree};

use super::keys;
use crate::store::StoreError;

/// Values by key; `None` where there is none.
pub(super) type Overlay = BTreeMap<Vec<u8>, Option<IVec>>;

/// A tree seen through an overlay.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a> {
    /// What lies above.
    pub(super) overlay: &'a Overlay,
    /// What lies below.
    pub(super) tree: &'a Tree,
}

impl<'a> Layers<'a> {
    pub(super) fn get(self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        match self.overlay.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.tree.get(key).map_err(unreadable),
        }
    }

    /// Everything whose key begins with `prefix` and is not before `from`, in the order of the keys.
    pub(super) fn scan(self, prefix: &[u8], from: Vec<u8>) -> Scan<'a> {
        let end = keys::end_of(prefix);
        let start = from.max(prefix.to_vec()).min(end.clone());
        Scan {
            below: self.tree.range(start.clone()..end.clone()).peekable(),
            above: self.overlay.range(start..end).peekable(),
        }
    }
}

/// See [`Layers::scan`].
pub(super) struct Scan<'a> {
    above: Peekable<btree_map::Range<'a, Vec<u8>, Option<IVec>>>,
    below: Peekable<sled::Iter>,
}

impl Iterator for Scan<'_> {
    type Item = Result<(Vec<u8>, IVec), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let lower = match self.below.peek() {
                Some(Ok((key, _))) => Some(key.clone()),
                Some(Err(_)) | None => None,
            };
            match (self.above.peek(), lower) {
                (Some((above, _)), Some(below)) if above.as_slice() > &*below => return self.take_below(),
                (None, _) => return self.take_below(),
                (Some((above, _)), below) => {
                    if below.is_some_and(|below| above.as_slice() == &*below) {
                        self.below.next();
                    } else if matches!(self.below.peek(), Some(Err(_))) {
                        return self.take_below();
                    }
                    if let Some((key, Some(value))) = self.above.next() {
                        return Some(Ok((key.clone(), value.clone())));
                    }
                }
            }
        }
    }
}

impl Scan<'_> {
    fn take_below(&mut self) -> Option<<Self as Iterator>::Item> {
        self.below.next().map(|entry| entry.map(|(key, value)| (key.to_vec(), value)).map_err(unreadable))
    }
}

/// What sled says when it cannot read.
pub(super) fn unreadable(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Corrupt(error.to_string()),
        other => StoreError::Unavailable(format!("the data directory cannot be read: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_sees_what_is_painted_over_and_not_what_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::open(folder.path()).unwrap();
        for key in ["S1", "S3", "S5", "T1"] {
            db.insert(key, "below").unwrap();
        }
        let overlay: Overlay =
            [("S0", true), ("S1", false), ("S3", true), ("S4", true), ("S9", false), ("T0", true)]
                .map(|(key, shown)| (key.as_bytes().to_vec(), shown.then(|| IVec::from("above"))))
                .into();
        let layers = Layers { overlay: &overlay, tree: &db };
        let seen = |from: &str| -> Vec<String> {
            layers
                .scan(b"S", from.into())
                .map(|entry| entry.unwrap())
                .map(|(key, value)| {
                    format!("{} {}", String::from_utf8(key).unwrap(), std::str::from_utf8(&value).unwrap())
                })
                .collect()
        };
        assert_eq!(seen("S"), ["S0 above", "S3 above", "S4 above", "S5 below"]);
        assert_eq!(seen("S4"), ["S4 above", "S5 below"]);
        assert_eq!(seen("X"), [""; 0]);
    }
}
