//! One step of a removal. Each may be repeated: what is so already counts as done.

use yinqiao_lifecycle::cascade::What;
use yinqiao_lifecycle::certificate::RevocationReason;
use yinqiao_lifecycle::enterprise::Enterprise;
use yinqiao_lifecycle::identity::CreditCode;
use yinqiao_lifecycle::membership::Membership;
use yinqiao_lifecycle::order::Order;
use yinqiao_lifecycle::user::User;
use yinqiao_lifecycle::{Actor, Step};
use yinqiao_protocol::{OrderId, SealApplicationId, Sm3Hex, UserId};

use super::inventory::is_over;
use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::certificate::{self, CertificateCommand};
use crate::lifecycle::{recovery, seal};
use crate::records::Repository;
use crate::records::companies::membership_key;
use crate::records::seals::SealApplicationRecord;
use crate::store::StoreError;

/// What is said of a step whose other side has not answered.
const AWAITS_CA: &str = "the CA has not confirmed it yet";

/// Takes the step as far as it can be taken now.
///
/// # Errors
/// Why it is not done.
pub(super) async fn take(repository: &Repository, what: &What) -> Result<(), ApiError> {
    match what {
        What::EndSessions(user) => end_sessions(repository, *user).await,
        What::RevokeCertificate(sm3) => revoke(repository, sm3).await,
        What::RejectRecovery(id) => {
            recovery::reject(repository, *id, "it was removed with its certificate").await
        }
        What::CancelOrder(id) => cancel_order(repository, *id).await,
        What::CancelSealApplication(id) => cancel_seal_application(repository, *id).await,
        What::RevokeSeal(id) => awaited(seal::revoke_with_company(repository, id).await?),
        What::EndMembership { enterprise, user } => end_membership(repository, enterprise, *user).await,
        What::DeleteCertificate(sm3) => hide(repository, sm3).await,
        What::DeleteEnterprise(code) => conclude(repository, code).await,
        What::DeleteUser(user) => delete_user(repository, *user).await,
    }
}

/// Not done as long as the CA has not answered.
fn awaited(by_authority: bool) -> Result<(), ApiError> {
    if by_authority { Err(ApiError::awaits(AWAITS_CA)) } else { Ok(()) }
}

async fn end_sessions(repository: &Repository, user: UserId) -> Result<(), ApiError> {
    let end = |user: &User, now| Ok::<_, StoreError>(user.end_sessions(&Actor::System, now));
    repository.decide(user.as_bytes(), end).await.map(drop)
}

async fn revoke(repository: &Repository, sm3: &Sm3Hex) -> Result<(), ApiError> {
    let command = CertificateCommand::Revoke(RevocationReason::CessationOfOperation);
    repository
        .transact(async |transaction| {
            let found = transaction.get::<CertificateRecord>(sm3.as_bytes()).await?;
            if found.is_none_or(|found| is_over(&found.value, transaction.now())) {
                return Ok(true);
            }
            let (_, next) = certificate::change(transaction, sm3, &Actor::System, command).await?;
            Ok(is_over(&next, transaction.now()))
        })
        .await
        .and_then(|over: bool| awaited(!over))
}

async fn hide(repository: &Repository, sm3: &Sm3Hex) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            certificate::change(transaction, sm3, &Actor::System, CertificateCommand::Hide).await.map(drop)
        })
        .await
}

async fn cancel_order(repository: &Repository, id: OrderId) -> Result<(), ApiError> {
    let cancel = |order: &Order, now| match order.is_over() {
        true => Ok(Step::unchanged(order.clone())),
        false => order.cancel(&Actor::System, now),
    };
    repository.decide(id.as_bytes(), cancel).await.map(drop)
}

async fn cancel_seal_application(repository: &Repository, id: SealApplicationId) -> Result<(), ApiError> {
    let is_open = |record: &SealApplicationRecord| record.application.awaits().is_some();
    let left = repository
        .transact(async |transaction| {
            let found = transaction.get::<SealApplicationRecord>(id.as_bytes()).await?;
            match found {
                Some(found) if is_open(&found.value) => {
                    seal::cancel(transaction, id, &Actor::System).await.map(|record| is_open(&record))
                }
                _ => Ok(false),
            }
        })
        .await?;
    awaited(left)
}

async fn end_membership(
    repository: &Repository,
    enterprise: &CreditCode,
    user: UserId,
) -> Result<(), ApiError> {
    let end = |membership: &Membership, now| Ok::<_, StoreError>(membership.end(now));
    repository.decide(&membership_key(enterprise, user), end).await.map(drop)
}

async fn conclude(repository: &Repository, code: &CreditCode) -> Result<(), ApiError> {
    repository.decide(code.as_str().as_bytes(), Enterprise::conclude_deletion).await.map(drop)
}

async fn delete_user(repository: &Repository, user: UserId) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<User>(user.as_bytes()).await? {
                transaction.remove(&found);
            }
            Ok(())
        })
        .await
}
