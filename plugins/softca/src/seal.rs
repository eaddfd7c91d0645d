//! Electronic seals (GB/T 38540-2020, version 4).

use yinqiao_ca_sdk::messages::{IssuedSeal, SealIssueRequest, SealState, SealStatus};
use yinqiao_ca_sdk::{AdapterError, Reply};
use yinqiao_gm::seal::{Picture, SealDescription, SignerList, make_seal};
use yinqiao_gm::x509::{Certificate, SerialNumber};

use crate::adapter::Instance;
use crate::authority::own;
use crate::operation::{Attempt, Made};
use crate::record::{SealRecord, SealRevocationRecord};
use crate::store::Folder;

const VENDOR_ID: &str = "YINQIAO";
const FORMATS: [&str; 6] = ["PNG", "GIF", "BMP", "JPG", "SVG", "OFD"];

impl Instance {
    pub(crate) fn issue_seal(
        &self,
        attempt: &Attempt<'_>,
        request: &SealIssueRequest,
    ) -> Result<Made, AdapterError> {
        let description = describe(request, attempt.call.host().now_ms())?;
        let maker = &self.authority.maker;
        let seal = make_seal(&description, &maker.key, &maker.certificate).map_err(refused)?;
        let id = description.id;
        let record =
            SealRecord { operation: attempt.name.to_owned(), valid_until_ms: request.valid_until_ms };
        if !self.store.create(Folder::Seals, &id, &record)? {
            return Err(AdapterError::unhealthy(format!("the random seal id {id} was there already")));
        }
        let reply = Reply::Seal(IssuedSeal { seal_id: id.clone(), seal: seal.into() });
        Ok(Made { reply, names: vec![id], escrow: None, product: None })
    }

    pub(crate) fn seal_status(&self, seal_id: &str, now_ms: u64) -> Result<SealStatus, AdapterError> {
        let status = |state, changed_at_ms| SealStatus { seal_id: seal_id.to_owned(), state, changed_at_ms };
        let Some(record) = self.store.made_seal(seal_id)? else {
            return Ok(status(SealState::Unknown, None));
        };
        let revoked = self.store.read::<SealRevocationRecord>(Folder::SealRevocations, seal_id)?;
        Ok(match revoked {
            Some(revoked) => status(SealState::Revoked, Some(revoked.at_ms)),
            None if now_ms > record.valid_until_ms => status(SealState::Expired, Some(record.valid_until_ms)),
            None => status(SealState::Valid, None),
        })
    }

    /// The first revocation stays as it is.
    pub(crate) fn revoke_seal(
        &self,
        seal_id: &str,
        reason: &str,
        now_ms: u64,
    ) -> Result<SealStatus, AdapterError> {
        self.must_be_made(seal_id)?;
        let record = SealRevocationRecord { reason: reason.to_owned(), at_ms: now_ms };
        self.store.create(Folder::SealRevocations, seal_id, &record)?;
        self.seal_status(seal_id, now_ms)
    }

    pub(crate) fn must_be_made(&self, seal_id: &str) -> Result<SealRecord, AdapterError> {
        let made = self.store.made_seal(seal_id)?;
        made.ok_or_else(|| AdapterError::permanent("this CA has made no seal with that id"))
    }
}

/// Whether such a seal can be made.
pub(crate) fn check(request: &SealIssueRequest, now_ms: u64) -> Result<(), AdapterError> {
    describe(request, now_ms)?.to_tbs().map(drop).map_err(refused)
}

/// The certificates of those who may use it.
pub(crate) fn signers(request: &SealIssueRequest) -> Result<Vec<Certificate>, AdapterError> {
    let signers = request.signers.iter().map(|der| Certificate::from_der(der.as_bytes()));
    signers
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| AdapterError::permanent(format!("a signer's certificate: {error}")))
}

fn describe(request: &SealIssueRequest, now_ms: u64) -> Result<SealDescription, AdapterError> {
    if !FORMATS.contains(&request.picture.format.as_str()) {
        let text =
            format!("a picture of the format {:?}; one of {FORMATS:?} is possible", request.picture.format);
        return Err(AdapterError::permanent(text));
    }
    let seconds = |milliseconds: u64| (milliseconds / 1000) as i64;
    Ok(SealDescription {
        id: SerialNumber::generate().map_err(own)?.to_string(),
        vendor_id: VENDOR_ID.to_owned(),
        kind: request.kind.into(),
        name: request.name.clone(),
        signers: SignerList::certificates_of(&signers(request)?),
        created: seconds(now_ms),
        valid_from: seconds(request.valid_from_ms.unwrap_or(now_ms)),
        valid_until: seconds(request.valid_until_ms),
        picture: Picture {
            kind: request.picture.format.clone(),
            data: request.picture.data.as_bytes().to_vec(),
            width_mm: request.picture.width_mm,
            height_mm: request.picture.height_mm,
        },
        extensions: Vec::new(),
    })
}

fn refused(error: impl std::fmt::Display) -> AdapterError {
    AdapterError::permanent(format!("the seal cannot be made: {error}"))
}
