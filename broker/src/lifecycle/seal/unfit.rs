//! A seal that a CA has made and that is not what was asked for: nobody ever uses it, and its CA revokes it.

use tracing::{error, info};

use yinqiao_ca_sdk::messages::{IdempotencyKey, IssuedSeal, SealIssueRequest};
use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::x509::Certificate;

use super::authorities::SealAuthorities;
use crate::adapter::AuthorityError;
use crate::directory::SealRecord;
use crate::records::{Aggregate, Repository};
use crate::store::StoreError;

/// What a CA is told, in words.
const REASON: &str = "it is not what was asked for";
/// Seals read at once from the store.
const PAGE: usize = 100;

/// Has such a seal revoked by the CA `adapter`, unless it may be somebody else's. `key` is that of the revocation.
///
/// # Errors
/// When the CA has not answered: the seal may still be good there.
pub(super) async fn revoke(
    repository: &Repository,
    authorities: &dyn SealAuthorities,
    adapter: &str,
    key: &IdempotencyKey,
    (asked, issued): (&SealIssueRequest, &IssuedSeal),
) -> Result<(), AuthorityError> {
    let (seal_id, name) = (&issued.seal_id, &asked.name);
    if is_of_others(asked, issued) || is_known(repository, seal_id).await? {
        error!(
            name,
            seal_id,
            adapter,
            "a CA has given out a seal that may be somebody else's: it stays valid, ask the CA"
        );
        return Ok(());
    }
    match authorities.revoke(adapter, key, seal_id, REASON).await {
        Ok(()) | Err(AuthorityError::Over) => {
            info!(name, seal_id, adapter, "a seal that is not what was asked for is revoked");
        }
        Err(reason) if reason.is_final() => {
            error!(name, seal_id, adapter, %reason, "a seal that is not what was asked for is not revoked: ask the CA to");
        }
        Err(reason) => return Err(reason),
    }
    Ok(())
}

/// Whether it names others as its users, and nobody of those that it was asked for.
fn is_of_others(asked: &SealIssueRequest, issued: &IssuedSeal) -> bool {
    let Ok(seal) = SesSeal::from_der(issued.seal.as_bytes()) else { return false };
    let mut asked = asked.signers.iter().filter_map(|der| Certificate::from_der(der.as_bytes()).ok());
    !asked.any(|signer| seal.signers().contains(&signer))
}

/// Whether a seal of this name is in use here.
async fn is_known(repository: &Repository, seal_id: &str) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let page = repository.scan::<SealRecord>(after, PAGE).await?;
        let full = page.len() == PAGE;
        after = page.last().map(|found| found.value.key());
        let mut seals = page.iter().map(|found| SesSeal::from_der(found.value.der.as_slice()));
        if seals.any(|seal| seal.is_ok_and(|seal| seal.id() == seal_id)) {
            return Ok(true);
        }
        if !full {
            return Ok(false);
        }
    }
}
