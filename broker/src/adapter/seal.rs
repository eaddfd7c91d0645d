//! What CAs do about seals.

use std::sync::Arc;

use yinqiao_ca_sdk::messages::{IdempotencyKey, Operation, Reply, Request, SealRevokeRequest, SealState};

use super::operation::Patience;
use super::{Authority, AuthorityError};

impl Authority {
    /// Whether it makes seals; nobody knows while its plugin does not run.
    pub fn makes_seals(&self) -> Option<bool> {
        let handle = self.handle().ok()?;
        Some(handle.offers(Operation::SealIssue))
    }

    /// Has a seal revoked, which the CA knows by `seal_id`. The same key does it once.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn revoke_seal(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        seal_id: &str,
        reason: &str,
        patience: Patience,
    ) -> Result<(), AuthorityError> {
        let request = SealRevokeRequest { seal_id: seal_id.to_owned(), reason: reason.to_owned() };
        match self.carry_out(key, &Request::SealRevoke(request), patience).await? {
            Reply::SealState(status) if status.seal_id == seal_id && status.state == SealState::Revoked => {
                Ok(())
            }
            Reply::SealState(_) => {
                self.journal.forget(key).await?;
                Err(self.broken("it does not confirm that the seal is revoked".to_owned()))
            }
            _ => Err(self.unexpected_reply()),
        }
    }
}
