//! Revocation by whoever runs the broker, at the command line: the certificate is blocked at once, and the command waits
//! until the CA has confirmed it.

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::certificate::{RevocationReason, Status};
use yinqiao_protocol::Sm3Hex;

use super::certificate::{self, CertificateCommand};
use super::job::Attempt;
use crate::adapter::Patience;
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};

impl Broker {
    /// Revokes a certificate pair. Where the CA does not confirm now, the broker goes on by itself.
    ///
    /// # Errors
    /// When there is no such certificate, it was revoked for another reason or has expired, or the CA does not confirm: the
    /// broker blocks it all the same.
    pub async fn revoke(&self, sm3: &Sm3Hex, reason: RevocationReason) -> Result<(), ApiError> {
        let command = CertificateCommand::Revoke(reason);
        let (_, record) = self
            .repository
            .transact(async |transaction| {
                certificate::change(transaction, sm3, &Actor::System, command).await
            })
            .await?;
        if record.status(self.repository.clock().now()) == Status::Expired {
            return Err(ApiError::new(Kind::Conflict, "this certificate has expired: it answers no session"));
        }
        if let Some(revocation) =
            record.standing.revocation().filter(|revocation| revocation.reason != reason)
        {
            let text = format!("it is revoked for another reason, {}, which stays", revocation.reason.name());
            return Err(ApiError::new(Kind::InvalidRequest, text));
        }
        match certificate::reconcile(&self.repository, &*self.authorities, *sm3, Patience::LONG).await? {
            Attempt::Finished => self.must_be_confirmed(sm3).await,
            Attempt::Again(_) => Err(ApiError::new(
                Kind::CertificateAuthorityPending,
                "the CA has accepted the revocation and is not finished: the broker blocks the certificate, and asks again",
            )),
        }
    }

    async fn must_be_confirmed(&self, sm3: &Sm3Hex) -> Result<(), ApiError> {
        let known = self.directory.certificate(sm3).await?;
        match &known.record.standing.declined.revoke {
            None => Ok(()),
            Some(declined) => Err(ApiError::new(
                Kind::CertificateAuthorityRefused,
                format!(
                    "the broker blocks the certificate, but its CA does not revoke it: {}",
                    declined.reason
                ),
            )),
        }
    }
}
