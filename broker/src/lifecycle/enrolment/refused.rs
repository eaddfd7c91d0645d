//! A pair that was refused is a certificate in somebody's name that nobody asked for: its CA revokes it, and is asked until it has.

use tracing::{error, info, warn};

use yinqiao_ca_sdk::messages::{CertificatePair, IdempotencyKey};
use yinqiao_gm::x509::{Certificate, CertificateRequest};
use yinqiao_lifecycle::certificate::{CaOperation, RevocationReason};
use yinqiao_protocol::Base64;
use yinqiao_protocol::task::serial_text;

use crate::adapter::{AuthorityError, Patience};
use crate::broker::Broker;
use crate::clock;
use crate::directory::{CertificateRecord, RefusedPairRecord};
use crate::http::problem::{ApiError, Kind};
use crate::records::{Index, IndexPrefix};
use crate::store::StoreError;

/// Pairs that are gone on with in one round: a plugin that issues nothing but such pairs must not keep the broker busy.
const MOST_EACH_ROUND: usize = 5;

/// What is to be revoked of a pair that was refused; nothing where no certificate in it can be read, or its signing certificate is for
/// another key than the request's. Such a pair may be a stranger's, whose certificate must not be revoked: people have to ask the CA.
pub(super) fn to_be_revoked(
    authority: &str,
    key: &IdempotencyKey,
    request: &CertificateRequest,
    pair: &CertificatePair,
    reason: &str,
) -> Option<RefusedPairRecord> {
    let signing = Certificate::from_der(pair.signing_certificate.as_bytes()).ok();
    if signing.is_none_or(|signing| signing.public_key() != request.public_key()) {
        error!(
            adapter = authority,
            issue = key.as_str(),
            reason,
            "what a CA has issued is not for the key that was asked for: nothing of it is revoked, ask the CA whose it is"
        );
        return None;
    }
    let ders = std::iter::once(&pair.signing_certificate).chain(&pair.encryption_certificate);
    let readable = ders.filter(|der| Certificate::from_der(der.as_bytes()).is_ok());
    let certificates: Vec<_> = readable.map(|der| Base64(der.0.clone())).collect();
    let now = clock::now();
    (!certificates.is_empty()).then(|| RefusedPairRecord {
        idempotency_key: key.as_str().to_owned(),
        certificate_authority: authority.to_owned(),
        certificates,
        reason: reason.to_owned(),
        refused_at: now,
        attempts: 0,
        due: now,
    })
}

impl Broker {
    /// Has CAs revoke what was refused, as far as it is due: called every few seconds.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::lifecycle) async fn revoke_refused_pairs(&self) -> Result<(), ApiError> {
        let now = clock::now();
        let mut due = self.directory.refused_pairs().await?;
        due.retain(|record| record.due <= now);
        due.sort_unstable_by_key(|record| record.due);
        for record in due.into_iter().take(MOST_EACH_ROUND) {
            let revoked = self.revoke_refused(&record).await;
            let key = &record.idempotency_key;
            let Some(found) = self.directory.refused_pair(key).await? else { continue };
            let next = match revoked {
                Ok(()) => {
                    info!(adapter = record.certificate_authority, issue = %key, "what was refused is revoked");
                    None
                }
                Err(failure) => {
                    // Powers of two: the log shows that it goes on failing, and does not fill up.
                    if record.attempts.is_power_of_two() || record.attempts == 0 {
                        let (adapter, reason) = (&record.certificate_authority, failure.problem().detail);
                        warn!(adapter, issue = %key, reason, "what was refused is not revoked yet");
                    }
                    Some(found.value.failed(clock::now()))
                }
            };
            match self.directory.change_refused_pair(key, found.version, next.as_ref()).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(())
    }

    async fn revoke_refused(&self, record: &RefusedPairRecord) -> Result<(), ApiError> {
        let authority = self.authorities.get(&record.certificate_authority)?;
        let internal = |text: String| ApiError::new(Kind::Internal, text);
        let mut keys = Vec::new();
        for (number, der) in record.certificates.iter().enumerate() {
            let certificate = Certificate::from_der(der.as_slice()).map_err(|e| internal(e.to_string()))?;
            if self.is_somebodys(&record.certificate_authority, &certificate).await? {
                error!(
                    adapter = record.certificate_authority,
                    serial = %certificate.serial(),
                    "a CA has given out a holder's certificate once more, to somebody else: it stays valid, ask the CA"
                );
                continue;
            }
            // With the other one of its pair, mostly.
            if number > 0 && authority.trust().revoked_by_list(&certificate).is_some() {
                continue;
            }
            let key = IdempotencyKey::try_from(format!("revoke-refused-{}-{number}", record.idempotency_key))
                .map_err(|e| internal(e.to_string()))?;
            let revoke = CaOperation::Revoke(RevocationReason::CessationOfOperation);
            match authority.change(&key, &certificate, revoke, Patience::NONE).await {
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
            keys.push(key);
        }
        for key in &keys {
            authority.conclude(key).await?;
        }
        Ok(())
    }

    /// Whether a certificate was handed out to a holder before.
    async fn is_somebodys(&self, authority: &str, certificate: &Certificate) -> Result<bool, StoreError> {
        let serial = serial_text(certificate);
        let prefix = IndexPrefix::new(Index::CertificateBySerial, serial.as_bytes());
        let known = self.repository.all::<CertificateRecord>(&prefix).await?;
        Ok(known.iter().any(|found| found.value.certificate_authority == authority))
    }
}
