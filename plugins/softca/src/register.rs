//! What is on file: issued certificates, their states, and seals. For the plugin as for the command line.

use yinqiao_ca_sdk::messages::{CertificatePair, CertificateState, RevocationReason, Serial, State};
use yinqiao_ca_sdk::{AdapterError, Reply};

use crate::record::{CertificateRecord, OperationRecord, RevocationRecord, SealRecord};
use crate::store::{Folder, Store};

impl Store {
    /// What is on file of an issued certificate; None when none was handed out under that number.
    pub(crate) fn issued(
        &self,
        serial: &Serial,
    ) -> Result<Option<(CertificateRecord, OperationRecord)>, AdapterError> {
        let Some(certificate) = self.read::<CertificateRecord>(Folder::Certificates, serial.as_str())? else {
            return Ok(None);
        };
        let operation = self.read::<OperationRecord>(Folder::Operations, &certificate.operation)?;
        let handed_out =
            |operation: &OperationRecord| operation.made.iter().any(|made| made == serial.as_str());
        Ok(operation.filter(handed_out).map(|operation| (certificate, operation)))
    }

    /// As [`Self::issued`], where there must be one.
    pub(crate) fn must_be_issued(
        &self,
        serial: &Serial,
    ) -> Result<(CertificateRecord, OperationRecord), AdapterError> {
        self.issued(serial)?.ok_or_else(|| {
            AdapterError::permanent(format!(
                "this CA has issued no certificate with the serial number {serial}"
            ))
        })
    }

    /// As [`Self::must_be_issued`], where it must be neither revoked nor held.
    pub(crate) fn must_be_good(
        &self,
        serial: &Serial,
    ) -> Result<(CertificateRecord, OperationRecord), AdapterError> {
        let found = self.must_be_issued(serial)?;
        match self.state(serial)?.state {
            State::Good => Ok(found),
            State::Held | State::Revoked | State::Unknown => {
                Err(AdapterError::permanent(format!("the certificate {serial} is revoked or held")))
            }
        }
    }

    /// A certificate's state.
    pub(crate) fn state(&self, serial: &Serial) -> Result<CertificateState, AdapterError> {
        let unknown = CertificateState {
            serial: serial.clone(),
            state: State::Unknown,
            reason: None,
            changed_at_ms: None,
        };
        if self.issued(serial)?.is_none() {
            return Ok(unknown);
        }
        let record = self.read::<RevocationRecord>(Folder::Revocations, serial.as_str())?;
        Ok(match record {
            None => CertificateState { state: State::Good, ..unknown },
            Some(RevocationRecord { reason, at_ms }) => {
                let held = reason == RevocationReason::CertificateHold;
                let state = if held { State::Held } else { State::Revoked };
                CertificateState { state, reason: Some(reason), changed_at_ms: Some(at_ms), ..unknown }
            }
        })
    }

    /// What is on file of a seal that was handed out. An id is a file name: anything but an id's characters is unknown.
    pub(crate) fn made_seal(&self, seal_id: &str) -> Result<Option<SealRecord>, AdapterError> {
        if !(1..=40).contains(&seal_id.len()) || !seal_id.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let Some(record) = self.read::<SealRecord>(Folder::Seals, seal_id)? else { return Ok(None) };
        let operation = self.read::<OperationRecord>(Folder::Operations, &record.operation)?;
        let handed_out = operation.is_some_and(|operation| operation.made.iter().any(|made| made == seal_id));
        Ok(handed_out.then_some(record))
    }
}

/// The pair that an operation handed out.
pub(crate) fn issued_pair(record: &OperationRecord) -> Result<CertificatePair, AdapterError> {
    let reply = record
        .reply
        .as_ref()
        .map(|reply| Reply::parse(record.operation, reply.get().as_bytes()))
        .transpose()?;
    match reply {
        Some(Reply::Pair(pair)) => Ok(pair),
        _ => Err(AdapterError::unhealthy("the record of an issued certificate has no pair in it")),
    }
}
