//! Seals, and requests for seals that their CA has not made yet.

use serde_json::{Value, json};

use yinqiao_protocol::SealId;

use super::adapter::operations::what_comes;
use crate::broker::Broker;
use crate::http::problem::ApiError;
use crate::lifecycle::seal::SealWithdrawal;

/// All seals, those that are not made yet last.
pub(super) async fn list(broker: &Broker) -> Result<Value, ApiError> {
    let mut rows = Vec::new();
    for seal in broker.directory.seals(None).await? {
        rows.push(json!({
            "seal": seal.id, "kind": seal.kind, "name": seal.name, "enterprise": seal.enterprise, "state": "made",
            "made_at": seal.made_at,
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

/// Withdraws one.
pub(super) async fn withdraw(broker: &Broker, seal: SealId) -> Result<Value, ApiError> {
    Ok(match broker.withdraw_seal(&seal).await? {
        SealWithdrawal::Withdrawn => json!({ "seal": seal, "state": "withdrawn" }),
        SealWithdrawal::UnderWay { reason } => {
            json!({ "seal": seal, "state": "withdrawing", "reason": reason })
        }
    })
}
