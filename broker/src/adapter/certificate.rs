//! What a CA is asked for after it has issued: to hold, release and revoke a pair, and to give an encryption key back.

use std::sync::Arc;

use yinqiao_ca_sdk::messages::{
    Der, IdempotencyKey, RecoverKeyRequest, RecoveredKey, Reply, Request, RevocationReason, RevokeRequest,
    Serial, State, SuspendRequest,
};
use yinqiao_gm::x509::{AnyCertificate, Certificate};
use yinqiao_lifecycle::certificate::{CaOperation, RevocationReason as Reason};

use super::operation::Patience;
use super::{Authority, AuthorityError};

impl Authority {
    /// Holds, releases or revokes a certificate with the other one of its pair, and gets the new revocation list. The same
    /// key does it once, whatever breaks in between.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn change(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        certificate: &Certificate,
        operation: CaOperation,
        patience: Patience,
    ) -> Result<(), AuthorityError> {
        let serial = self.serial_of(certificate)?;
        let (request, wanted) = match operation {
            CaOperation::Hold => (Request::Hold(SuspendRequest { serial, pair: true }), State::Held),
            CaOperation::Unhold => (Request::Unhold(SuspendRequest { serial, pair: true }), State::Good),
            CaOperation::Revoke(reason) => {
                let reason = told(reason);
                (Request::Revoke(RevokeRequest { serial, reason, pair: true }), State::Revoked)
            }
        };
        self.change_state(key, certificate, &request, wanted, patience).await
    }

    /// Revokes this certificate and no other: what the CA has made a pair with it stays as it is. The same key does it once.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn revoke_alone(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        certificate: &AnyCertificate,
        reason: Reason,
        patience: Patience,
    ) -> Result<(), AuthorityError> {
        let request =
            RevokeRequest { serial: self.serial_of(certificate)?, reason: told(reason), pair: false };
        self.change_state(key, certificate, &Request::Revoke(request), State::Revoked, patience).await
    }

    async fn change_state(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        certificate: &AnyCertificate,
        request: &Request,
        wanted: State,
        patience: Patience,
    ) -> Result<(), AuthorityError> {
        let serial = self.serial_of(certificate)?;
        let Reply::States(states) = self.carry_out(key, request, patience).await? else {
            return Err(self.unexpected_reply());
        };
        if !states.certificates.iter().any(|state| state.serial == serial && state.state == wanted) {
            self.journal.forget(key).await?;
            return Err(self.broken(format!("it does not confirm the {}", request.operation())));
        }
        self.trust().forget_answer_about(certificate);
        self.refresh().await
    }

    /// Has the key of an encryption certificate enveloped for the key of a certificate request (PKCS#10, DER).
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn recover_key(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        encryption: &Certificate,
        certificate_request: &[u8],
        patience: Patience,
    ) -> Result<RecoveredKey, AuthorityError> {
        let serial = self.serial_of(encryption)?;
        let request = RecoverKeyRequest { serial, csr: Der(certificate_request.to_vec()) };
        match self.carry_out(key, &Request::RecoverKey(request), patience).await? {
            Reply::RecoveredKey(recovered) => Ok(recovered),
            _ => Err(self.unexpected_reply()),
        }
    }

    fn serial_of(&self, certificate: &AnyCertificate) -> Result<Serial, AuthorityError> {
        Serial::from_octets(certificate.serial().as_bytes())
            .map_err(|error| self.broken(format!("serial number: {error}")))
    }
}

/// In the adapters' words.
const fn told(reason: Reason) -> RevocationReason {
    match reason {
        Reason::AffiliationChanged => RevocationReason::AffiliationChanged,
        Reason::CaCompromise => RevocationReason::CaCompromise,
        Reason::CessationOfOperation => RevocationReason::CessationOfOperation,
        Reason::KeyCompromise => RevocationReason::KeyCompromise,
        Reason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        Reason::Superseded => RevocationReason::Superseded,
        Reason::Unspecified => RevocationReason::Unspecified,
    }
}
