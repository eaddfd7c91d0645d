//! A seal that its CA has not made yet, and that is not wanted any more: the CA is told so where it can be told, and a seal that it
//! makes all the same is revoked and never used.

use tracing::info;

use yinqiao_ca_sdk::messages::Operation;
use yinqiao_protocol::SealId;

use super::{SealError, key_of, unfit};
use crate::adapter::{AuthorityError, Patience, Withdrawal};
use crate::broker::Broker;
use crate::clock;
use crate::directory::SealRequestRecord;
use crate::http::problem::ApiError;
use crate::store::StoreError;

/// How far a withdrawal is.
pub enum SealWithdrawal {
    /// There is no such seal, and none will be.
    Withdrawn,
    /// The CA may still make it; then it is revoked. The broker goes on by itself.
    UnderWay {
        /// What it waits for.
        reason: String,
    },
}

impl Broker {
    /// Withdraws the request for a seal that is not made yet. From now on the seal is of no use, whatever the CA does.
    ///
    /// # Errors
    /// When there is no such request: `yinqiao seal requests` lists those that are.
    pub async fn withdraw_seal(&self, id: &SealId) -> Result<SealWithdrawal, ApiError> {
        let request = self.directory.withdraw_seal_request(id, clock::now()).await?;
        info!(seal = %id, "the request for a seal is withdrawn");
        match self.finish_withdrawal(&request).await {
            Ok(()) => Ok(SealWithdrawal::Withdrawn),
            Err(SealError::NotYet(reason)) => Ok(SealWithdrawal::UnderWay { reason }),
            Err(SealError::Failed(error)) => Err(error),
        }
    }

    /// Goes on with a withdrawal until nothing is left of it.
    pub(super) async fn finish_withdrawal(&self, request: &SealRequestRecord) -> Result<(), SealError> {
        let key = key_of(request, "seal")?;
        let not_yet = |error: AuthorityError| SealError::NotYet(error.to_string());
        let name = &request.certificate_authority;
        let withdrawal = self.authorities.withdraw(name, &key, Operation::SealIssue).await;
        if withdrawal.map_err(not_yet)? == Withdrawal::Withdrawn {
            return self.end_withdrawal(request).await;
        }
        let authority = self.authorities.get(name).map_err(not_yet)?;
        let issued = match authority.issue_seal(&key, request.request.clone(), Patience::NONE).await {
            Ok(issued) => issued,
            Err(AuthorityError::Over) => return self.end_withdrawal(request).await,
            Err(error) if error.is_final() => {
                authority.conclude(&key).await?;
                return self.end_withdrawal(request).await;
            }
            Err(error) => return Err(not_yet(error)),
        };
        let revoke = key_of(request, "revoke-seal")?;
        let made = (&request.request, &issued);
        let revoked = unfit::revoke(&self.repository, &*self.authorities, name, &revoke, made).await;
        revoked.map_err(not_yet)?;
        // The request goes last: until then each of these steps is taken again.
        authority.conclude(&revoke).await?;
        self.end_withdrawal(request).await?;
        authority.conclude(&key).await?;
        Ok(())
    }

    async fn end_withdrawal(&self, request: &SealRequestRecord) -> Result<(), SealError> {
        match self.directory.conclude_seal_request(&request.id, None, None).await {
            // Another attempt has ended it.
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
