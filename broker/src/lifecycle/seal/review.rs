//! The job that has a CA review an application and make the seal, or forget an application that was cancelled.

use std::time::Duration;

use tracing::{error, info};

use yinqiao_ca_sdk::messages::{Der, IdempotencyKey, IssuedSeal, Operation, SealIssueRequest, SealPicture};
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::seal::{
    Awaited, Review, SealApplication, SealApplicationState, SealFacts, SealRevocationReason,
};
use yinqiao_lifecycle::{Actor, JobKind};
use yinqiao_protocol::task::is_showable;
use yinqiao_protocol::{Base64, SealApplicationId, SealId};

use super::application::take;
use super::issued::{fits, seal_type, unix_millis};
use super::revocation::{find, key, record_of};
use crate::adapter::{AuthorityError, Patience, Withdrawal};
use crate::broker::Broker;
use crate::directory::SealRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::job::Attempt;
use crate::message::{self, Notice};
use crate::records::seals::{SealApplicationRecord, SealPictureRecord, seal_picture_key};
use crate::records::{Repository, Transaction};

/// Characters of a CA's reason that people are told.
const MOST_REASON_CHARACTERS: usize = 200;

/// What a CA has made of an application.
struct Verdict {
    review: Review,
    issued: Option<IssuedSeal>,
}

impl From<Review> for Verdict {
    fn from(review: Review) -> Self {
        Self { review, issued: None }
    }
}

/// Asks the CA, and notes what it says.
///
/// # Errors
/// When the CA cannot be asked now, or the store fails: it goes on from there when it is called again.
pub(crate) async fn make(broker: &Broker, id: SealApplicationId) -> Result<Attempt, ApiError> {
    let Some(found) = broker.repository.get::<SealApplicationRecord>(id.as_bytes()).await? else {
        return finish(&broker.repository, id).await;
    };
    let record = found.value;
    let verdict = match record.application.awaits() {
        None => None,
        Some(Awaited::Review) => Some(asked_to_make(broker, &record).await),
        Some(Awaited::Withdrawal) => Some(asked_to_withdraw(broker, &record).await),
    };
    match verdict {
        None => {}
        Some(Ok(verdict)) => note(&broker.repository, &record, verdict).await?,
        Some(Err(AuthorityError::Pending { retry_after, .. })) => return Ok(Attempt::Again(retry_after)),
        // Concluded by another attempt, which has stored what came of it before.
        Some(Err(AuthorityError::Over)) => return Ok(Attempt::Again(Duration::ZERO)),
        Some(Err(error)) => return Err(error.into()),
    }
    // Whatever the broker died after, nothing is left open in the journal.
    let journal = broker.authorities.journal();
    let now = broker.repository.clock().now();
    journal.conclude(&key(&record.application.key())?, now).await?;
    journal.conclude(&unfit_key(&record)?, now).await?;
    finish(&broker.repository, id).await
}

async fn asked_to_make(broker: &Broker, record: &SealApplicationRecord) -> Result<Verdict, AuthorityError> {
    let (application, request) = (&record.application, request(&broker.repository, record).await?);
    let authority = broker.authorities.get(&application.certificate_authority)?;
    let operation = in_journal(key(&application.key()))?;
    let issued = match authority.issue_seal(&operation, request.clone(), Patience::NONE).await {
        Ok(issued) => issued,
        Err(AuthorityError::Refused { text, .. } | AuthorityError::NotSupported { text, .. }) => {
            return Ok(Review::Rejected(shown(&text)).into());
        }
        Err(error) => return Err(error),
    };
    match fits(&authority, &request, &issued) {
        Ok(()) => Ok(Verdict { review: Review::Made(record.seal()), issued: Some(issued) }),
        Err(text) => {
            error!(application = %application.id, text, "a seal is not what was asked for: its CA is to revoke it");
            revoke_unfit(broker, record, &issued).await?;
            Ok(Review::Rejected(shown(&format!("the CA made another seal than was asked for: {text}")))
                .into())
        }
    }
}

async fn asked_to_withdraw(
    broker: &Broker,
    record: &SealApplicationRecord,
) -> Result<Verdict, AuthorityError> {
    let application = &record.application;
    let operation = in_journal(key(&application.key()))?;
    let name = &application.certificate_authority;
    match broker.authorities.withdraw(name, &operation, Operation::SealIssue).await? {
        Withdrawal::Withdrawn => Ok(Review::Withdrawn.into()),
        // Whatever comes of it, the seal is revoked.
        Withdrawal::TooLate => asked_to_make(broker, record).await,
    }
}

/// What the CA is asked for, the same each time.
async fn request(
    repository: &Repository,
    record: &SealApplicationRecord,
) -> Result<SealIssueRequest, AuthorityError> {
    let SealApplication { enterprise, picture, name, kind, .. } = &record.application;
    let found = repository.get::<SealPictureRecord>(&seal_picture_key(enterprise, &picture.sm3)).await?;
    let found = found.ok_or_else(|| AuthorityError::Journal("the seal's picture is gone".to_owned()))?;
    Ok(SealIssueRequest {
        kind: seal_type(*kind),
        name: name.clone(),
        picture: SealPicture {
            format: "PNG".to_owned(),
            data: Der(found.value.png.0),
            width_mm: picture.width_mm,
            height_mm: picture.height_mm,
        },
        signers: record.signers.iter().map(|der| Der(der.0.clone())).collect(),
        valid_from_ms: None,
        valid_until_ms: unix_millis(record.valid_until),
    })
}

