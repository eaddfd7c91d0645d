//! The download of an ordered certificate is an enrolment with a code of the order's own: whatever breaks in between, the same
//! request goes on, and when the phone is away the broker goes on with it.

use std::time::Duration;

use yinqiao_lifecycle::certificate::RevocationReason;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::order::{Order, Reason, State};
use yinqiao_lifecycle::user::User;
use yinqiao_lifecycle::{Actor, Job, JobKind};
use yinqiao_protocol::holder::{Enterprise as HolderEnterprise, Holder};
use yinqiao_protocol::phone::Enrolled;
use yinqiao_protocol::statement::{Enrolment, SignedText};
use yinqiao_protocol::{OrderId, Sm3Hex, Timestamp, Token};

use yinqiao_gm::x509::CertificateRequest;

use super::{change, no_such_order};
use crate::adapter::Patience;
use crate::broker::Broker;
use crate::directory::{DirectoryError, EnrolmentRecord, EnrolmentState, Versioned};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::certificate::{self, CertificateCommand};
use crate::lifecycle::enrolment::Shelf;
use crate::lifecycle::job::Attempt;
use crate::records::Repository;

#[cfg(test)]
mod tests;

/// How long the same request gets its answer again after the certificate was issued, in seconds.
const ANSWERED_AGAIN_SECONDS: u32 = 30 * 86_400;

