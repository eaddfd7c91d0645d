//! Values of any length in pages of bounded size.
//!
//! ```text
//! value  version, u64 big-endian ‖ number of further parts, u32 big-endian ‖ first 4,096 bytes of the content
//! part   the next 4,096 bytes
//! ```
//!
//! sled writes a page of more than 128 KiB to a file of its own, a "blob". It never syncs those files, and it waits for
//! itself when it reads one that the batch under way has written. A leaf holds at most 21 entries, so with parts of this
//! size and keys of about 1 KiB at most no page comes near that limit, and no blob is ever written.

use super::draft::Draft;
use super::keys;
use super::overlay::Layers;
use crate::store::StoreError;

const PART_LENGTH: usize = 4096;
const HEADER_LENGTH: usize = 12;

/// A value's version and first part.
pub(super) struct Head {
    /// Rises with each change, from 1.
    pub(super) version: u64,
    parts: u32,
    bytes: sled::IVec,
}

impl Head {
    /// Reads what lies under `key`, without its further parts.
    pub(super) fn read(layers: Layers<'_>, key: &[u8]) -> Result<Option<Self>, StoreError> {
        layers.get(key)?.map(|bytes| Self::parse(bytes, key)).transpose()
    }

    /// Takes bytes apart that were read from `key`.
    pub(super) fn parse(bytes: sled::IVec, key: &[u8]) -> Result<Self, StoreError> {
        let header = bytes.first_chunk::<HEADER_LENGTH>().ok_or_else(|| corrupt(key, "is too short"))?;
        let [v0, v1, v2, v3, v4, v5, v6, v7, p0, p1, p2, p3] = *header;
        Ok(Self {
            version: u64::from_be_bytes([v0, v1, v2, v3, v4, v5, v6, v7]),
            parts: u32::from_be_bytes([p0, p1, p2, p3]),
            bytes,
        })
    }

    /// The content's first part: all of it, or its first 4,096 bytes.
    pub(super) fn beginning(&self) -> &[u8] {
        self.bytes.get(HEADER_LENGTH..).unwrap_or_default()
    }

    /// The whole content.
    pub(super) fn content(&self, layers: Layers<'_>, key: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut content = Vec::with_capacity(PART_LENGTH * (self.parts as usize + 1));
        content.extend_from_slice(self.beginning());
        for number in 1..=self.parts {
            let part = layers.get(&keys::part(key, number))?;
            content.extend_from_slice(&part.ok_or_else(|| corrupt(key, "lacks one of its parts"))?);
        }
        Ok(content)
    }
}

/// Writes a value, and removes parts of the one before that it has no use for.
pub(super) fn put(
    draft: &mut Draft<'_>,
    key: Vec<u8>,
    version: u64,
    content: &[u8],
) -> Result<(), StoreError> {
    let parts_before = Head::read(draft.layers(), &key)?.map_or(0, |head| head.parts);
    let (beginning, rest) = content.split_at(content.len().min(PART_LENGTH));
    let parts = u32::try_from(rest.len().div_ceil(PART_LENGTH))
        .map_err(|_| StoreError::Unavailable("a record of more than 16 TiB cannot be stored".to_owned()))?;
    for (number, part) in (1..).zip(rest.chunks(PART_LENGTH)) {
        draft.put(keys::part(&key, number), part);
    }
    for number in parts + 1..=parts_before {
        draft.delete(keys::part(&key, number));
    }
    let mut head = Vec::with_capacity(HEADER_LENGTH + beginning.len());
    head.extend_from_slice(&version.to_be_bytes());
    head.extend_from_slice(&parts.to_be_bytes());
    head.extend_from_slice(beginning);
    draft.put(key, head);
    Ok(())
}

/// Removes a value with its parts.
pub(super) fn delete(draft: &mut Draft<'_>, key: Vec<u8>) -> Result<(), StoreError> {
    if let Some(head) = Head::read(draft.layers(), &key)? {
        for number in 1..=head.parts {
            draft.delete(keys::part(&key, number));
        }
        draft.delete(key);
    }
    Ok(())
}

/// A number that lies under a key of its own; 0 where there is none yet.
pub(super) fn number(layers: Layers<'_>, key: &[u8]) -> Result<u64, StoreError> {
    let Some(bytes) = layers.get(key)? else { return Ok(0) };
    let bytes = <[u8; 8]>::try_from(&*bytes).map_err(|_| corrupt(key, "is not a number of eight bytes"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// What lies under a key is not what belongs there.
pub(super) fn corrupt(key: &[u8], how: &str) -> StoreError {
    let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    StoreError::Corrupt(format!("what lies under key {name} {how}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_comes_back_whole_and_a_shorter_one_leaves_no_parts_behind() {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::open(folder.path()).unwrap();
        let long: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        for content in [&long[..], &long[..4096], &long[..4097], &long[..0], &long[..8192]] {
            let mut draft = Draft::new(&db);
            put(&mut draft, b"Vx".to_vec(), 7, content).unwrap();
            db.apply_batch(draft.into_batch()).unwrap();
            let (draft, parts) = (Draft::new(&db), content.len().saturating_sub(1) / 4096);
            let head = Head::read(draft.layers(), b"Vx").unwrap().unwrap();
            assert_eq!(head.version, 7);
            assert_eq!(head.content(draft.layers(), b"Vx").unwrap(), content);
            assert_eq!(db.len(), 1 + parts);
        }
        let mut draft = Draft::new(&db);
        delete(&mut draft, b"Vx".to_vec()).unwrap();
        db.apply_batch(draft.into_batch()).unwrap();
        assert!(db.is_empty());
    }
}
