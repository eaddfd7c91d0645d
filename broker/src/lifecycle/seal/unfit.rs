//! A seal that a CA has made and that is not wanted, or not what was asked for: nobody ever uses it, and its CA revokes it.

use tracing::{error, info};

use yinqiao_ca_sdk::messages::{IdempotencyKey, IssuedSeal, SealIssueRequest};
use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::x509::Certificate;

use super::authorities::SealAuthorities;
use crate::adapter::AuthorityError;
use crate::directory::SealRecord;
use crate::records::Repository;
use crate::records::seals::seals_known_as;
use crate::store::StoreError;

/// What a CA is told, in words; the same for every cause, so that a revocation that was begun can be gone on with.
const REASON: &str = "it is not wanted any more, or not what was asked for";
/// What does not fit of a seal that was there before.
pub(super) const KNOWN: &str = "the CA has given out a seal that it had made before";

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
    if is_of_others(asked, issued) || is_known(repository, adapter, seal_id).await? {
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
            info!(name, seal_id, adapter, "a seal that is not wanted, or not what was asked for, is revoked");
        }
        Err(reason) if reason.is_final() => {
            error!(name, seal_id, adapter, %reason, "a seal that is not wanted, or not what was asked for, is not revoked by its CA: ask the CA to");
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

/// Whether a seal that the CA knows by this name was taken over before.
///
/// # Errors
/// When the store fails.
pub(super) async fn is_known(
    repository: &Repository,
    adapter: &str,
    seal_id: &str,
) -> Result<bool, StoreError> {
    let known = repository.page::<SealRecord>(&seals_known_as(adapter, seal_id), None, 1).await?;
    Ok(!known.items.is_empty())
}
