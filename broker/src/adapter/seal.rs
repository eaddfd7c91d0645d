//! What a CA is asked for when a seal that it was to make is not wanted any more.

use std::sync::Arc;
use std::time::Duration;

use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{
    Cancellation, ErrorClass, IdempotencyKey, Operation, Reply, Request, SealRevokeRequest, SealState,
};
use yinqiao_ca_worker::CallOptions;

use super::journal::Progress;
use super::operation::Patience;
use super::{Authority, AuthorityError};
use crate::clock;

/// How long the withdrawal may take.
const CANCEL_WITHIN: Duration = Duration::from_secs(10);

/// What came of a withdrawal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Withdrawal {
    /// Nothing was done, and nothing will be under this key.
    Withdrawn,
    /// It was done, or may be: what comes of it is to be found out, and undone.
    TooLate,
}

impl Authority {
    /// Withdraws an operation: one that waits at the CA by the adapter's `cancel`, where it is offered.
    ///
    /// # Errors
    /// When it waits at a CA that cannot be reached.
    pub async fn withdraw(
        &self,
        key: &IdempotencyKey,
        operation: Operation,
    ) -> Result<Withdrawal, AuthorityError> {
        if self.journal.abandon(key, operation, clock::now()).await? {
            return Ok(Withdrawal::Withdrawn);
        }
        let _alone = self.journal.alone(key).await;
        let Some(mut entry) = self.journal.entry(key).await? else { return Ok(Withdrawal::TooLate) };
        let Progress::Pending { token, .. } = &entry.value.progress else { return Ok(Withdrawal::TooLate) };
        let handle = self.handle()?;
        if handle.capabilities() & capability::CA_CAN_CANCEL == 0 {
            return Ok(Withdrawal::TooLate);
        }
        match handle.cancel(token, &CallOptions::within(CANCEL_WITHIN)).await {
            Ok(Cancellation::Cancelled) => {
                self.journal.note(&mut entry, Progress::Abandoned, clock::now()).await?;
                Ok(Withdrawal::Withdrawn)
            }
            Ok(Cancellation::Done) => Ok(Withdrawal::TooLate),
            // It is finished there, or nothing that can be withdrawn.
            Err(error) if matches!(error.class, ErrorClass::Permanent | ErrorClass::NotSupported) => {
                Ok(Withdrawal::TooLate)
            }
            Err(error) => Err(self.failed(error)),
        }
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
