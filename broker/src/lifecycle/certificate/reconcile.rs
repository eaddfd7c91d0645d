//! The job that brings a CA to what the broker wants of a certificate.

use yinqiao_lifecycle::JobKind;
use yinqiao_lifecycle::certificate::{Answer, PendingOperation};
use yinqiao_protocol::Sm3Hex;

use super::CertificateAuthorities;
use crate::adapter::{AuthorityError, Patience};
use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::job::Attempt;
use crate::lifecycle::operation_key;
use crate::records::Repository;
use crate::store::StoreError;

/// Asks the CA for one operation after the other until it is where the broker wants it. Safe to run twice at once: the
/// operations' keys see to it that each is done once.
///
/// # Errors
/// When the CA cannot be asked now, or the store fails: it goes on from there when it is called again.
pub async fn reconcile(
    repository: &Repository,
    authorities: &dyn CertificateAuthorities,
    sm3: Sm3Hex,
    patience: Patience,
) -> Result<Attempt, ApiError> {
    while let Some((record, asked)) = next_operation(repository, &sm3).await? {
        let key = operation_key(asked.key(&sm3))?;
        let answer = match authorities.change(&record, &key, asked.operation, patience).await {
            Ok(()) => Answer::Done,
            Err(AuthorityError::NotSupported { .. }) => Answer::NotSupported,
            Err(AuthorityError::Refused { text, .. }) => Answer::Refused(text),
            Err(AuthorityError::Pending { retry_after, .. }) => return Ok(Attempt::Again(retry_after)),
            // Concluded by another attempt, which has stored what came of it before.
            Err(AuthorityError::Over) => match next_operation(repository, &sm3).await? {
                Some((_, still)) if still == asked => Answer::Done,
                _ => continue,
            },
            Err(error) => return Err(error.into()),
        };
        let done = answer == Answer::Done;
        confirm(repository, &sm3, asked, answer).await?;
        if done {
            authorities.conclude(&key).await?;
        } else {
            authorities.forget(&key).await?;
        }
    }
    finish(repository, authorities, &sm3).await
}

async fn next_operation(
    repository: &Repository,
    sm3: &Sm3Hex,
) -> Result<Option<(CertificateRecord, PendingOperation)>, StoreError> {
    let found = repository.get::<CertificateRecord>(sm3.as_bytes()).await?;
    Ok(found.and_then(|found| {
        let asked = found.value.standing.next_operation()?;
        Some((found.value, asked))
    }))
}

async fn confirm(
    repository: &Repository,
    sm3: &Sm3Hex,
    asked: PendingOperation,
    answer: Answer,
) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<CertificateRecord>(sm3.as_bytes()).await? {
                let record = &found.value;
                let step = record.standing.confirm(&record.facts, asked, answer.clone(), transaction.now());
                transaction.take(Some(&found), step.map(|next| record.standing_so(next)))?;
            }
            Ok(())
        })
        .await
}

/// Ends the job, unless something is wanted again.
async fn finish(
    repository: &Repository,
    authorities: &dyn CertificateAuthorities,
    sm3: &Sm3Hex,
) -> Result<Attempt, ApiError> {
    if let Some(found) = repository.get::<CertificateRecord>(sm3.as_bytes()).await? {
        conclude_all(authorities, &found.value).await?;
    }
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<CertificateRecord>(sm3.as_bytes()).await? {
                if found.value.standing.next_operation().is_some() {
                    return Ok(Attempt::Again(std::time::Duration::ZERO));
                }
                transaction.rest_on(&found);
            }
            transaction.finish(&JobKind::Reconcile(*sm3));
            Ok(Attempt::Finished)
        })
        .await
}

/// Whatever the broker died after, nothing is left open in the journal: neither the last operation, nor one that a revocation
/// overtook.
async fn conclude_all(
    authorities: &dyn CertificateAuthorities,
    record: &CertificateRecord,
) -> Result<(), ApiError> {
    let (sm3, standing) = (record.facts.sm3, &record.standing);
    let overtaken = standing.is_revoked().then_some(standing.answered);
    for number in standing.answered.checked_sub(1).into_iter().chain(overtaken) {
        for change in ["hold", "unhold"] {
            authorities.conclude(&operation_key(format!("{change}-{sm3}-{number}"))?).await?;
        }
    }
    let revoke = operation_key(format!("revoke-{sm3}"))?;
    match standing.is_revoked() && standing.declined.revoke.is_none() {
        true => Ok(authorities.conclude(&revoke).await?),
        false => Ok(authorities.forget(&revoke).await?),
    }
}
