//! The certificate that comes back: whether it is the one that was asked for, and telling the CA so (RFC 9810, 5.3.18).

use der::Encode;
use der::asn1::OctetString;
use serde_json::json;
use yinqiao_ca_sdk::messages::{CertificatePair, Der, State as CertificateState};
use yinqiao_ca_sdk::{AdapterError, LogLevel, Outcome, Reply};
use yinqiao_gm::sm3;
use yinqiao_gm::x509::{AnyCertificate, PublicKey, chain};

use crate::adapter::Instance;
use crate::asn1::{
    Body, CertOrEncCert, CertRepMessage, CertStatus, FailureInfo, PkiStatus, PkiStatusInfo, tag,
};
use crate::change::{NO_REQUEST_ID, Work, in_doubt};
use crate::dialogue::{Answer, Dialogue, Failure};
use crate::enrol::serial_of;
use crate::fault::Refusal;
use crate::journal::{Enrolment, Issued, State, Subject, Transaction};
use crate::x509::name;

const REFUSED: u32 = 20;
const KEY_IGNORED: u32 = 21;
/// Certificates of a reply that are looked at.
const MOST_CERTIFICATES: usize = 32;

impl Instance {
    /// The CA's ip, cp or kup.
    pub(crate) fn conclude_enrolment(
        &self,
        work: &mut Work<'_>,
        dialogue: &Dialogue<'_>,
        transaction: Transaction,
        answer: &Answer,
        enrolment: &Enrolment,
    ) -> Result<Outcome, AdapterError> {
        let unknown = |text: String| Err(AdapterError::unknown_outcome(text));
        let content: CertRepMessage = match answer.body.read() {
            Ok(content) => content,
            Err(error) => return unknown(format!("the certificate response is not valid DER: {error}")),
        };
        let [response] = content.response.as_slice() else {
            return unknown("the certificate response must be about one request".to_owned());
        };
        // 0 is what ir, cr and kur say; a p10cr has none, which is -1 (RFC 9483, 4.1.4).
        let id = response.cert_req_id;
        if id != 0 && id != NO_REQUEST_ID {
            return unknown(format!(
                "the certificate response is about the request {id}, which was not made"
            ));
        }
        match response.status.pki_status() {
            Some(PkiStatus::Waiting) => return self.wait(work, transaction, id, None),
            Some(PkiStatus::Rejection) => {
                return Err(work.refuse(&Refusal::from_status(&response.status)));
            }
            Some(PkiStatus::Accepted | PkiStatus::GrantedWithMods) => {}
            _ => return unknown(Refusal::from_status(&response.status).text()),
        }
        let pair = response.certified_key_pair.as_ref();
        let certificate = match pair.map(|pair| pair.certificate()) {
            Some(Ok(CertOrEncCert::Certificate(der))) => der,
            Some(Ok(CertOrEncCert::Encrypted)) => {
                return unknown(
                    "the CA has encrypted the certificate, which only the holder can read".to_owned(),
                );
            }
            Some(Err(error)) => return unknown(format!("the certificate response is not valid: {error}")),
            None => return unknown("the CA grants a certificate and sends none".to_owned()),
        };
        if pair.is_some_and(|pair| pair.private_key.is_some()) {
            let fields = json!({"event": "private key ignored", "transaction_id": transaction.id});
            work.call.host().log(LogLevel::Warn, KEY_IGNORED, &fields);
        }
        let public: Vec<Vec<u8>> =
            content.ca_pubs.iter().flatten().filter_map(|any| any.to_der().ok()).collect();
        let sent: Vec<AnyCertificate> = answer
            .extra_certificates
            .iter()
            .chain(&public)
            .take(MOST_CERTIFICATES)
            .filter_map(|der| AnyCertificate::from_der(der).ok())
            .collect();
        let implicit = answer.implicit_confirm;
        let now = (work.call.host().now_ms() / 1000) as i64;
        match self.examine(&certificate, enrolment, &sent, now) {
            Ok(chain) => {
                let (certificate, chain) = (Der(certificate), ders(&chain));
                work.must_enter(State::Granted {
                    transaction: transaction.clone(),
                    cert_req_id: id,
                    certificate: certificate.clone(),
                    chain: chain.clone(),
                })?;
                if implicit {
                    return self.hand_out(work, &certificate, chain);
                }
                self.confirm(work, dialogue, transaction, id, &certificate, chain)
            }
            Err(reason) => {
                let fields = json!({"event": "certificate refused", "transaction_id": transaction.id, "reason": reason});
                work.call.host().log(LogLevel::Error, REFUSED, &fields);
                let certificate = Der(certificate);
                work.must_enter(State::Refused {
                    transaction: transaction.clone(),
                    cert_req_id: id,
                    certificate: certificate.clone(),
                    implicit,
                    reason: reason.clone(),
                })?;
                self.reject(work, dialogue, transaction, id, &certificate, implicit, &reason)
            }
        }
    }

