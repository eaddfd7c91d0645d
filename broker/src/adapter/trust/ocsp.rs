//! The status of a certificate by OCSP (RFC 6960): asked through the adapter, or at the address in the certificate.

use dashmap::DashMap;
use tracing::warn;

use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::{Der, DerRequest, Reply, Request};
use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::ocsp::{self, CertId, CertStatus, Expectation, Nonce, OcspRequest, OcspResponse};
use yinqiao_gm::x509::{AnyCertificate, PublicKey, RevokedEntry};
use yinqiao_protocol::outcome::{CertificateStatus, Status, StatusSource};
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::fetch::{Sent, fetch};
use super::{TrustError, seconds};
use crate::adapter::Authority;

/// Answers held in memory at most.
const MOST_ANSWERS: usize = 100_000;
/// Addresses that gave nothing, held in memory at most.
const MOST_SILENT: usize = 1_000;
/// After a responder gave nothing it is left alone for so many seconds.
const LEFT_ALONE_SECONDS: u32 = 5;

/// What responders said, by SM3 of the certificate.
#[derive(Default)]
pub(super) struct OcspCache {
    answers: DashMap<Sm3Hex, Answer>,
    /// Until when nobody is asked there, by the responder's address; the adapter has none.
    silent: DashMap<String, Timestamp>,
}

#[derive(Clone)]
struct Answer {
    verdict: Verdict,
    /// The answer is not used any more then.
    until: Timestamp,
}

#[derive(Clone)]
enum Verdict {
    Good(CertificateStatus),
    Revoked(RevokedEntry),
}

impl OcspCache {
    /// What the last answer about a certificate has against it, fresh or not.
    pub(super) fn entry(&self, certificate: &AnyCertificate) -> Option<RevokedEntry> {
        match self.answers.get(&Sm3Hex(certificate.fingerprint()))?.verdict {
            Verdict::Revoked(entry) => Some(entry),
            Verdict::Good(_) => None,
        }
    }

    pub(super) fn forget(&self, certificate: &AnyCertificate) {
        self.answers.remove(&Sm3Hex(certificate.fingerprint()));
    }

    pub(super) fn clear(&self) {
        self.answers.clear();
        self.silent.clear();
    }
}

impl Authority {
    /// The status by OCSP; `None` when nobody gives a usable answer.
    ///
    /// # Errors
    /// [`TrustError::Revoked`], [`TrustError::Held`].
    pub(super) async fn status_by_ocsp(
        &self,
        certificate: &AnyCertificate,
        issuer: &AnyCertificate,
        now: Timestamp,
    ) -> Result<Option<CertificateStatus>, TrustError> {
        let cache = &self.trust().ocsp;
        let key = Sm3Hex(certificate.fingerprint());
        let held = cache.answers.get(&key).filter(|answer| now < answer.until).map(|answer| answer.clone());
        let answer = match held {
            Some(answer) => answer,
            None => match self.ask_responder(certificate, issuer, now).await {
                Ok(Some(answer)) => {
                    if cache.answers.len() >= MOST_ANSWERS {
                        cache.answers.clear();
                    }
                    cache.answers.insert(key, answer.clone());
                    answer
                }
                Ok(None) => return Ok(None),
                Err(reason) => {
                    warn!(adapter = self.name(), reason, "no OCSP answer");
                    return Ok(None);
                }
            },
        };
        match answer.verdict {
            Verdict::Good(status) => Ok(Some(status)),
            Verdict::Revoked(entry) => Err(TrustError::listed(certificate, entry)),
        }
    }

    /// One exchange. `None` when there is nobody to ask, or the responder does not know the certificate.
    async fn ask_responder(
        &self,
        certificate: &AnyCertificate,
        issuer: &AnyCertificate,
        now: Timestamp,
    ) -> Result<Option<Answer>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        // SM3 is what SM2's responders speak, SHA-1 what every responder does; it only names the issuer.
        let hash = match issuer.any_public_key() {
            PublicKey::Sm2(_) => HashAlgorithm::Sm3,
            _ => HashAlgorithm::Sha1,
        };
        let cert_id = CertId::new(hash, issuer, certificate.serial()).map_err(|e| text(&e))?;
        let nonce = ocsp::generate_nonce().map_err(|e| text(&e))?;
        let request =
            OcspRequest::build(std::slice::from_ref(&cert_id), Some(&nonce)).map_err(|e| text(&e))?;
        let Some(response) = self.exchange(certificate, request.der(), now).await? else { return Ok(None) };
        let response = OcspResponse::from_der(&response).map_err(|e| text(&e))?;
        let expectation =
            Expectation { nonce: Nonce::Optional(&nonce), ..Expectation::new(issuer, now.seconds()) };
        let verified = response.verify(&expectation).map_err(|e| text(&e))?;
        let single = verified.status(&cert_id).map_err(|e| text(&e))?;
        let longest = now.plus_seconds(self.entry().trust.ocsp_seconds);
        let next_update = single.next_update.map_or(longest, seconds);
        let verdict = match single.status {
            CertStatus::Good => Verdict::Good(CertificateStatus {
                status: Status::Good,
                source: StatusSource::Ocsp,
                this_update: seconds(single.this_update),
                next_update,
                fetched_at: now,
            }),
            CertStatus::Revoked(entry) => Verdict::Revoked(entry),
            CertStatus::Unknown => return Ok(None),
        };
        Ok(Some(Answer { verdict, until: next_update.min(longest) }))
    }

    async fn exchange(
        &self,
        certificate: &AnyCertificate,
        request: &[u8],
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, String> {
        let offered = self.handle().is_ok_and(|handle| handle.offers(Operation::Ocsp));
        let named = match self.entry().trust.fetch_by_url && (!offered || certificate.is_ca()) {
            true => certificate.authority_info_access().map_err(|error| error.to_string())?.ocsp,
            false => Vec::new(),
        };
        // The adapter speaks for holders' certificates; who speaks for its CA's own, where that says so, is at the address in it.
        let (offered, url) = match named.into_iter().next() {
            Some(url) => (false, url),
            // Silence about CAs is none about holders.
            None if offered && certificate.is_ca() => (true, "of CAs".to_owned()),
            None if offered => (true, String::new()),
            None => return Ok(None),
        };
        let silent = &self.trust().ocsp.silent;
        if silent.get(&url).is_some_and(|until| now < *until) {
            return Ok(None);
        }
        let answer = match offered {
            true => self.ask_adapter(request).await,
            false => {
                let sent = Sent::Request(request.to_vec(), ocsp::REQUEST_MEDIA_TYPE);
                fetch(&url, sent).await.map_err(|error| error.to_string())
            }
        };
        if answer.is_err() {
            if silent.len() >= MOST_SILENT {
                silent.clear();
            }
            silent.insert(url, now.plus_seconds(LEFT_ALONE_SECONDS));
        }
        answer.map(Some)
    }

    async fn ask_adapter(&self, request: &[u8]) -> Result<Vec<u8>, String> {
        let reply = self.ask(Request::Ocsp(DerRequest { request: Der(request.to_vec()) })).await;
        match reply.map_err(|error| error.to_string())? {
            Reply::Response(response) => Ok(response.response.0),
            _ => Err(self.unexpected_reply().to_string()),
        }
    }
}
