//! What a CA was asked for is not wanted any more: it is told so where it can be told.

use std::time::Duration;

use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{Cancellation, ErrorClass, IdempotencyKey, Operation};
use yinqiao_ca_worker::CallOptions;

use super::journal::Progress;
use super::{Authorities, Authority, AuthorityError};
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

impl Authorities {
    /// Withdraws an operation of the adapter `name`. Where nothing was sent yet nobody need be asked, and the adapter may be gone.
    ///
    /// # Errors
    /// When the adapter is gone, or it waits at a CA that cannot be reached.
    pub async fn withdraw(
        &self,
        name: &str,
        key: &IdempotencyKey,
        operation: Operation,
    ) -> Result<Withdrawal, AuthorityError> {
        if self.journal().abandon(key, operation, clock::now()).await? {
            return Ok(Withdrawal::Withdrawn);
        }
        self.get(name)?.cancel(key).await
    }
}

impl Authority {
    /// Withdraws what waits at the CA by the adapter's `cancel`, where it is offered.
    async fn cancel(&self, key: &IdempotencyKey) -> Result<Withdrawal, AuthorityError> {
        let _alone = self.journal.alone(key).await;
        let Some(mut entry) = self.journal.entry(key).await? else { return Ok(Withdrawal::TooLate) };
        let token = match &entry.value.progress {
            Progress::Pending { token, .. } => token,
            Progress::NotDone | Progress::Abandoned => {
                // Found out since it was looked at first.
                self.journal.note(&mut entry, Progress::Abandoned, clock::now()).await?;
                return Ok(Withdrawal::Withdrawn);
            }
            Progress::Submitted | Progress::Done { .. } | Progress::Concluded => {
                return Ok(Withdrawal::TooLate);
            }
        };
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
}
