//! Seals, and requests for seals that their CA has not made yet.

use serde_json::{Value, json};

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::seal::{SealApplication, SealRevocationReason, SealState};
use yinqiao_protocol::SealId;
use yinqiao_protocol::seal::SealApplicationState;

use super::adapter::operations::what_comes;
use crate::broker::Broker;
use crate::directory::DirectoryError;
use crate::http::problem::ApiError;
use crate::lifecycle::seal::{self, SealWithdrawal};
use crate::records::seals::{SealApplicationRecord, seal_applications_in};

fn state_name(state: &SealState) -> &'static str {
    match state {
        SealState::Active => "made",
        SealState::Revoking(_) => "revoking",
        SealState::Revoked { .. } => "revoked",
    }
}

/// All seals, those that are not made yet last.
pub(super) async fn list(broker: &Broker) -> Result<Value, ApiError> {
    let mut rows = Vec::new();
    for seal in broker.directory.seals(None).await? {
        rows.push(json!({
            "seal": seal.id, "kind": seal.kind, "name": seal.name, "enterprise": seal.enterprise,
            "state": state_name(&seal.standing.state), "made_at": seal.made_at,
        }));
    }
    let under_review = seal_applications_in(SealApplicationState::UnderReview);
    for found in broker.repository.all::<SealApplicationRecord>(&under_review).await? {
        let SealApplication { id, kind, name, enterprise, applied_at, .. } = found.value.application;
        rows.push(json!({
            "application": id, "kind": kind, "name": name, "enterprise": enterprise, "state": "under_review",
            "requested_at": applied_at,
        }));
    }
    for request in broker.directory.seal_requests().await? {
        let state = if request.withdrawn_at.is_some() { "withdrawn" } else { "requested" };
        rows.push(json!({
            "seal": request.id, "kind": request.kind, "name": request.request.name,
            "enterprise": request.enterprise, "state": state, "requested_at": request.requested_at,
        }));
    }
    Ok(json!({ "seals": rows }))
}

/// Those that are not made yet, with what is known of their CA's progress.
pub(super) async fn requests(broker: &Broker) -> Result<Value, ApiError> {
    let open = broker.authorities.journal().unconcluded().await?;
    let mut rows = Vec::new();
    for request in broker.directory.seal_requests().await? {
        let key = format!("seal-{}", request.id);
        let progress = open.iter().find(|entry| entry.idempotency_key == key);
        rows.push(json!({
            "seal": request.id, "kind": request.kind, "name": request.request.name,
            "enterprise": request.enterprise, "adapter": request.certificate_authority,
            "requested_at": request.requested_at, "withdrawn_at": request.withdrawn_at,
            "progress": progress.and_then(|entry| what_comes(&entry.progress)).map_or("not sent yet", |(progress, _)| progress),
        }));
    }
    Ok(json!({ "requests": rows }))
}

/// Revokes a seal, for good: at once here, and at its CA by a job.
pub(super) async fn revoke(
    broker: &Broker,
    seal: SealId,
    reason: SealRevocationReason,
) -> Result<Value, ApiError> {
    let revoked = broker
        .repository
        .transact(async |transaction| {
            let found = seal::find_by_id(transaction.repository(), &seal).await?;
            let found = found.ok_or(DirectoryError::NotFound("seal of this id"))?;
            let enterprise = seal::company_of(&found.value)?;
            seal::revoke(transaction, &enterprise, &seal, reason, &Actor::System).await
        })
        .await?;
    Ok(json!({ "seal": seal, "state": state_name(&revoked.standing.state) }))
}

/// Withdraws one.
pub(super) async fn withdraw(broker: &Broker, seal: SealId) -> Result<Value, ApiError> {
    Ok(match broker.withdraw_seal(&seal).await? {
        SealWithdrawal::Withdrawn => json!({ "seal": seal, "state": "withdrawn" }),
        SealWithdrawal::UnderWay { reason } => {
            json!({ "seal": seal, "state": "withdrawing", "reason": reason })
        }
    })
}
