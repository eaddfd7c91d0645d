//! Who may use a seal, and its end: at once here, then at its CA by a job.

use std::time::Duration;

use tracing::error;

use yinqiao_ca_sdk::messages::IdempotencyKey;
use yinqiao_gm::seal::SesSeal;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::seal::{SealFacts, SealRefusal, SealRevocationReason, SealStanding, SealState, Usage};
use yinqiao_lifecycle::{Actor, JobKind};
use yinqiao_protocol::SealId;

use super::application::{check_usage, rest_on_company};
use super::authorities::SealAuthorities;
use crate::adapter::AuthorityError;
use crate::directory::{SealRecord, seal_key};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::job::Attempt;
use crate::lifecycle::operation_key;
use crate::records::seals::seal_by_id;
use crate::records::{Repository, Transaction, Versioned};
use crate::store::StoreError;

/// What stands against a revocation at a CA that revokes none.
const NOT_SUPPORTED: &str = "not supported by the CA";

/// A seal of a company.
///
/// # Errors
/// When there is none of that id, or the store fails.
pub async fn find(
    repository: &Repository,
    enterprise: &CreditCode,
    id: &SealId,
) -> Result<Versioned<SealRecord>, ApiError> {
    let found = repository.get::<SealRecord>(&seal_key(enterprise.as_str(), id)).await?;
    found.ok_or_else(|| SealRefusal::NotFound.into())
}

/// The seal of this id, whosesoever.
///
/// # Errors
/// When the store fails.
pub(crate) async fn find_by_id(
    repository: &Repository,
    id: &SealId,
) -> Result<Option<Versioned<SealRecord>>, StoreError> {
    Ok(repository.page::<SealRecord>(&seal_by_id(id), None, 1).await?.items.into_iter().next())
}

/// The same seal, standing otherwise.
pub(super) fn record_of(seal: &SealRecord, standing: SealStanding) -> SealRecord {
    SealRecord { standing, ..seal.clone() }
}

/// Says who may use a seal. Gives the seal before and after.
///
/// # Errors
/// What stands against it; when the store fails.
pub async fn change_usage(
    transaction: &mut Transaction<'_>,
    found: &Versioned<SealRecord>,
    company: &Enterprise,
    usage: &Usage,
    by: &Actor,
) -> Result<SealRecord, ApiError> {
    check_usage(transaction.repository(), company, usage).await?;
    rest_on_company(transaction, &company.code, by).await?;
    let facts = SealFacts { id: found.value.id, enterprise: &company.code };
    let step = found.value.standing.change_usage(facts, usage.clone(), by, transaction.now())?;
    Ok(transaction.take(Some(found), step.map(|standing| record_of(&found.value, standing)))?)
}

/// Revokes a seal, for good.
///
/// # Errors
/// What stands against it; when the store fails.
pub async fn revoke(
    transaction: &mut Transaction<'_>,
    enterprise: &CreditCode,
    id: &SealId,
    reason: SealRevocationReason,
    by: &Actor,
) -> Result<SealRecord, ApiError> {
    rest_on_company(transaction, enterprise, by).await?;
    let found = find(transaction.repository(), enterprise, id).await?;
    let step =
        found.value.standing.revoke(SealFacts { id: *id, enterprise }, reason, by, transaction.now())?;
    Ok(transaction.take(Some(&found), step.map(|standing| record_of(&found.value, standing)))?)
}

/// The same as part of a removal: a seal that is not there any more, or revoked already, stays as it is. Gives whether the CA has
/// still to answer.
///
/// # Errors
/// When the store fails.
pub(crate) async fn revoke_with_company(repository: &Repository, id: &SealId) -> Result<bool, ApiError> {
    repository
        .transact(async |transaction| {
            let Some(found) = find_by_id(repository, id).await? else { return Ok(false) };
            let enterprise = company_of(&found.value)?;
            let reason = SealRevocationReason::EnterpriseChanged;
            let next = revoke(transaction, &enterprise, id, reason, &Actor::System).await?;
            Ok(next.standing.is_revoking())
        })
        .await
}

/// The job: has the CA revoke a seal.
///
/// # Errors
/// When the CA cannot be asked now, or the store fails.
pub(crate) async fn revoke_at_authority(
    repository: &Repository,
    authorities: &dyn SealAuthorities,
    id: SealId,
) -> Result<Attempt, ApiError> {
    let operation = operation_key(format!("revoke-seal-{id}"))?;
    if let Some(found) = find_by_id(repository, &id).await?
        && let SealState::Revoking(revocation) = &found.value.standing.state
    {
        let seal = &found.value;
        let declined = match ask(authorities, seal, &operation, revocation.reason).await {
            Ok(()) | Err(AuthorityError::Over) => None,
            Err(AuthorityError::NotSupported { .. }) => Some(NOT_SUPPORTED.to_owned()),
            Err(AuthorityError::Refused { text, .. }) => Some(text),
            Err(AuthorityError::Pending { retry_after, .. }) => return Ok(Attempt::Again(retry_after)),
            Err(error) => return Err(error.into()),
        };
        if let Some(declined) = &declined {
            error!(seal = %id, adapter = seal.certificate_authority, declined,
                "a revoked seal is not revoked by its CA: ask the CA to");
        }
        confirm(repository, &id, declined).await?;
    }
    authorities.conclude(&operation).await?;
    finish(repository, id).await
}

async fn ask(
    authorities: &dyn SealAuthorities,
    seal: &SealRecord,
    operation: &IdempotencyKey,
    reason: SealRevocationReason,
) -> Result<(), AuthorityError> {
    let read = SesSeal::from_der(seal.der.as_slice());
    let read = read.map_err(|error| AuthorityError::Journal(format!("the seal cannot be read: {error}")))?;
    authorities.revoke(&seal.certificate_authority, operation, read.id(), in_words(reason)).await
}

/// As the CA is told.
fn in_words(reason: SealRevocationReason) -> &'static str {
    match reason {
        SealRevocationReason::NoLongerUsed => "it is no longer used",
        SealRevocationReason::Misused => "it may have been misused",
        SealRevocationReason::Superseded => "another seal replaced it",
        SealRevocationReason::ApplicationCancelled => "its application was cancelled",
        SealRevocationReason::EnterpriseChanged => "the company was deleted or has another legal person",
    }
}

async fn confirm(repository: &Repository, id: &SealId, declined: Option<String>) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = find_by_id(repository, id).await? {
                let enterprise = company_of(&found.value)?;
                let facts = SealFacts { id: *id, enterprise: &enterprise };
                let now = transaction.now();
                let step = found.value.standing.confirm_revocation(facts, declined.clone(), now);
                transaction.take(Some(&found), step.map(|standing| record_of(&found.value, standing)))?;
            }
            Ok(())
        })
        .await
}

async fn finish(repository: &Repository, id: SealId) -> Result<Attempt, ApiError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = find_by_id(repository, &id).await? {
                if found.value.standing.is_revoking() {
                    return Ok(Attempt::Again(Duration::ZERO));
                }
                transaction.rest_on(&found);
            }
            transaction.finish(&JobKind::RevokeSeal(id));
            Ok(Attempt::Finished)
        })
        .await
}

/// The company of a seal as decisions need it.
///
/// # Errors
/// When the record names none that can be: a defect of the broker.
pub(crate) fn company_of(seal: &SealRecord) -> Result<CreditCode, ApiError> {
    seal.enterprise.parse().map_err(|_| {
        ApiError::new(Kind::Internal, format!("the seal {} belongs to no company that can be", seal.id))
    })
}
