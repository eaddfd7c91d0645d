//! Relying parties and their API keys.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::statement::RelyingPartyName;
use yinqiao_protocol::task::is_showable;
use yinqiao_protocol::{RelyingPartyId, Timestamp, Token};

use super::{Directory, DirectoryError};
use crate::store::StoreError;

/// What every API key begins with, so that a leaked one is recognised by scanners.
const KEY_PREFIX: &str = "yqk_";

/// A bid system.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RelyingPartyRecord {
    /// Id, name and verified domain.
    pub name: RelyingPartyName,
    /// When it was registered.
    pub registered_at: Timestamp,
}

/// An API key, stored under the SM3 of its text.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ApiKeyRecord {
    /// Whose.
    pub relying_party: RelyingPartyId,
    /// When it was made.
    pub made_at: Timestamp,
}

impl Directory {
    /// Registers a relying party and gives its first API key, which is shown once.
    ///
    /// # Errors
    /// [`DirectoryError::Exists`], or [`DirectoryError::Invalid`] for a name or domain that cannot be shown.
    pub async fn add_relying_party(
        &self,
        name: RelyingPartyName,
        now: Timestamp,
    ) -> Result<Token, DirectoryError> {
        if !is_showable(&name.name, 60) {
            return Err(DirectoryError::Invalid(
                "a name has 1 to 60 characters and no control characters".into(),
            ));
        }
        if !is_domain(&name.domain) {
            return Err(DirectoryError::Invalid(format!(
                "\"{}\" is not a domain: give it like bid.example.cn, without scheme and path",
                name.domain
            )));
        }
        let id = name.id.clone();
        let record = RelyingPartyRecord { name, registered_at: now };
        let (key, key_record) = new_key(&id, now)?;
        let changes = vec![
            self.relying_parties.to_change(id.as_str().as_bytes(), 0, Some(&record))?,
            self.api_keys.to_change(key.digest().as_bytes(), 0, Some(&key_record))?,
        ];
        match self.records.change(changes).await {
            Err(StoreError::Conflict) => Err(DirectoryError::Exists(format!("relying party \"{id}\""))),
            result => Ok(result.map(|()| key)?),
        }
    }

    /// Gives a relying party a new API key. The old ones are void at once where `revoke_others` says so.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn new_api_key(
        &self,
        id: &RelyingPartyId,
        revoke_others: bool,
        now: Timestamp,
    ) -> Result<Token, DirectoryError> {
        self.relying_party(id).await?;
        let (key, record) = new_key(id, now)?;
        let mut changes = vec![self.api_keys.to_change(key.digest().as_bytes(), 0, Some(&record))?];
        if revoke_others {
            for stored in
                self.records.records(crate::store::Collection::ApiKey, Vec::new(), None, usize::MAX).await?
            {
                let owner: ApiKeyRecord =
                    serde_json::from_slice(&stored.value).map_err(|e| StoreError::Corrupt(e.to_string()))?;
                if owner.relying_party == *id {
                    changes.push(self.api_keys.to_change(&stored.key, stored.version, None)?);
                }
            }
        }
        self.records.change(changes).await?;
        self.api_key_cache.forget();
        Ok(key)
    }

    /// A relying party by its id.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn relying_party(&self, id: &RelyingPartyId) -> Result<RelyingPartyRecord, DirectoryError> {
        let found = self.relying_parties.get(id.as_str().as_bytes()).await?;
        found.map(|found| found.value).ok_or(DirectoryError::NotFound("relying party of this id"))
    }

    /// All relying parties.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn relying_parties(&self) -> Result<Vec<RelyingPartyRecord>, DirectoryError> {
        Ok(self.relying_parties.list(&[]).await?)
    }

    /// Whose API key this is.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`] when it is nobody's.
    pub async fn relying_party_of(&self, key: &Token) -> Result<Arc<RelyingPartyRecord>, DirectoryError> {
        let digest = key.digest();
        let read = async {
            let owner = self
                .api_keys
                .get(digest.as_bytes())
                .await?
                .ok_or(DirectoryError::NotFound("such API key"))?;
            self.relying_party(&owner.value.relying_party).await
        };
        self.api_key_cache.get_or_read(&digest, read).await
    }
}

fn new_key(id: &RelyingPartyId, now: Timestamp) -> Result<(Token, ApiKeyRecord), DirectoryError> {
    let random = Token::random().map_err(|e| DirectoryError::Invalid(format!("no randomness: {e}")))?;
    let key = Token::parse(&format!("{KEY_PREFIX}{}", random.expose()))
        .ok_or_else(|| DirectoryError::Invalid("the new key has an unexpected form".into()))?;
    Ok((key, ApiKeyRecord { relying_party: id.clone(), made_at: now }))
}

fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::is_domain;

    #[test]
    fn a_domain_has_labels_and_nothing_else() {
        assert!(is_domain("bid.example.cn"));
        for wrong in ["", "localhost", "http://a.b", "a..b", "-a.b", "A.b", "a.b/c"] {
            assert!(!is_domain(wrong), "{wrong}");
        }
    }
}
