//! The OCSP responder (RFC 6960, RFC 9654): answers from the register itself, so what changed a moment ago is in it.

use yinqiao_ca_sdk::messages::{DerRequest, DerResponse, RevocationReason, Serial, State};
use yinqiao_ca_sdk::{AdapterError, Call};
use yinqiao_gm::ocsp::{
    CertId, CertStatus, OcspRequest, OcspResponse, ResponseBuilder, ResponseStatus, SingleResponse,
};
use yinqiao_gm::x509::{self, RevokedEntry};

use crate::adapter::Instance;
use crate::authority::own;
use crate::delegate::Delegate;
use crate::revocation::listed;

/// Certificates that one request may ask about.
const MOST_CERTIFICATES: usize = 100;

impl Instance {
    /// Answers a request. What is wrong with the request the response says, as the RFC has it.
    pub(crate) fn ocsp(&self, call: &Call<'_>, request: &DerRequest) -> Result<DerResponse, AdapterError> {
        let response = match OcspRequest::from_der(request.request.as_bytes()) {
            Err(_) => OcspResponse::refusal(ResponseStatus::MalformedRequest).map_err(own)?,
            Ok(request) if request.cert_ids().len() > MOST_CERTIFICATES => {
                OcspResponse::refusal(ResponseStatus::MalformedRequest).map_err(own)?
            }
            Ok(request) => self.answer(call, &request)?,
        };
        Ok(DerResponse { response: response.der().to_vec().into() })
    }

    fn answer(&self, call: &Call<'_>, request: &OcspRequest) -> Result<OcspResponse, AdapterError> {
        let issuer = self.authority.issuing.certificate.as_any();
        if !request.cert_ids().iter().any(|cert_id| cert_id.is_of(issuer)) {
            return OcspResponse::refusal(ResponseStatus::Unauthorized).map_err(own);
        }
        let responder = self.delegate(call, Delegate::OcspResponder)?;
        let now = (call.host().now_ms() / 1000) as i64;
        let next_update = Some(now + i64::from(self.configuration.ocsp_minutes) * 60);
        let mut builder = ResponseBuilder::new(now).nonce(request.nonce());
        for cert_id in request.cert_ids() {
            let status = self.cert_status(cert_id)?;
            let cert_id = cert_id.clone();
            builder = builder.response(SingleResponse { cert_id, status, this_update: now, next_update });
        }
        builder.sign(&responder.certificate, &responder.key).map_err(own)
    }

    fn cert_status(&self, cert_id: &CertId) -> Result<CertStatus, AdapterError> {
        if !cert_id.is_of(self.authority.issuing.certificate.as_any()) {
            return Ok(CertStatus::Unknown);
        }
        let is_own = |own: &x509::SerialNumber| own == cert_id.serial();
        if is_own(self.authority.maker.certificate.serial()) || self.delegates.serials().iter().any(is_own) {
            return Ok(CertStatus::Good);
        }
        // A number that this CA never gives is no serial number in the register's spelling.
        let Ok(serial) = Serial::from_octets(cert_id.serial().as_bytes()) else {
            return Ok(CertStatus::Unknown);
        };
        let state = self.store.state(&serial)?;
        Ok(match state.state {
            State::Good => CertStatus::Good,
            State::Unknown => CertStatus::Unknown,
            State::Held | State::Revoked => CertStatus::Revoked(RevokedEntry {
                revoked_at: (state.changed_at_ms.unwrap_or(0) / 1000) as i64,
                reason: listed(state.reason.unwrap_or(RevocationReason::Unspecified)),
            }),
        })
    }
}
