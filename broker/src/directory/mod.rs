//! Who is known to the broker: relying parties, holders with their certificates, enrolments, seals.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Collection, RecordChange, Records, StoreError};

mod cache;
mod certificate;
mod enrolment;
mod refused_pair;
mod relying_party;
mod seal;
mod stored_certificate;

use cache::Cache;
pub use certificate::{CertificateRecord, KnownCertificate, NewCertificate};
pub use enrolment::{EnrolmentRecord, EnrolmentState};
pub use refused_pair::{LeftBecause, LeftCertificate, RefusedPairRecord};
pub use relying_party::{ApiKeyRecord, RelyingPartyRecord};
pub use seal::{SealRecord, SealRequestRecord, seal_key};
pub use stored_certificate::of_member;

/// Why the directory gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is no such entry.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// The entry stands already.
    #[error("{0} exists already: choose another name")]
    Exists(String),
    /// What was given does not fit.
    #[error("{0}")]
    Invalid(String),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The directory over a store. Caches hold what is read on every request; each change clears its entry.
pub struct Directory {
    records: Arc<dyn Records>,
    relying_parties: Table<RelyingPartyRecord>,
    api_keys: Table<ApiKeyRecord>,
    certificates: Table<CertificateRecord>,
    enrolments: Table<EnrolmentRecord>,
    refused_pairs: Table<RefusedPairRecord>,
    seals: Table<SealRecord>,
    seal_requests: Table<SealRequestRecord>,
    api_key_cache: Cache<RelyingPartyRecord>,
    certificate_cache: Arc<Cache<KnownCertificate>>,
}

impl Directory {
    /// A directory over `records`.
    pub fn new(records: Arc<dyn Records>) -> Self {
        Self {
            relying_parties: Table::new(&records, Collection::RelyingParty),
            api_keys: Table::new(&records, Collection::ApiKey),
            certificates: Table::new(&records, Collection::Certificate),
            enrolments: Table::new(&records, Collection::Enrolment),
            refused_pairs: Table::new(&records, Collection::RefusedPair),
            seals: Table::new(&records, Collection::Seal),
            seal_requests: Table::new(&records, Collection::SealRequest),
            api_key_cache: Cache::default(),
            certificate_cache: Arc::default(),
            records,
        }
    }
}

/// An entry with the version that a change has to name.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// See [`crate::store::StoredRecord::version`].
    pub version: u64,
    /// The entry.
    pub value: T,
}

/// One collection, read and written as one type.
pub struct Table<T> {
    records: Arc<dyn Records>,
    collection: Collection,
    kind: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    /// The collection's table.
    pub fn new(records: &Arc<dyn Records>, collection: Collection) -> Self {
        Self { records: Arc::clone(records), collection, kind: PhantomData }
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn get(&self, key: &[u8]) -> Result<Option<Versioned<T>>, StoreError> {
        let Some(stored) = self.records.record(self.collection, key.to_vec()).await? else { return Ok(None) };
        Ok(Some(Versioned { version: stored.version, value: self.parse(&stored.value)? }))
    }

    /// Reads all entries whose key begins with `prefix`.
    ///
    /// # Errors
    /// When the store fails or holds something else.
    pub async fn list(&self, prefix: &[u8]) -> Result<Vec<T>, StoreError> {
        const PAGE: usize = 500;
        let mut entries = Vec::new();
        let mut after = None;
        loop {
            let page = self.records.records(self.collection, prefix.to_vec(), after, PAGE).await?;
            let last = page.last().map(|record| record.key.clone());
            let full = page.len() == PAGE;
            for record in page {
                entries.push(self.parse(&record.value)?);
            }
            if !full {
                return Ok(entries);
            }
            after = last;
        }
    }

    /// A change to give to [`Records::change`]; `None` removes.
    ///
    /// # Errors
    /// When the entry cannot be written as JSON.
    pub fn to_change(
        &self,
        key: &[u8],
        expected: u64,
        value: Option<&T>,
    ) -> Result<RecordChange, StoreError> {
        let value = value
            .map(serde_json::to_vec)
            .transpose()
            .map_err(|e| StoreError::Corrupt(format!("{:?}: {e}", self.collection)))?;
        Ok(RecordChange { collection: self.collection, key: key.to_vec(), expected, write: value.into() })
    }

    /// Stores one entry.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `expected` is not the current version.
    pub async fn put(&self, key: &[u8], expected: u64, value: &T) -> Result<(), StoreError> {
        self.records.change(vec![self.to_change(key, expected, Some(value))?]).await
    }

    /// Removes one entry.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `expected` is not the current version.
    pub async fn remove(&self, key: &[u8], expected: u64) -> Result<(), StoreError> {
        self.records.change(vec![self.to_change(key, expected, None)?]).await
    }

    fn parse(&self, value: &[u8]) -> Result<T, StoreError> {
        serde_json::from_slice(value).map_err(|e| StoreError::Corrupt(format!("{:?}: {e}", self.collection)))
    }
}
