//! Long lists in pages.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Aggregate, Repository, Versioned};
use crate::store::StoreError;

/// Octets of a cursor at most.
const LONGEST: usize = 512;

/// One page.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// What to ask for the next page with; none on the last one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page of something made from the items.
    #[must_use]
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next: self.next }
    }
}

/// A place in a list. Its text, Base64url, means nothing to anybody else and nothing in another list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor(Vec<u8>);

/// A text that no list gave.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the cursor is not one that a list gave: begin without one")]
pub struct MalformedCursor;

impl Cursor {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Repository {
    /// Reads the records of a collection in the order of their keys, after the cursor. Keys have 8 octets at least.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn page_of_all<T: Aggregate>(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Versioned<T>>, StoreError> {
        let from = after.map(|cursor| cursor.bytes().to_vec());
        let mut items = self.scan::<T>(from, limit.saturating_add(1)).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| Cursor::new(&last.value.key()));
        Ok(Page { items, next })
    }
}

impl FromStr for Cursor {
    type Err = MalformedCursor;

    fn from_str(text: &str) -> Result<Self, MalformedCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedCursor)?;
        if (8..=LONGEST).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(MalformedCursor) }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
