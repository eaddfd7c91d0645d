//! A pair that was refused is a certificate in somebody's name that nobody asked for: its CA revokes it, and is asked until it has.
//! What may be a stranger's is shown to people instead (`yinqiao certificate refused`).

use std::sync::Arc;

use tracing::{error, info, warn};

use yinqiao_ca_sdk::messages::{CertificatePair, IdempotencyKey};
use yinqiao_gm::x509::{AnyCertificate, CertificateRequest};
use yinqiao_lifecycle::certificate::RevocationReason;
use yinqiao_protocol::{Base64, Sm3Hex};

use crate::adapter::{Authority, AuthorityError, Patience};
use crate::broker::Broker;
use crate::clock;
use crate::directory::{CertificateRecord, LeftBecause, LeftCertificate, RefusedPairRecord};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::operation_key;
use crate::records::{Index, IndexPrefix, Repository};
use crate::store::StoreError;

mod sorting;
#[cfg(test)]
mod tests;

/// Pairs that are gone on with in one round: a plugin that issues nothing but such pairs must not keep the broker busy.
const MOST_EACH_ROUND: usize = 5;

/// The record of a pair that is refused: what of it is to be revoked, and what is left to people.
pub(super) fn to_be_revoked(
    authority: &str,
    key: &IdempotencyKey,
    request: &CertificateRequest,
    pair: &CertificatePair,
    reason: &str,
) -> RefusedPairRecord {
    let record = sorting::sorted(authority, key, request, pair, reason, clock::now());
    record.left.iter().for_each(|left| tell(&record, left));
    record
}

/// Tells people of a certificate that is left to them.
fn tell(record: &RefusedPairRecord, left: &LeftCertificate) {
    error!(
        adapter = record.certificate_authority,
        issue = record.idempotency_key,
        certificate_sm3 = %Sm3Hex::of(left.certificate.as_slice()),
        because = left.because.text(),
        "a certificate of a pair that was refused is not revoked: ask the CA, `yinqiao certificate refused` shows it"
    );
}

impl Broker {
    /// Has CAs revoke what was refused, as far as it is due: called every few seconds.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::lifecycle) async fn revoke_refused_pairs(&self) -> Result<(), ApiError> {
        let now = clock::now();
        let mut due = self.directory.refused_pairs().await?;
        due.retain(|record| record.is_to_be_revoked() && record.due <= now);
        due.sort_unstable_by_key(|record| record.due);
        for record in due.into_iter().take(MOST_EACH_ROUND) {
            let key = record.idempotency_key;
            let Some(found) = self.directory.refused_pair(&key).await? else { continue };
            let mut next = found.value;
            let revoked = self.revoke_refused(&mut next).await;
            if let Err(failure) = revoked {
                let reason = failure.problem().detail;
                // Powers of two: the log shows that it goes on failing, and does not fill up.
                if next.attempts.is_power_of_two() || next.attempts == 0 {
                    let adapter = &next.certificate_authority;
                    warn!(adapter, issue = %key, reason, "what was refused is not revoked yet");
                }
                next = next.failed(reason, clock::now());
            }
            let next = Some(next).filter(|next| !next.is_over());
            match self.directory.change_refused_pair(&key, found.version, next.as_ref()).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(())
    }

    /// Goes as far as it can; what is done is taken out of the record.
    async fn revoke_refused(&self, record: &mut RefusedPairRecord) -> Result<(), ApiError> {
        leave_somebodys(&self.repository, record).await?;
        let authority = self.authorities.get(&record.certificate_authority)?;
        let mut outcome = Ok(());
        for der in std::mem::take(&mut record.certificates) {
            match revoke(&authority, &der).await {
                Ok(serial) => {
                    let (adapter, issue) = (authority.name(), &record.idempotency_key);
                    info!(adapter, issue, serial, "what was refused is revoked");
                }
                Err(failure) => {
                    record.certificates.push(der);
                    outcome = outcome.and(Err(failure));
                }
            }
        }
        outcome
    }
}

/// Has one certificate revoked, alone: whatever else the CA counts to its pair was not refused here. Gives its serial number.
async fn revoke(authority: &Arc<Authority>, der: &Base64) -> Result<String, ApiError> {
    let internal = |text: String| ApiError::new(Kind::Internal, text);
    let certificate = AnyCertificate::from_der(der.as_slice()).map_err(|e| internal(e.to_string()))?;
    let key = operation_key(format!("revoke-refused-{}", Sm3Hex::of(der.as_slice())))?;
    let reason = RevocationReason::CessationOfOperation;
    match authority.revoke_alone(&key, &certificate, reason, Patience::NONE).await {
        Ok(()) | Err(AuthorityError::Over) => {}
        Err(refused @ AuthorityError::Refused { .. }) => {
            // Perhaps because it is revoked already, as the other one of its pair.
            authority.refresh().await?;
            if authority.trust().revoked_by_list(&certificate).is_none() {
                return Err(refused.into());
            }
        }
        Err(failure) => return Err(failure.into()),
    }
    authority.conclude(&key).await?;
    Ok(certificate.serial().to_string())
}

/// Looks at all certificates of a pair before any of them is revoked: what holders have already is left to people.
async fn leave_somebodys(repository: &Repository, record: &mut RefusedPairRecord) -> Result<(), StoreError> {
    let (mut ours, mut somebodys) = (Vec::new(), Vec::new());
    for certificate in &record.certificates {
        let because = match AnyCertificate::from_der(certificate.as_slice()) {
            Err(_) => Some(LeftBecause::Unreadable),
            Ok(certificate) => is_somebodys(repository, &record.certificate_authority, &certificate)
                .await?
                .then_some(LeftBecause::SomebodyElses),
        };
        let certificate = certificate.clone();
        match because {
            None => ours.push(certificate),
            Some(because) => somebodys.push(LeftCertificate { certificate, because }),
        }
    }
    somebodys.iter().for_each(|left| tell(record, left));
    record.certificates = ours;
    record.left.extend(somebodys);
    Ok(())
}

/// Whether a certificate was handed out to a holder before, whichever adapter it came by, or cannot be told from such a one by its
/// adapter, which is given the serial number alone.
async fn is_somebodys(
    repository: &Repository,
    authority: &str,
    certificate: &AnyCertificate,
) -> Result<bool, StoreError> {
    let prefix = IndexPrefix::new(Index::CertificateBySerial, certificate.serial().to_string().as_bytes());
    let known = repository.all::<CertificateRecord>(&prefix).await?;
    let named = certificate.issuer_and_serial();
    let is_same = |der: &Base64| {
        AnyCertificate::from_der(der.as_slice()).is_ok_and(|known| known.issuer_and_serial() == named)
    };
    Ok(known.iter().map(|found| &found.value).any(|known| {
        known.certificate_authority == authority
            || std::iter::once(&known.signing_certificate).chain(&known.encryption_certificate).any(is_same)
    }))
}
