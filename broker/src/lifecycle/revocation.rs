//! Revocation: the broker blocks the certificate at once, then has the CA revoke it.

use yinqiao_ca_sdk::messages::{IdempotencyKey, RevocationReason};
use yinqiao_protocol::Sm3Hex;

use crate::adapter::AuthorityError;
use crate::broker::Broker;
use crate::clock;
use crate::directory::Revocation;
use crate::http::problem::{ApiError, Kind};

impl Broker {
    /// Revokes a certificate pair. Repeating it finishes what a failed CA left open.
    ///
    /// # Errors
    /// When there is no such certificate, or the CA does not confirm: the broker blocks it all the same.
    pub async fn revoke(&self, sm3: &Sm3Hex, reason: RevocationReason) -> Result<(), ApiError> {
        let known = self.directory.certificate(sm3).await?;
        let mut revocation = known.record.revocation.clone().unwrap_or_else(|| Revocation {
            at: clock::now(),
            reason: format!("{reason:?}"),
            confirmed: false,
        });
        let key = IdempotencyKey::try_from(format!("revoke-{sm3}"))
            .map_err(|e| ApiError::new(Kind::Internal, e.to_string()))?;
        if revocation.confirmed {
            return Ok(self.authorities.journal().conclude(&key, clock::now()).await?);
        }
        if known.record.revocation.is_none() {
            self.directory.note_revocation(sm3, revocation.clone()).await?;
        }
        if revocation.reason != format!("{reason:?}") {
            let text = format!(
                "its revocation was begun with the reason {}: repeat it with that one",
                revocation.reason
            );
            return Err(ApiError::new(Kind::InvalidRequest, text));
        }
        let authority = self.authorities.get(&known.record.certificate_authority)?;
        match authority.revoke(&key, &known.signing, reason).await {
            Ok(()) | Err(AuthorityError::Over) => {}
            Err(error) => return Err(error.into()),
        }
        revocation.confirmed = true;
        self.directory.note_revocation(sm3, revocation).await?;
        Ok(authority.conclude(&key).await?)
    }
}
