//! What people ask of a recovery.

use yinqiao_lifecycle::recovery::{Recovery, RecoveryRefusal};
use yinqiao_lifecycle::{Actor, Step};
use yinqiao_protocol::{Base64, RecoveryId, Sm3Hex};

use super::RecoveryRecord;
use super::record::open_of;
use crate::directory::CertificateRecord;
use crate::http::problem::{ApiError, Kind};
use crate::records::{Repository, Transaction, Versioned};
use crate::store::StoreError;

/// Days that the consents have to come.
const CONSENT_DAYS: u32 = 7;

/// Asks for a certificate's encryption key, for the phone with `device_key`. `certificate_request` is one whose signature was
/// verified.
///
/// # Errors
/// What stands against it; when the store fails.
pub async fn request(
    transaction: &mut Transaction<'_>,
    id: RecoveryId,
    certificate: &Sm3Hex,
    (device_key, certificate_request): (&Base64, &Base64),
    by: &Actor,
) -> Result<RecoveryRecord, ApiError> {
    let found = transaction.get::<CertificateRecord>(certificate.as_bytes()).await?;
    let found = found.ok_or(RecoveryRefusal::NotFound)?;
    let (record, now) = (&found.value, transaction.now());
    let mut open = None;
    for other in transaction.repository().all::<RecoveryRecord>(&open_of(certificate)).await? {
        if other.value.recovery.is_open(now) {
            open = Some(other.value.recovery.id);
        } else {
            let step = other.value.recovery.expire(now);
            transaction.take(Some(&other), step.map(|next| other.value.got_to(next)))?;
        }
    }
    let of = (&record.facts, &record.standing);
    let step = Recovery::request(id, of, device_key.clone(), open, CONSENT_DAYS, by, now);
    let step = step?;
    let none = "this certificate is for signing only: it has no encryption key that could be recovered";
    let encryption =
        record.encryption_certificate.clone().ok_or_else(|| ApiError::new(Kind::Conflict, none))?;
    let step = step.map(|recovery| RecoveryRecord {
        recovery,
        certificate_request: certificate_request.clone(),
        holder_name: record.holder.name.clone(),
        encryption_certificate: encryption,
    });
    // The certificate gets a new version: of two requests for its key at once, one sees the other.
    transaction.put(Some(&found), record)?;
    Ok(transaction.take(None, step)?)
}

/// Decides on one that is there. Gives it before and after.
///
/// # Errors
/// What stands against it; when the store fails.
pub async fn decide(
    transaction: &mut Transaction<'_>,
    id: RecoveryId,
    decision: impl FnOnce(&Recovery) -> Result<Step<Recovery>, RecoveryRefusal>,
) -> Result<(Versioned<RecoveryRecord>, RecoveryRecord), ApiError> {
    let found = transaction.get::<RecoveryRecord>(id.as_bytes()).await?;
    let found = found.ok_or(RecoveryRefusal::NotFound)?;
    let step = decision(&found.value.recovery)?;
    let next = transaction.take(Some(&found), step.map(|next| found.value.got_to(next)))?;
    Ok((found, next))
}

/// Ends the requests for a certificate's key with the removal of its holder or company.
///
/// # Errors
/// When the store fails.
pub async fn reject_open(
    transaction: &mut Transaction<'_>,
    certificate: &Sm3Hex,
    reason: &str,
) -> Result<(), StoreError> {
    for found in transaction.repository().all::<RecoveryRecord>(&open_of(certificate)).await? {
        let recovery = &found.value.recovery;
        if let Ok(step) = recovery.reject(&Actor::System, reason, transaction.now()) {
            transaction.take(Some(&found), step.map(|next| found.value.got_to(next)))?;
        }
    }
    Ok(())
}

/// Ends one request; one that is over stays as it is.
///
/// # Errors
/// When the store fails.
pub async fn reject(repository: &Repository, id: RecoveryId, reason: &str) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            let Some(found) = transaction.get::<RecoveryRecord>(id.as_bytes()).await? else { return Ok(()) };
            let recovery = &found.value.recovery;
            if let Ok(step) = recovery.reject(&Actor::System, reason, transaction.now()) {
                transaction.take(Some(&found), step.map(|next| found.value.got_to(next)))?;
            }
            Ok(())
        })
        .await
}
