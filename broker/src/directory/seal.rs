//! Electronic seals of enterprises.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::task::SealKind;
use yinqiao_protocol::{Base64, SealId, Timestamp};

use super::{Directory, DirectoryError};

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
}

impl Directory {
    /// Stores a new seal.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_seal(&self, record: &SealRecord) -> Result<(), DirectoryError> {
        Ok(self.seals.put(&key(&record.enterprise, &record.id), 0, record).await?)
    }

    /// One seal.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn seal(&self, enterprise: &str, id: &SealId) -> Result<SealRecord, DirectoryError> {
        let found = self.seals.get(&key(enterprise, id)).await?;
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

fn key(enterprise: &str, id: &SealId) -> Vec<u8> {
    let mut key = enterprise.as_bytes().to_vec();
    key.push(b'/');
    key.extend(id.as_bytes());
    key
}