/// The code with which the applicant's phone downloads. It follows from the order, so that asking again gives the same.
///
/// # Errors
/// When the order is not ready, or not the user's.
pub(crate) async fn download_code(
    broker: &Broker,
    user: &User,
    id: OrderId,
) -> Result<(Token, Timestamp), ApiError> {
    let found = broker.repository.get::<Order>(id.as_bytes()).await?;
    let order = found.map(|found| found.value).filter(|order| order.applicant == user.id);
    let order = order.ok_or_else(no_such_order)?;
    if !matches!(order.state, State::Ready { .. } | State::Issuing { .. } | State::Issued { .. }) {
        let refusal = yinqiao_lifecycle::order::OrderRefusal::NotReady(order.state_name());
        return Err(refusal.into());
    }
    let code = code_of(broker, id);
    let now = broker.repository.clock().now();
    let expires_at = order.deadline().unwrap_or_else(|| now.plus_seconds(ANSWERED_AGAIN_SECONDS));
    match broker.directory.enrolment(&code.digest()).await {
        Ok(found) => return Ok((code, found.value.expires_at)),
        Err(DirectoryError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let record = EnrolmentRecord {
        holder: holder(broker, user, &order).await?,
        certificate_authority: order.wish.certificate_authority.clone(),
        fallback: Vec::new(),
        product: order.wish.product.clone(),
        signing_only: order.wish.signing_only,
        order: Some(id),
        user: Some(user.id),
        validity_days: order.wish.days,
        expires_at,
        state: EnrolmentState::Open,
    };
    match broker.directory.change_enrolment(&code.digest(), 0, &record).await {
        Ok(()) | Err(crate::store::StoreError::Conflict) => Ok((code, expires_at)),
        Err(error) => Err(error.into()),
    }
}

fn code_of(broker: &Broker, id: OrderId) -> Token {
    Token::from_bytes(broker.derive(&[b"order code", id.as_bytes()]).as_bytes())
}

/// Whom the certificates name.
async fn holder(broker: &Broker, user: &User, order: &Order) -> Result<Holder, ApiError> {
    let enterprise = match &order.enterprise {
        None => None,
        Some(code) => {
            let company = broker.repository.get::<Enterprise>(code.as_str().as_bytes()).await?;
            let company = company.ok_or_else(no_such_order)?.value;
            Some(HolderEnterprise {
                name: company.data.name,
                unified_social_credit_code: company.code.to_string(),
            })
        }
    };
    Ok(Holder {
        id: user.holder_id(),
        kind: user.kind,
        name: user.name.clone().unwrap_or_default(),
        enterprise,
    })
}

/// A phone brings a code: where it is an order's, the order takes this request and no other from now on.
///
/// # Errors
/// When the order does not take it.
pub(in crate::lifecycle) async fn begin_download(
    shelf: Shelf<'_>,
    code_sm3: &Sm3Hex,
    request_sm3: Sm3Hex,
    enrolment: &Enrolment,
) -> Result<(), ApiError> {
    let record = shelf.directory.enrolment(code_sm3).await?.value;
    let (Some(id), Some(user)) = (record.order, record.user) else { return Ok(()) };
    let repository = shelf.repository;
    let user = repository.get::<User>(user.as_bytes()).await?.ok_or_else(no_such_order)?.value;
    let signed_in = repository
        .all::<yinqiao_lifecycle::user::DeviceSession>(&crate::records::users::sessions_of(user.id))
        .await?;
    let now = repository.clock().now();
    let from_own_phone = signed_in
        .iter()
        .any(|session| session.value.device_key == enrolment.device_key && session.value.is_live(&user, now));
    if !from_own_phone {
        let text = "the applicant is not signed in at this phone: sign in here, then download";
        return Err(ApiError::new(Kind::NotAllowed, text));
    }
    let actor = Actor::User(user.actor());
    repository
        .transact(async |transaction| {
            change(transaction, id, |order, now| order.begin_issue(request_sm3, &actor, now)).await.map(drop)
        })
        .await
}

/// How far an order is after its download.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Noted {
    /// It goes on.
    GoesOn,
    /// It has ended, and nothing is left to be done.
    Ended,
    /// It has ended; the same request, which may wait beside, could still be sent to the CA: the job sees to it that it is not, or that
    /// what comes of it is revoked.
    EndedWithRequest,
}

/// What came of a download: the order hears of the certificate, or of the CA's refusal.
///
/// # Errors
/// When the store fails.
pub(crate) async fn note_download(
    broker: &Broker,
    order: Option<OrderId>,
    outcome: &Result<Enrolled, ApiError>,
) -> Result<Noted, ApiError> {
    let Some(id) = order else { return Ok(Noted::GoesOn) };
    let noted = match outcome {
        Ok(enrolled) => {
            issued(broker, id, Sm3Hex::of(enrolled.signing_certificate.as_slice())).await?;
            Noted::Ended
        }
        Err(error) => end_of(broker, id, error).await?,
    };
    if let (Err(error), Noted::Ended | Noted::EndedWithRequest) = (outcome, noted) {
        failed(&broker.repository, id, &error.problem().detail, noted).await?;
    }
    Ok(noted)
}

/// Whether the CA will not issue for this request, ever: it refuses, or what it issued was refused and is being revoked. An answer
/// that nobody can read is no end: there may be a certificate.
async fn end_of(broker: &Broker, id: OrderId, error: &ApiError) -> Result<Noted, ApiError> {
    let kind = error.kind();
    if !matches!(kind, Kind::CertificateAuthorityRefused | Kind::CertificateAuthorityBroken) {
        return Ok(Noted::GoesOn);
    }
    let enrolment = broker.directory.enrolment(&code_of(broker, id).digest()).await?.value;
    Ok(match (kind, enrolment.state) {
        (_, EnrolmentState::Rejected { .. }) => Noted::Ended,
        (Kind::CertificateAuthorityRefused, _) => Noted::EndedWithRequest,
        _ => Noted::GoesOn,
    })
}

/// Ends the order. The job ends with it only where nothing is left to be done.
async fn failed(repository: &Repository, id: OrderId, reason: &str, noted: Noted) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            match noted {
                Noted::EndedWithRequest => transaction.job(Job::new(JobKind::Issue(id), transaction.now())),
                Noted::Ended | Noted::GoesOn => transaction.finish(&JobKind::Issue(id)),
            }
            change(transaction, id, |order, now| order.fail(reason, &Actor::System, now)).await.map(drop)
        })
        .await
}

/// The order ends with its certificate; the one in whose place it was ordered is followed by it.
async fn issued(broker: &Broker, id: OrderId, certificate: Sm3Hex) -> Result<(), ApiError> {
    broker
        .repository
        .transact(async |transaction| {
            transaction.finish(&JobKind::Issue(id));
            let (before, order) =
                change(transaction, id, |order, now| order.issued(certificate, now)).await?;
            let replaced = match &order.wish.reason {
                Reason::New => None,
                Reason::Renew { certificate } | Reason::Rekey { certificate } => Some(*certificate),
            };
            if let Some(replaced) = replaced.filter(|_| !before.value.is_over()) {
                let command = CertificateCommand::SucceededBy(certificate);
                certificate::change(transaction, &replaced, &Actor::System, command).await?;
            }
            Ok(())
        })
        .await
}

