//! Invoices as they are kept: by their digest.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Base64, Sm3Hex};

use crate::records::Aggregate;
use crate::store::Collection;

/// An invoice's file, stored under its SM3.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct InvoiceFile {
    /// SM3 of the bytes.
    pub sm3: Sm3Hex,
    /// What it holds.
    pub bytes: Base64,
}

impl InvoiceFile {
    /// Of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self { sm3: Sm3Hex::of(bytes), bytes: bytes.into() }
    }
}

impl Aggregate for InvoiceFile {
    const COLLECTION: Collection = Collection::InvoiceFile;

    fn key(&self) -> Vec<u8> {
        self.sm3.as_bytes().to_vec()
    }
}
