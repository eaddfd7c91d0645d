//! Revoked and held certificates.

use yinqiao_ca_sdk::messages::{RevocationReason, SealStatus, Serial, State, States};
use yinqiao_ca_sdk::{AdapterError, Call, Reply, Request};
use yinqiao_gm::x509;

use crate::adapter::Instance;
use crate::record::RevocationRecord;
use crate::store::Folder;

/// Serialises changes of states, so that hold and revoke of one certificate do not cross, and lists.
pub(crate) const LOCK: &str = "revocations";

/// What becomes of a certificate's state.
#[derive(Clone, Copy)]
enum Change {
    Revoke(RevocationReason),
    Hold,
    Unhold,
}

impl Instance {
    /// Whether a change of a state can be begun.
    pub(crate) fn check_state_change(&self, request: &Request) -> Result<(), AdapterError> {
        match request {
            Request::SealRevoke(request) => self.must_be_made(&request.seal_id).map(drop),
            request => {
                let (serials, change) = self.state_change(request)?;
                serials.iter().try_for_each(|serial| self.may(serial, change))
            }
        }
    }

    /// Changes a state; a second time changes nothing.
    pub(crate) fn change_state(&self, call: &Call<'_>, request: &Request) -> Result<Reply, AdapterError> {
        let now_ms = call.host().now_ms();
        if let Request::SealRevoke(request) = request {
            let status: SealStatus = self.revoke_seal(&request.seal_id, &request.reason, now_ms)?;
            return Ok(Reply::SealState(status));
        }
        let (serials, change) = self.state_change(request)?;
        let _lock = self.store.lock(LOCK)?;
        for serial in &serials {
            self.may(serial, change)?;
            match change {
                Change::Unhold => self.store.remove(Folder::Revocations, serial.as_str())?,
                Change::Hold => self.mark(serial, RevocationReason::CertificateHold, now_ms)?,
                Change::Revoke(reason) => self.mark(serial, reason, now_ms)?,
            }
        }
        let certificates = serials.iter().map(|serial| self.store.state(serial)).collect::<Result<_, _>>()?;
        Ok(Reply::States(States { certificates }))
    }

    fn state_change(&self, request: &Request) -> Result<(Vec<Serial>, Change), AdapterError> {
        let (serial, pair, change) = match request {
            Request::Revoke(request) if request.reason == RevocationReason::CertificateHold => {
                return Err(AdapterError::permanent(
                    "certificateHold is no reason to revoke; hold the certificate",
                ));
            }
            Request::Revoke(request) => (&request.serial, request.pair, Change::Revoke(request.reason)),
            Request::Hold(request) => (&request.serial, request.pair, Change::Hold),
            Request::Unhold(request) => (&request.serial, request.pair, Change::Unhold),
            other => return Err(AdapterError::not_supported(other.operation())),
        };
        let (record, _) = self.store.must_be_issued(serial)?;
        let mut serials = vec![serial.clone()];
        if pair {
            serials.extend(record.partner);
        }
        Ok((serials, change))
    }

    fn may(&self, serial: &Serial, change: Change) -> Result<(), AdapterError> {
        match (change, self.store.state(serial)?.state) {
            (Change::Hold | Change::Unhold, State::Revoked) => Err(AdapterError::permanent(format!(
                "the certificate {serial} is revoked, which is for good"
            ))),
            _ => Ok(()),
        }
    }

    /// A first revocation stays as it is; it takes the place of a suspension.
    fn mark(&self, serial: &Serial, reason: RevocationReason, at_ms: u64) -> Result<(), AdapterError> {
        let present = self.store.state(serial)?.state;
        if present == State::Revoked
            || (present == State::Held && reason == RevocationReason::CertificateHold)
        {
            return Ok(());
        }
        Ok(self.store.replace(Folder::Revocations, serial.as_str(), &RevocationRecord { reason, at_ms })?)
    }
}

pub(crate) const fn listed(reason: RevocationReason) -> x509::RevocationReason {
    match reason {
        RevocationReason::AffiliationChanged => x509::RevocationReason::AffiliationChanged,
        RevocationReason::CaCompromise => x509::RevocationReason::CaCompromise,
        RevocationReason::CertificateHold => x509::RevocationReason::CertificateHold,
        RevocationReason::CessationOfOperation => x509::RevocationReason::CessationOfOperation,
        RevocationReason::KeyCompromise => x509::RevocationReason::KeyCompromise,
        RevocationReason::PrivilegeWithdrawn => x509::RevocationReason::PrivilegeWithdrawn,
        RevocationReason::Superseded => x509::RevocationReason::Superseded,
        RevocationReason::Unspecified => x509::RevocationReason::Unspecified,
    }
}
