//! Revoked and held certificates, and the list of them.

use yinqiao_ca_sdk::messages::{Crl, RevocationReason, SealStatus, Serial, State, States};
use yinqiao_ca_sdk::{AdapterError, Call, Reply, Request};
use yinqiao_gm::sm3;
use yinqiao_gm::x509::{self, CertificateRevocationList, RevokedEntry, SerialNumber};

use crate::adapter::Instance;
use crate::authority::own;
use crate::record::{CrlRecord, RevocationRecord};
use crate::store::Folder;

pub(crate) const FILE: &str = "crl";
/// Serialises changes of states, so that hold and revoke of one certificate do not cross, and lists.
const LOCK: &str = "revocations";
const HOUR_MS: u64 = 3_600_000;

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

    /// The present list: the last one, unless something changed since or half of its time is over.
    pub(crate) fn crl(&self, call: &Call<'_>) -> Result<Crl, AdapterError> {
        let now_ms = call.host().now_ms();
        let _lock = self.store.lock(LOCK)?;
        let entries = self.entries()?;
        let entries_digest = digest(&entries);
        let last: Option<CrlRecord> = self.store.read_top(FILE)?;
        let present = last.as_ref().filter(|last| {
            last.entries_digest == entries_digest
                && now_ms < last.this_update_ms.midpoint(last.next_update_ms)
        });
        if let Some(present) = present {
            return Ok(to_reply(present));
        }
        let number = last.map_or(1, |last| last.number + 1);
        // Seconds are what a list can say.
        let this_update_ms = now_ms / 1000 * 1000;
        let next_update_ms = this_update_ms + u64::from(self.configuration.crl_hours) * HOUR_MS;
        let issuing = &self.authority.issuing;
        let seconds = |milliseconds: u64| (milliseconds / 1000) as i64;
        let (this_update, next_update) = (seconds(this_update_ms), seconds(next_update_ms));
        let list = CertificateRevocationList::build(
            &issuing.certificate,
            &issuing.key,
            this_update,
            next_update,
            number,
            &entries,
        );
        let crl = list.map_err(own)?.der().to_vec().into();
        let record = CrlRecord { number, crl, this_update_ms, next_update_ms, entries_digest, delta: None };
        self.store.replace_top(FILE, &record)?;
        Ok(to_reply(&record))
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

    fn entries(&self) -> Result<Vec<(SerialNumber, RevokedEntry)>, AdapterError> {
        let mut entries = Vec::new();
        for name in self.store.names(Folder::Revocations)? {
            let serial: SerialNumber = name.parse().map_err(own)?;
            if let Some(record) = self.store.read::<RevocationRecord>(Folder::Revocations, &name)? {
                let entry =
                    RevokedEntry { revoked_at: (record.at_ms / 1000) as i64, reason: listed(record.reason) };
                entries.push((serial, entry));
            }
        }
        Ok(entries)
    }
}

fn to_reply(record: &CrlRecord) -> Crl {
    Crl {
        crl: record.crl.clone(),
        number: hex::encode(record.number.to_be_bytes()),
        this_update_ms: record.this_update_ms,
        next_update_ms: record.next_update_ms,
    }
}

fn digest(entries: &[(SerialNumber, RevokedEntry)]) -> String {
    let mut hasher = sm3::Hasher::new();
    for (serial, entry) in entries {
        hasher.update(format!("{serial} {} {}\n", entry.revoked_at, entry.reason.code()).as_bytes());
    }
    hasher.finalize().to_string()
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