/// The job: goes on with a download whose phone is away, and with the end of one whose order an operator has given up.
///
/// # Errors
/// When the CA does not issue (yet).
pub(crate) async fn issue(broker: &Broker, id: OrderId) -> Result<Attempt, ApiError> {
    let code_sm3 = code_of(broker, id).digest();
    let found = broker.directory.enrolment(&code_sm3).await?;
    let order = broker.repository.get::<Order>(id.as_bytes()).await?.ok_or_else(no_such_order)?.value;
    if matches!(order.state, State::Failed { .. }) {
        return given_up(broker, id, &code_sm3, found).await;
    }
    let found = broker.shelf().without_void_key(&code_sm3, found).await?;
    match &found.value.state {
        EnrolmentState::Issued { enrolled, .. } => {
            issued(broker, id, Sm3Hex::of(enrolled.signing_certificate.as_slice())).await?;
            Ok(Attempt::Finished)
        }
        EnrolmentState::Rejected { reason, .. } => {
            failed(&broker.repository, id, reason, Noted::Ended).await?;
            Ok(Attempt::Finished)
        }
        EnrolmentState::Requested { enrolment: Some(bytes), .. } => {
            let internal = |text: String| ApiError::new(Kind::Internal, text);
            let enrolment = Enrolment::from_bytes(bytes.as_slice()).map_err(|e| internal(e.to_string()))?;
            let request = CertificateRequest::from_der(enrolment.certificate_request.as_slice())
                .map_err(|e| internal(e.to_string()))?;
            let outcome =
                broker.go_on_with(&code_sm3, found, &enrolment, &request, Some(Patience::NONE)).await;
            match note_download(broker, Some(id), &outcome).await? {
                Noted::GoesOn => outcome.map(|_| Attempt::Finished),
                Noted::Ended => Ok(Attempt::Finished),
                Noted::EndedWithRequest => {
                    let found = broker.directory.enrolment(&code_sm3).await?;
                    given_up(broker, id, &code_sm3, found).await
                }
            }
        }
        // The phone's request broke off before it was noted: it comes again, or another one.
        EnrolmentState::Open => begin_again(broker.shelf(), id, &code_sm3).await,
        EnrolmentState::Requested { enrolment: None, .. } => {
            Err(ApiError::new(Kind::Internal, "an order's enrolment is stored without the phone's request"))
        }
    }
}

/// Sets an order free again, and has its code last as long as the order waits, in one step: a request that takes the code at this
/// moment keeps the order, or finds it free and takes it once more.
async fn begin_again(shelf: Shelf<'_>, id: OrderId, code_sm3: &Sm3Hex) -> Result<Attempt, ApiError> {
    shelf
        .repository
        .transact(async |transaction| {
            let mut found = shelf.directory.enrolment(code_sm3).await?;
            if !matches!(found.value.state, EnrolmentState::Open) {
                return Ok(Attempt::Again(Duration::ZERO));
            }
            transaction.finish(&JobKind::Issue(id));
            let (_, order) = change(transaction, id, |order, now| order.begin_again(now)).await?;
            if let Some(until) = order.deadline() {
                found.value.expires_at = found.value.expires_at.max(until);
            }
            transaction.also(shelf.directory.enrolment_change(code_sm3, found.version, &found.value)?);
            Ok(Attempt::Finished)
        })
        .await
}

/// Sees to it that nothing is left at the CA of a download whose order was given up in the middle.
async fn given_up(
    broker: &Broker,
    id: OrderId,
    code_sm3: &Sm3Hex,
    found: Versioned<EnrolmentRecord>,
) -> Result<Attempt, ApiError> {
    let mut certificate = None;
    match &found.value.state {
        EnrolmentState::Issued { enrolled, .. } => {
            certificate = Some(Sm3Hex::of(enrolled.signing_certificate.as_slice()));
        }
        EnrolmentState::Rejected { .. } => {}
        EnrolmentState::Open => broker.give_up_unused_enrolment(code_sm3, found).await?,
        EnrolmentState::Requested { .. } => broker.give_up_enrolment(code_sm3, found).await?,
    }
    broker
        .repository
        .transact(async |transaction| {
            transaction.finish(&JobKind::Issue(id));
            if let Some(certificate) = certificate {
                let revoke = CertificateCommand::Revoke(RevocationReason::CessationOfOperation);
                certificate::change(transaction, &certificate, &Actor::System, revoke).await?;
            }
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(Attempt::Finished)
}
