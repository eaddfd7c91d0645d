//! Whether a response can be believed (RFC 6960, 3.2 and 4.2.2).

use super::{CertId, Error, OcspResponse, SingleResponse, response::Basic};
use crate::{
    oid,
    x509::{AnyCertificate, KeyUsage},
};

/// Certificates in a response that are tried as the responder's.
const MAX_RESPONDERS: usize = 8;

/// What a client knows before it reads the response.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// The CA that issued the certificates asked about; the caller trusts it already.
    pub issuer: &'a AnyCertificate,
    /// The time for which the status is wanted, Unix seconds.
    pub at: i64,
    /// By how many seconds the responder's clock may differ.
    pub tolerance: i64,
    /// How many seconds old a response without nextUpdate may be.
    pub max_age: i64,
    /// What was sent.
    pub nonce: Nonce<'a>,
}

/// What the nonce in the response must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nonce<'a> {
    /// None was sent; one that comes anyway is not looked at.
    NotSent,
    /// The response may leave it out, as responders do that sign in advance (RFC 9654, 2.1), but carry no other.
    Optional(&'a [u8]),
    /// The response must carry it.
    Required(&'a [u8]),
}

/// A response whose signature and responder are right.
#[derive(Clone, Debug)]
pub struct VerifiedResponse<'a> {
    basic: &'a Basic,
    expectation: Expectation<'a>,
    responder: AnyCertificate,
}

impl<'a> Expectation<'a> {
    /// No nonce, five minutes between the clocks, and an hour for responses without nextUpdate.
    pub fn new(issuer: &'a AnyCertificate, at: i64) -> Self {
        Self { issuer, at, tolerance: 300, max_age: 3_600, nonce: Nonce::NotSent }
    }
}

impl OcspResponse {
    /// Checks who signed the response, and the nonce. The signer must be the issuer, or hold a certificate that the
    /// issuer itself signed, is valid at the time, and has the purpose OCSPSigning. Whether that certificate is revoked
    /// is the caller's to ask, unless it [says that nobody need](AnyCertificate::has_ocsp_no_check).
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Responder`], [`Error::ResponderCertificate`], [`Error::Signature`],
    /// [`Error::NonceMismatch`], [`Error::NonceMissing`], [`Error::FromTheFuture`].
    pub fn verify<'a>(&'a self, expectation: &Expectation<'a>) -> Result<VerifiedResponse<'a>, Error> {
        let basic = self.basic.as_ref().ok_or(Error::Refused(self.status))?;
        let responder = basic.responder(expectation)?;
        if basic.produced_at > expectation.at.saturating_add(expectation.tolerance) {
            return Err(Error::FromTheFuture { of: basic.produced_at, at: expectation.at });
        }
        match (expectation.nonce, basic.nonce.as_deref()) {
            (Nonce::Required(_), None) => return Err(Error::NonceMissing),
            (Nonce::Required(sent) | Nonce::Optional(sent), Some(found)) if sent != found => {
                return Err(Error::NonceMismatch);
            }
            _ => {}
        }
        Ok(VerifiedResponse { basic, expectation: expectation.clone(), responder })
    }
}

impl<'a> VerifiedResponse<'a> {
    /// What the response says about the certificate, if that holds at the time.
    ///
    /// # Errors
    /// [`Error::NotAnswered`], also for a certificate of another issuer; [`Error::FromTheFuture`], [`Error::Stale`].
    pub fn status(&self, cert_id: &CertId) -> Result<&'a SingleResponse, Error> {
        let Expectation { issuer, at, tolerance, max_age, .. } = self.expectation;
        let not_answered = Error::NotAnswered { serial: *cert_id.serial() };
        if !cert_id.is_of(issuer) {
            return Err(not_answered);
        }
        let found = self.basic.responses.iter().find(|response| response.cert_id == *cert_id);
        let found = found.ok_or(not_answered)?;
        if found.this_update > at.saturating_add(tolerance) {
            return Err(Error::FromTheFuture { of: found.this_update, at });
        }
        let until = found.next_update.unwrap_or(found.this_update.saturating_add(max_age));
        if until.saturating_add(tolerance) < at {
            return Err(Error::Stale { until, at });
        }
        Ok(found)
    }

    /// Who signed: the issuer, or its responder.
    pub fn responder(&self) -> &AnyCertificate {
        &self.responder
    }

    /// When it signed, Unix seconds.
    pub fn produced_at(&self) -> i64 {
        self.basic.produced_at
    }
}

impl Basic {
    /// The certificate of whoever signed, if it may.
    fn responder(&self, expectation: &Expectation<'_>) -> Result<AnyCertificate, Error> {
        let issuer = expectation.issuer;
        let inside = self.certificates.iter().filter(|certificate| *certificate != issuer);
        let candidates = std::iter::once(issuer).chain(inside.take(MAX_RESPONDERS));
        let mut fault = Error::Responder { responder: self.responder.to_string() };
        for candidate in candidates.filter(|candidate| self.responder.names(candidate)) {
            // The issuer's key is the issuer, whichever of its certificates is inside.
            let is_issuer = candidate.subject() == issuer.subject()
                && candidate.any_public_key() == issuer.any_public_key();
            let checked = if is_issuer { Ok(()) } else { authorised(candidate, issuer, expectation.at) };
            match checked {
                Ok(()) if self.signature.verify(candidate.any_public_key(), &self.to_be_signed).is_ok() => {
                    return Ok(candidate.clone());
                }
                Ok(()) => fault = Error::Signature { responder: candidate.subject().to_string() },
                Err(reason) => {
                    let subject = candidate.subject().to_string();
                    fault = Error::ResponderCertificate { subject, reason };
                }
            }
        }
        Err(fault)
    }
}

/// RFC 6960, 4.2.2.2: the issuer itself must have signed the responder's certificate, and given it the purpose.
fn authorised(candidate: &AnyCertificate, issuer: &AnyCertificate, at: i64) -> Result<(), &'static str> {
    let purposes = candidate.extended_key_usage().unwrap_or_default();
    if !purposes.contains(&oid::OCSP_SIGNING) {
        return Err("its certificate lacks the purpose OCSPSigning");
    }
    if candidate.extensions().unknown_critical.is_some() {
        return Err("its certificate has a critical extension that is not understood");
    }
    if candidate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
        return Err("its certificate's keyUsage lacks digitalSignature");
    }
    if !candidate.is_valid_at(at) {
        return Err("its certificate is not valid at the time");
    }
    candidate
        .verify_signature(issuer)
        .map_err(|_| "its certificate was not issued by the certificates' issuer")
}
