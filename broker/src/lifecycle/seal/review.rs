//! The job that has a CA review an application and make the seal, or forget an application that was cancelled.

use std::time::Duration;

use tracing::{error, info};

use yinqiao_ca_sdk::messages::{Der, IdempotencyKey, IssuedSeal, SealIssueRequest, SealPicture};
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::seal::{
    Awaited, Review, SealApplication, SealApplicationState, SealFacts, SealRevocationReason,
};
use yinqiao_lifecycle::{Actor, JobKind};
use yinqiao_protocol::task::is_showable;
use yinqiao_protocol::{Base64, SealApplicationId, SealId};

use super::application::take;
use super::authorities::{Handed, SealAuthorities};
use super::issued::{seal_type, unix_millis};
use super::revocation::{find, record_of};
use super::unfit;
use crate::adapter::{AuthorityError, Withdrawal};
use crate::directory::SealRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::job::Attempt;
use crate::lifecycle::operation_key;
use crate::message::{self, Notice};
use crate::records::seals::{SealApplicationRecord, SealPictureRecord, seal_picture_key};
use crate::records::{Repository, Transaction};
use crate::store::StoreError;

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
pub(crate) async fn make(
    repository: &Repository,
    authorities: &dyn SealAuthorities,
    id: SealApplicationId,
) -> Result<Attempt, ApiError> {
    let Some(found) = repository.get::<SealApplicationRecord>(id.as_bytes()).await? else {
        return finish(repository, id).await;
    };
    let matter = Matter {
        repository,
        authorities,
        key: operation_key(found.value.application.key())?,
        unfit_key: operation_key(format!("revoke-unfit-seal-{id}"))?,
        record: found.value,
    };
    let verdict = match matter.record.application.awaits() {
        None => None,
        Some(Awaited::Review) => Some(matter.ask_to_make().await),
        Some(Awaited::Withdrawal) => Some(matter.ask_to_withdraw().await),
    };
    match verdict {
        None => {}
        Some(Ok(verdict)) => note(repository, &matter.record, verdict).await?,
        Some(Err(AuthorityError::Pending { retry_after, .. })) => return Ok(Attempt::Again(retry_after)),
        // Concluded by another attempt, which has stored what came of it before.
        Some(Err(AuthorityError::Over)) => return Ok(Attempt::Again(Duration::ZERO)),
        Some(Err(error)) => return Err(error.into()),
    }
    // Whatever the broker died after, nothing is left open in the journal.
    authorities.conclude(&matter.key).await?;
    authorities.conclude(&matter.unfit_key).await?;
    finish(repository, id).await
}

/// An application at its CA.
struct Matter<'a> {
    repository: &'a Repository,
    authorities: &'a dyn SealAuthorities,
    record: SealApplicationRecord,
    /// What the CA knows the making by.
    key: IdempotencyKey,
    /// What it knows the revocation of another seal than was asked for by.
    unfit_key: IdempotencyKey,
}

impl Matter<'_> {
    fn authority(&self) -> &str {
        &self.record.application.certificate_authority
    }

    async fn ask_to_make(&self) -> Result<Verdict, AuthorityError> {
        let request = request(self.repository, &self.record).await?;
        let (issued, text) = match self.authorities.make(self.authority(), &self.key, &request).await {
            Ok(Handed::Fit(issued)) => {
                let known = unfit::is_known(self.repository, self.authority(), &issued.seal_id).await?;
                (issued, self.record.unfit.clone().or_else(|| known.then(|| unfit::KNOWN.to_owned())))
            }
            Ok(Handed::Unfit { issued, text }) => (issued, Some(self.record.unfit.clone().unwrap_or(text))),
            Err(AuthorityError::Refused { text, .. } | AuthorityError::NotSupported { text, .. }) => {
                return Ok(Review::Rejected(shown(&text)).into());
            }
            Err(error) => return Err(error),
        };
        let Some(text) = text else {
            return Ok(Verdict { review: Review::Made(self.record.seal()), issued: Some(issued) });
        };
        self.note_unfit(&text).await?;
        let made = (&request, &issued);
        unfit::revoke(self.repository, self.authorities, self.authority(), &self.unfit_key, made).await?;
        let reason = format!("the CA made another seal than was asked for: {text}");
        Ok(Review::Rejected(shown(&reason)).into())
    }

    /// Before the CA is told: what is being revoked must not be taken for good later.
    async fn note_unfit(&self, text: &str) -> Result<(), StoreError> {
        let id = self.record.application.id;
        error!(application = %id, text, "a seal is not what was asked for: its CA is to revoke it");
        self.repository
            .transact(async |transaction| {
                let found = transaction.get::<SealApplicationRecord>(id.as_bytes()).await?;
                if let Some(found) = found.filter(|found| found.value.unfit.is_none()) {
                    let noted = SealApplicationRecord { unfit: Some(text.to_owned()), ..found.value.clone() };
                    transaction.put(Some(&found), &noted)?;
                }
                Ok(())
            })
            .await
    }

    async fn ask_to_withdraw(&self) -> Result<Verdict, AuthorityError> {
        match self.authorities.withdraw(self.authority(), &self.key).await? {
            Withdrawal::Withdrawn => Ok(Review::Withdrawn.into()),
            // Whatever comes of it, the seal is revoked.
            Withdrawal::TooLate => self.ask_to_make().await,
        }
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