    /// Whether a certificate is the one that was asked for; its chain.
    fn examine(
        &self,
        der: &[u8],
        enrolment: &Enrolment,
        sent: &[AnyCertificate],
        now: i64,
    ) -> Result<Vec<AnyCertificate>, String> {
        let certificate = AnyCertificate::from_der(der).map_err(|error| error.to_string())?;
        let key =
            PublicKey::from_spki_der(enrolment.public_key.as_bytes()).map_err(|error| error.to_string())?;
        if key != *certificate.any_public_key() {
            return Err("the CA's certificate is for another key than the request's".to_owned());
        }
        if certificate.is_ca() {
            return Err("the CA's certificate makes the holder a CA".to_owned());
        }
        if let Some(holder) = &enrolment.holder {
            let values = name::values(certificate.subject().as_der());
            if !values.iter().any(|value| sm3::digest(value.as_bytes()).to_string() == *holder) {
                return Err("the subject of the CA's certificate does not hold the holder's name".to_owned());
            }
        }
        let mut intermediates = self.configuration.intermediates();
        intermediates.extend_from_slice(sent);
        // A certificate that begins a little later, or is asked to, is good too.
        let at = now.max(certificate.not_before());
        let path = chain::find_path(
            &certificate,
            &intermediates,
            &self.configuration.roots(),
            at,
            chain::Usage::Signing,
        )
        .map_err(|error| error.to_string())?;
        Ok(path.certificates().iter().skip(1).cloned().collect())
    }

    /// Tells the CA that the certificate is taken, and hands it out.
    pub(crate) fn confirm(
        &self,
        work: &mut Work<'_>,
        dialogue: &Dialogue<'_>,
        mut transaction: Transaction,
        cert_req_id: i64,
        certificate: &Der,
        chain: Vec<Der>,
    ) -> Result<Outcome, AdapterError> {
        let body = confirmation(certificate, cert_req_id, None).map_err(in_doubt)?;
        match dialogue.exchange(&mut transaction, &body, Vec::new(), &[tag::PKICONF]) {
            Ok(_) => self.hand_out(work, certificate, chain),
            // An earlier certConf has arrived, and its answer was lost.
            Err(Failure::Refused(refusal)) if refusal.names(FailureInfo::CERT_CONFIRMED) => {
                self.hand_out(work, certificate, chain)
            }
            Err(failure) => {
                let error = failure.into_reading_error();
                let text = format!("the certificate was issued, but not confirmed: {}", error.text);
                Err(in_doubt(AdapterError { text, ..error }))
            }
        }
    }

    /// Records the certificate and gives it to the host.
    fn hand_out(
        &self,
        work: &mut Work<'_>,
        certificate: &Der,
        chain: Vec<Der>,
    ) -> Result<Outcome, AdapterError> {
        let read = AnyCertificate::from_der(certificate.as_bytes())
            .map_err(|error| AdapterError::unknown_outcome(error.to_string()))?;
        let holder = match &work.record.subject {
            Subject::Enrolment(enrolment) => enrolment.holder.clone(),
            Subject::Revocation(_) => None,
        };
        let issued = Issued {
            transaction: work.entry.token().to_owned(),
            certificate: certificate.clone(),
            holder,
            state: CertificateState::Good,
            reason: None,
            changed_at_ms: None,
        };
        let serial = serial_of(&read).map_err(in_doubt)?;
        self.journal.record_issued(&serial, &issued).map_err(|error| in_doubt(error.into()))?;
        work.finish(Reply::Pair(CertificatePair {
            signing_certificate: certificate.clone(),
            encryption_certificate: None,
            enveloped_key: None,
            chain,
        }))
    }

