//! Electronic seals of enterprises.

use serde::{Deserialize, Serialize};

use yinqiao_ca_sdk::messages::SealIssueRequest;
use yinqiao_gm::seal::SesSeal;
use yinqiao_lifecycle::certificate::Facts;
use yinqiao_lifecycle::seal::SealStanding;
use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{Base64, SealId, Timestamp};

use super::{Directory, DirectoryError};
use crate::records::{Aggregate, Index, IndexEntry, index_changes};
use crate::store::{Collection, RecordChange, StoreError};

/// A seal, stored under its enterprise's unified social credit code, a slash, and its id.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SealRecord {
    /// The broker's name for it.
    pub id: SealId,
    /// Official seal, legal representative's seal, or signature.
    pub kind: SealKind,
    /// 电子印章名称
    pub name: String,
    /// 统一社会信用代码 of the enterprise that it belongs to.
    pub enterprise: String,
    /// Name of the adapter that made it.
    pub certificate_authority: String,
    /// SESeal (GB/T 38540), DER.
    pub der: Base64,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who may use it, and whether it is revoked.
    #[serde(default)]
    pub standing: SealStanding,
}

impl SealRecord {
    /// Whether it is in use, and this certificate of its company is among those that may put it on documents.
    pub fn is_for(&self, certificate: &Facts) -> bool {
        self.standing.is_active() && self.standing.usage.admits(certificate)
    }
}

impl Aggregate for SealRecord {
    const COLLECTION: Collection = Collection::Seal;

    fn key(&self) -> Vec<u8> {
        seal_key(&self.enterprise, &self.id)
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let mut entries = vec![
            IndexEntry::falling(Index::SealByEnterprise, self.enterprise.as_bytes(), self.made_at),
            IndexEntry::plain(Index::SealById, self.id.as_bytes()),
        ];
        if let Ok(seal) = SesSeal::from_der(self.der.as_slice()) {
            let name = format!("{}/{}", self.certificate_authority, seal.id());
            entries.push(IndexEntry::plain(Index::SealByAuthorityId, name.as_bytes()));
        }
        entries
    }
}

/// A seal that its CA has not made yet.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SealRequestRecord {
    /// What the seal will be called.
    pub id: SealId,
    /// Official seal, legal representative's seal, or signature.
    pub kind: SealKind,
    /// Unified social credit code of the enterprise.
    pub enterprise: String,
    /// Name of the adapter that makes it.
    pub certificate_authority: String,
    /// What the CA is asked for.
    pub request: SealIssueRequest,
    /// Since when.
    pub requested_at: Timestamp,
    /// Since when it is not wanted any more: a seal that is made all the same is revoked and never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
}

impl Directory {
    /// Stores what a CA is about to be asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_seal_request(&self, record: &SealRequestRecord) -> Result<(), StoreError> {
        self.seal_requests.put(record.id.as_bytes(), 0, record).await
    }

    /// All seals that are not made yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seal_requests(&self) -> Result<Vec<SealRequestRecord>, StoreError> {
        self.seal_requests.list(&[]).await
    }

    /// Stores that a seal is not wanted any more; once it is so, it stays.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn withdraw_seal_request(
        &self,
        id: &SealId,
        now: Timestamp,
    ) -> Result<SealRequestRecord, DirectoryError> {
        let found = self.seal_requests.get(id.as_bytes()).await?;
        let found =
            found.ok_or(DirectoryError::NotFound("request for a seal of this id that is not made yet"))?;
        if found.value.withdrawn_at.is_some() {
            return Ok(found.value);
        }
        let withdrawn = SealRequestRecord { withdrawn_at: Some(now), ..found.value };
        self.seal_requests.put(id.as_bytes(), found.version, &withdrawn).await?;
        Ok(withdrawn)
    }

    /// Ends a request with the seal that was made, or with none, in one step, as long as what it rests on is as it was.
    ///
    /// # Errors
    /// When the store fails; [`StoreError::Conflict`] when someone else was first, or a seal comes after its withdrawal.
    pub async fn conclude_seal_request(
        &self,
        id: &SealId,
        seal: Option<&SealRecord>,
        rests_on: Option<RecordChange>,
    ) -> Result<(), StoreError> {
        let found = self.seal_requests.get(id.as_bytes()).await?.ok_or(StoreError::Conflict)?;
        if seal.is_some() && found.value.withdrawn_at.is_some() {
            return Err(StoreError::Conflict);
        }
        let mut changes = vec![self.seal_requests.to_change(id.as_bytes(), found.version, None)?];
        changes.extend(rests_on);
        if let Some(seal) = seal {
            changes.push(self.seals.to_change(&seal.key(), 0, Some(seal))?);
            changes.extend(index_changes(None, Some(seal)));
        }
        self.records.change(changes).await
    }

    /// One seal.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn seal(&self, enterprise: &str, id: &SealId) -> Result<SealRecord, DirectoryError> {
        let found = self.seals.get(&seal_key(enterprise, id)).await?;
        found.map(|found| found.value).ok_or(DirectoryError::NotFound("seal of this id"))
    }

    /// An enterprise's seals; of all enterprises where none is named.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seals(&self, enterprise: Option<&str>) -> Result<Vec<SealRecord>, DirectoryError> {
        let prefix = enterprise.map(|code| format!("{code}/")).unwrap_or_default();
        Ok(self.seals.list(prefix.as_bytes()).await?)
    }
}

/// Octets of a seal's key: the company's code, a slash, the id.
pub fn seal_key(enterprise: &str, id: &SealId) -> Vec<u8> {
    let mut key = enterprise.as_bytes().to_vec();
    key.push(b'/');
    key.extend(id.as_bytes());
    key
}