/// Sees to it that a seal that nobody asked for is revoked.
async fn revoke_unfit(
    broker: &Broker,
    record: &SealApplicationRecord,
    issued: &IssuedSeal,
) -> Result<(), AuthorityError> {
    let authority = broker.authorities.get(&record.application.certificate_authority)?;
    let operation = in_journal(unfit_key(record))?;
    let reason = "it is not what was asked for";
    match authority.revoke_seal(&operation, &issued.seal_id, reason, Patience::NONE).await {
        Ok(()) | Err(AuthorityError::Over) => Ok(()),
        Err(error) if error.is_final() => {
            error!(seal_id = issued.seal_id, adapter = record.application.certificate_authority, %error,
                "a seal that is not what was asked for is not revoked by its CA: ask the CA to");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn unfit_key(record: &SealApplicationRecord) -> Result<IdempotencyKey, ApiError> {
    key(&format!("revoke-unfit-seal-{}", record.application.id))
}

/// A key that the journal takes.
fn in_journal<T>(key: Result<T, ApiError>) -> Result<T, AuthorityError> {
    key.map_err(|error| AuthorityError::Journal(error.problem().detail))
}

/// Stores what the CA says, with the seal, the end of the one that it replaces, and a message to the legal person.
async fn note(
    repository: &Repository,
    record: &SealApplicationRecord,
    verdict: Verdict,
) -> Result<(), ApiError> {
    let id = record.application.id;
    repository
        .transact(async |transaction| {
            let Some(found) = transaction.get::<SealApplicationRecord>(id.as_bytes()).await? else {
                return Ok(());
            };
            let application = &found.value.application;
            let now = transaction.now();
            let reviewed = application.reviewed(verdict.review.clone(), &Actor::System, now)?;
            if let (Some((id, standing)), Some(issued)) = (reviewed.seal, &verdict.issued) {
                let seal = SealRecord {
                    id,
                    kind: application.kind,
                    name: application.name.clone(),
                    enterprise: application.enterprise.to_string(),
                    certificate_authority: application.certificate_authority.clone(),
                    der: Base64(issued.seal.as_bytes().to_vec()),
                    made_at: now,
                    standing,
                };
                transaction.put(None, &seal)?;
                info!(application = %application.id, seal = %id, "the CA has made a seal");
            }
            if let Some(old) = reviewed.superseded {
                supersede(transaction, &application.enterprise, &old).await?;
            }
            if reviewed.step.changed {
                tell(transaction, application, &reviewed.step.next).await?;
            }
            take(transaction, &found, reviewed.step).await?;
            Ok(())
        })
        .await
}

async fn supersede(
    transaction: &mut Transaction<'_>,
    enterprise: &CreditCode,
    old: &SealId,
) -> Result<(), ApiError> {
    let found = find(transaction.repository(), enterprise, old).await?;
    let facts = SealFacts { id: *old, enterprise };
    let reason = SealRevocationReason::Superseded;
    let step = found.value.standing.revoke(facts, reason, &Actor::System, transaction.now())?;
    transaction.take(Some(&found), step.map(|standing| record_of(&found.value, standing)))?;
    Ok(())
}

/// Tells the legal person how it ended; one that was cancelled is known to.
async fn tell(
    transaction: &mut Transaction<'_>,
    before: &SealApplication,
    after: &SealApplication,
) -> Result<(), ApiError> {
    let (made, reason) = match &after.state {
        SealApplicationState::Made { .. } => (true, None),
        SealApplicationState::Rejected { reason, .. } => (false, Some(reason.clone())),
        SealApplicationState::UnderReview | SealApplicationState::Cancelled { .. } => return Ok(()),
    };
    let to = message::to_user(transaction.repository(), before.applied_by).await?;
    message::write(transaction, to, Notice::SealDecided { seal: before.name.clone(), made, reason })?;
    Ok(())
}

async fn finish(repository: &Repository, id: SealApplicationId) -> Result<Attempt, ApiError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<SealApplicationRecord>(id.as_bytes()).await? {
                if found.value.application.awaits().is_some() {
                    return Ok(Attempt::Again(Duration::ZERO));
                }
                transaction.rest_on(&found);
            }
            transaction.finish(&JobKind::MakeSeal(id));
            Ok(Attempt::Finished)
        })
        .await
}

/// A CA's words as they are told to people.
fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let cut: String = line.chars().take(MOST_REASON_CHARACTERS).collect();
    if is_showable(&cut, MOST_REASON_CHARACTERS) { cut } else { "the CA gave no reason".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_cas_reason_is_told_on_one_line_and_never_empty() {
        assert_eq!(shown("not legible\nsecond line"), "not legible");
        assert_eq!(shown(&"章".repeat(300)).chars().count(), 200);
        for nothing in ["", "  \n ", "a\u{202e}b"] {
            assert_eq!(shown(nothing), "the CA gave no reason");
        }
    }
}