    /// A certificate that an operator has fetched after an unknown outcome: it must be the one all the same.
    pub(crate) fn settle(&self, work: &mut Work<'_>, certificate: Vec<u8>) -> Result<Outcome, AdapterError> {
        let Subject::Enrolment(enrolment) = work.record.subject.clone() else {
            return Err(AdapterError::unhealthy(
                "certificate.der lies beside a transaction that asks for none",
            ));
        };
        let now = (work.call.host().now_ms() / 1000) as i64;
        let chain = self
            .examine(&certificate, &enrolment, &[], now)
            .map_err(|reason| in_doubt(AdapterError::unhealthy(format!("certificate.der: {reason}"))))?;
        self.hand_out(work, &Der(certificate), ders(&chain))
    }

    /// Tells the CA that the certificate is not taken. Once it has acknowledged that, nothing was done.
    #[allow(clippy::too_many_arguments, reason = "the fields of one state")]
    fn reject(
        &self,
        work: &mut Work<'_>,
        dialogue: &Dialogue<'_>,
        mut transaction: Transaction,
        cert_req_id: i64,
        certificate: &Der,
        implicit: bool,
        reason: &str,
    ) -> Result<Outcome, AdapterError> {
        let serial = AnyCertificate::from_der(certificate.as_bytes())
            .map_or_else(|_| "unknown".to_owned(), |read| hex::encode(read.serial().as_bytes()));
        let unsettled = |more: &str| {
            let text = format!("{reason}; the CA counts it (serial number {serial}) as taken{more}");
            Err(AdapterError::unknown_outcome(text))
        };
        if implicit {
            return unsettled(", since confirmation is implicit: have it revoked at the CA");
        }
        let status = PkiStatusInfo::rejection(FailureInfo::INCORRECT_DATA, reason);
        let status = status.map_err(|error| AdapterError::unknown_outcome(error.to_string()))?;
        let Ok(body) = confirmation(certificate, cert_req_id, Some(status)) else {
            return unsettled(", and it cannot be rejected: its signature algorithm is unknown");
        };
        match dialogue.exchange(&mut transaction, &body, Vec::new(), &[tag::PKICONF]) {
            Ok(_) => {
                work.must_enter(State::Begun)?;
                Err(AdapterError::unhealthy(format!("{reason}; it was rejected (serial number {serial})")))
            }
            Err(failure) => {
                unsettled(&format!(" until it can be rejected: {}", failure.into_reading_error().text))
            }
        }
    }

    /// Goes on with a rejection that the CA has not acknowledged. None: it has now, and nothing was done.
    pub(crate) fn refuse_again(
        &self,
        work: &mut Work<'_>,
        transaction: Transaction,
        cert_req_id: i64,
        certificate: &Der,
        implicit: bool,
        reason: &str,
    ) -> Result<Option<Outcome>, AdapterError> {
        if work.entry.settled_as_absent() {
            work.enter(State::Begun)?;
            work.entry.forget_absent()?;
            return Ok(None);
        }
        let dialogue = Dialogue::open(&self.configuration, work.call).map_err(in_doubt)?;
        self.reject(work, &dialogue, transaction, cert_req_id, certificate, implicit, reason).map(Some)
    }
}

/// certConf for one certificate; the hash is that of the certificate's signature.
fn confirmation(
    certificate: &Der,
    cert_req_id: i64,
    status_info: Option<PkiStatusInfo>,
) -> Result<Body, AdapterError> {
    let fault = |error: &dyn std::fmt::Display| AdapterError::unhealthy(error.to_string());
    let read = AnyCertificate::from_der(certificate.as_bytes()).map_err(|error| fault(&error))?;
    let hash = read.signature_algorithm().hash().digest(certificate.as_bytes());
    let cert_hash = OctetString::new(hash).map_err(|error| fault(&error))?;
    Body::new(tag::CERT_CONF, &vec![CertStatus { cert_hash, cert_req_id, status_info }])
        .map_err(|error| fault(&error))
}

fn ders(certificates: &[AnyCertificate]) -> Vec<Der> {
    certificates.iter().map(|certificate| Der(certificate.der().to_vec())).collect()
}
