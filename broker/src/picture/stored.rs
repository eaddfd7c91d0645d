//! Files that are kept by their digest: seals' pictures, invoices.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Base64, Sm3Hex};

use crate::records::Aggregate;
use crate::store::Collection;

/// A file, stored under its SM3.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Stored {
    /// SM3 of the bytes.
    pub sm3: Sm3Hex,
    /// What it holds.
    pub bytes: Base64,
}

impl Stored {
    /// Of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self { sm3: Sm3Hex::of(bytes), bytes: bytes.into() }
    }
}

impl Aggregate for Stored {
    const COLLECTION: Collection = Collection::Picture;

    fn key(&self) -> Vec<u8> {
        self.sm3.as_bytes().to_vec()
    }
}
