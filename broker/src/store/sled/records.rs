//! Records as they lie in the tree: the content of a value is the record.

use super::draft::Draft;
use super::keys;
use super::overlay::Layers;
use super::value::{self, Head, corrupt};
use crate::store::{Collection, RecordChange, StoreError, StoredRecord, Write};

/// Refuses keys that would make sled's pages too large.
pub(super) fn check_keys(changes: &[RecordChange]) -> Result<(), StoreError> {
    match changes.iter().map(|change| change.key.len()).find(|length| *length > keys::LONGEST_RECORD_KEY) {
        Some(length) => Err(StoreError::Unavailable(format!(
            "a record's key of {length} bytes cannot be stored, the longest is {}",
            keys::LONGEST_RECORD_KEY
        ))),
        None => Ok(()),
    }
}

/// Bytes that the changes will write, about.
pub(super) fn weight(changes: &[RecordChange]) -> usize {
    changes.iter().map(|change| 256 + change.key.len() + change.write.len()).sum()
}

/// Writes the changes to the draft, if they fit what stands there.
pub(super) fn plan(draft: &mut Draft<'_>, changes: Vec<RecordChange>) -> Result<(), StoreError> {
    for RecordChange { collection, key, expected, write } in changes {
        let key = keys::record(collection, &key);
        let version = Head::read(draft.layers(), &key)?.map_or(0, |head| head.version);
        if version != expected {
            return Err(StoreError::Conflict);
        }
        match write {
            Write::Put(value) => value::put(draft, key, version + 1, &value)?,
            Write::Remove => value::delete(draft, key)?,
            Write::Keep => {}
        }
    }
    Ok(())
}

/// Reads one.
pub(super) fn read(
    layers: Layers<'_>,
    collection: Collection,
    key: Vec<u8>,
) -> Result<Option<StoredRecord>, StoreError> {
    let stored = keys::record(collection, &key);
    let Some(head) = Head::read(layers, &stored)? else { return Ok(None) };
    let value = head.content(layers, &stored)?;
    Ok(Some(StoredRecord { key, version: head.version, value }))
}

/// Reads those whose key begins with `prefix`, after `after`.
pub(super) fn list(
    layers: Layers<'_>,
    collection: Collection,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<StoredRecord>, StoreError> {
    // The next key after `after` is the same with a zero byte behind it.
    let from = after.map_or_else(Vec::new, |after| [&keys::record(collection, after)[..], &[0]].concat());
    layers
        .scan(&keys::record(collection, prefix), from)
        .take(limit)
        .map(|entry| {
            let (stored, bytes) = entry?;
            let key = keys::record_of(&stored)
                .ok_or_else(|| corrupt(&stored, "has a key of no collection"))?
                .to_vec();
            let head = Head::parse(bytes, &stored)?;
            let value = head.content(layers, &stored)?;
            Ok(StoredRecord { key, version: head.version, value })
        })
        .collect()
}
