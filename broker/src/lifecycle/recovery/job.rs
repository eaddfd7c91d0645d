//! The job that has the CA give a key back, and the end of requests whose consents did not come.

use std::time::Duration;

use yinqiao_ca_sdk::messages::{IdempotencyKey, RecoveredKey};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::x509::Certificate;
use yinqiao_lifecycle::recovery::RecoveryState;
use yinqiao_lifecycle::{Actor, JobKind};
use yinqiao_protocol::{Base64, RecoveryId};

use super::{RecoveryRecord, open_for_consent};
use crate::adapter::AuthorityError;
use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::certificate::CertificateAuthorities;
use crate::lifecycle::job::Attempt;
use crate::lifecycle::operation_key;
use crate::records::Repository;
use crate::store::StoreError;

/// Requests looked at at once.
const PAGE: usize = 200;

/// What the CA says in the end.
enum Answer {
    Key(Base64),
    None(String),
}

/// Has the CA give the key.
///
/// # Errors
/// When the CA cannot be asked now, answers what cannot be, or the store fails.
pub async fn recover(
    repository: &Repository,
    authorities: &dyn CertificateAuthorities,
    id: RecoveryId,
) -> Result<Attempt, ApiError> {
    if let Some(found) = repository.get::<RecoveryRecord>(id.as_bytes()).await? {
        let record = found.value;
        let key = operation_key(record.recovery.key())?;
        if matches!(record.recovery.state, RecoveryState::Recovering { .. }) {
            let answer = match ask(repository, authorities, &record, &key).await {
                Ok(answer) => answer,
                Err(AuthorityError::Pending { retry_after, .. }) => return Ok(Attempt::Again(retry_after)),
                // Concluded by another attempt, which has stored what came of it before.
                Err(AuthorityError::Over) => return Ok(Attempt::Again(Duration::ZERO)),
                Err(error) => return Err(error.into()),
            };
            take(repository, id, answer).await?;
        }
        authorities.conclude(&key).await?;
    }
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<RecoveryRecord>(id.as_bytes()).await? {
                transaction.rest_on(&found);
            }
            transaction.finish(&JobKind::RecoverKey(id));
            Ok(Attempt::Finished)
        })
        .await
}

async fn ask(
    repository: &Repository,
    authorities: &dyn CertificateAuthorities,
    record: &RecoveryRecord,
    key: &IdempotencyKey,
) -> Result<Answer, AuthorityError> {
    let certificate = repository.get::<CertificateRecord>(record.recovery.certificate.as_bytes()).await?;
    let Some(certificate) = certificate else {
        return Ok(Answer::None("the certificate is not known here any more".to_owned()));
    };
    let request = record.certificate_request.as_slice();
    match authorities.recover_key(&certificate.value, key, request).await {
        Ok(recovered) => check(record, recovered).map(Answer::Key).map_err(|text| AuthorityError::Broken {
            authority: certificate.value.certificate_authority.clone(),
            text,
        }),
        Err(AuthorityError::Refused { text, .. } | AuthorityError::NotSupported { text, .. }) => {
            Ok(Answer::None(text))
        }
        Err(error) => Err(error),
    }
}

/// Holds the reply against what was asked: another key must never reach a phone.
fn check(record: &RecoveryRecord, recovered: RecoveredKey) -> Result<Base64, String> {
    let wanted =
        Certificate::from_der(record.encryption_certificate.as_slice()).map_err(|e| e.to_string())?;
    let envelope = EnvelopedKey::from_der(recovered.enveloped_key.as_bytes())
        .map_err(|e| format!("enveloped key: {e}"))?;
    if envelope.public_key() == wanted.public_key() {
        Ok(Base64(recovered.enveloped_key.0))
    } else {
        Err("the recovered key is not that of the certificate".to_owned())
    }
}

/// Stores what the CA says; it is dropped where the request was rejected in the meantime.
async fn take(repository: &Repository, id: RecoveryId, answer: Answer) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            let Some(found) = transaction.get::<RecoveryRecord>(id.as_bytes()).await? else { return Ok(()) };
            let (recovery, now) = (&found.value.recovery, transaction.now());
            let decided = match &answer {
                Answer::Key(envelope) => recovery.done(envelope.clone(), &Actor::System, now),
                Answer::None(reason) => recovery.failed(reason, &Actor::System, now),
            };
            match decided {
                Ok(step) => {
                    transaction.take(Some(&found), step.map(|next| found.value.got_to(next)))?;
                }
                Err(_) => transaction.rest_on(&found),
            }
            Ok(())
        })
        .await
}

/// Ends those whose consents did not come in time, by the repository's clock. Gives how many.
///
/// # Errors
/// When the store fails: those that are left end the next time.
pub async fn expire_late(repository: &Repository) -> Result<usize, StoreError> {
    let mut expired = 0;
    loop {
        let page = repository.page::<RecoveryRecord>(&open_for_consent(), None, PAGE).await?;
        let now = repository.clock().now();
        let late: Vec<_> =
            page.items.iter().filter(|found| found.value.recovery.expire(now).changed).collect();
        for found in &late {
            expired += usize::from(expire(repository, found.value.recovery.id).await?);
        }
        // What expired left this list; the most urgent stand first.
        if late.len() < PAGE {
            return Ok(expired);
        }
    }
}

async fn expire(repository: &Repository, id: RecoveryId) -> Result<bool, StoreError> {
    repository
        .transact(async |transaction| {
            let Some(found) = transaction.get::<RecoveryRecord>(id.as_bytes()).await? else {
                return Ok(false);
            };
            let step = found.value.recovery.expire(transaction.now());
            let changed = step.changed;
            transaction.take(Some(&found), step.map(|next| found.value.got_to(next)))?;
            Ok(changed)
        })
        .await
}
