//! Revoking, holding and releasing a certificate (RFC 9483, 4.2).

use der::asn1::{Any, OctetString, Uint};
use der::{Decode, Encode};
use x509_cert::ext::Extension;
use yinqiao_ca_sdk::messages::{
    CertificateState, Der, RevocationReason, RevokeRequest, Serial, State, States, SuspendRequest,
};
use yinqiao_ca_sdk::{AdapterError, Outcome, Reply};
use yinqiao_gm::oid;
use yinqiao_gm::x509::AnyCertificate;

use crate::adapter::Instance;
use crate::asn1::{Body, CertTemplate, FailureInfo, PkiStatus, RevDetails, RevRepContent, tag};
use crate::change::{NO_REQUEST_ID, Plan, Work, in_doubt};
use crate::dialogue::Answer;
use crate::enrol::own;
use crate::fault::Refusal;
use crate::journal::{Issued, Revocation, Subject, Transaction};

/// `CRLReason` (RFC 5280, 5.3.1) that the contract's reasons do not have: the end of a suspension.
const REMOVE_FROM_CRL: u8 = 8;

impl Instance {
    pub(crate) fn plan_revocation(&self, request: &RevokeRequest) -> Result<Plan, AdapterError> {
        if request.reason == RevocationReason::CertificateHold {
            return Err(AdapterError::permanent("certificateHold is no reason to revoke; submit a hold"));
        }
        let issued = self.journal.issued(&request.serial)?;
        self.plan_again(Revocation {
            serial: request.serial.clone(),
            issuer: self.issuer_of(issued.as_ref())?,
            state: State::Revoked,
            reason: Some(request.reason),
        })
    }

    pub(crate) fn plan_suspension(&self, request: &SuspendRequest, hold: bool) -> Result<Plan, AdapterError> {
        let issued = self.journal.issued(&request.serial)?;
        if issued.as_ref().is_some_and(|issued| issued.state == State::Revoked) {
            return Err(AdapterError::permanent("the certificate is revoked, which is for good"));
        }
        self.plan_again(Revocation {
            serial: request.serial.clone(),
            issuer: self.issuer_of(issued.as_ref())?,
            state: if hold { State::Held } else { State::Good },
            reason: hold.then_some(RevocationReason::CertificateHold),
        })
    }

    /// `RevReqContent` with one certificate.
    pub(crate) fn plan_again(&self, revocation: Revocation) -> Result<Plan, AdapterError> {
        let details = RevDetails {
            cert_details: CertTemplate {
                serial_number: Some(Uint::new(&revocation.serial.to_octets()).map_err(own)?),
                issuer: Some(Any::from_der(revocation.issuer.as_bytes()).map_err(own)?),
                ..CertTemplate::default()
            },
            crl_entry_details: Some(vec![reason_code(revocation.reason).map_err(own)?]),
        };
        let body = Body::new(tag::RR, &vec![details]).map_err(own)?;
        Ok(Plan { body, information: Vec::new(), subject: Subject::Revocation(revocation) })
    }

    /// What needs no message: the CA has confirmed that state before.
    pub(crate) fn already(&self, subject: &Subject) -> Result<Option<Reply>, AdapterError> {
        let Subject::Revocation(revocation) = subject else { return Ok(None) };
        if revocation.state != State::Revoked {
            return Ok(None);
        }
        let issued = self.journal.issued(&revocation.serial)?;
        let issued = issued.filter(|issued| issued.state == State::Revoked);
        Ok(issued
            .map(|issued| reply(&revocation.serial, State::Revoked, issued.reason, issued.changed_at_ms)))
    }

    /// The CA's rp.
    pub(crate) fn conclude_revocation(
        &self,
        work: &mut Work<'_>,
        transaction: Transaction,
        answer: &Answer,
        revocation: &Revocation,
    ) -> Result<Outcome, AdapterError> {
        let content: RevRepContent = answer.body.read().map_err(|error| {
            AdapterError::unknown_outcome(format!("the revocation response is not valid DER: {error}"))
        })?;
        let [status] = content.status.as_slice() else {
            return Err(AdapterError::unknown_outcome(
                "the revocation response must be about one certificate",
            ));
        };
        match status.pki_status() {
            Some(PkiStatus::Accepted | PkiStatus::GrantedWithMods | PkiStatus::RevocationNotification) => {
                let now = work.call.host().now_ms();
                self.changed(work, revocation, revocation.reason, Some(now))
            }
            Some(PkiStatus::Waiting) => self.wait(work, transaction, NO_REQUEST_ID, None),
            Some(PkiStatus::Rejection) => {
                self.refused_revocation(work, &Refusal::from_status(status), revocation)
            }
            _ => Err(AdapterError::unknown_outcome(Refusal::from_status(status).text())),
        }
    }

    /// A no. That the certificate is revoked already is a yes to whoever wants it revoked.
    pub(crate) fn refused_revocation(
        &self,
        work: &mut Work<'_>,
        refusal: &Refusal,
        revocation: &Revocation,
    ) -> Result<Outcome, AdapterError> {
        if refusal.names(FailureInfo::CERT_REVOKED) && revocation.state == State::Revoked {
            return self.changed(work, revocation, None, None);
        }
        Err(work.refuse(refusal))
    }

    fn changed(
        &self,
        work: &mut Work<'_>,
        revocation: &Revocation,
        reason: Option<RevocationReason>,
        at_ms: Option<u64>,
    ) -> Result<Outcome, AdapterError> {
        let serial = &revocation.serial;
        if let Some(issued) = self.journal.issued(serial)? {
            let issued = Issued { state: revocation.state, reason, changed_at_ms: at_ms, ..issued };
            self.journal.record_issued(serial, &issued).map_err(|error| in_doubt(error.into()))?;
        }
        work.finish(reply(serial, revocation.state, reason, at_ms))
    }

    /// DER of the name of whoever issued it; what was not issued through this plugin is the configured CA's.
    fn issuer_of(&self, issued: Option<&Issued>) -> Result<Der, AdapterError> {
        Ok(Der(match issued {
            Some(issued) => {
                let certificate = AnyCertificate::from_der(issued.certificate.as_bytes()).map_err(own)?;
                certificate.issuer().as_der().to_vec()
            }
            None => self.configuration.issuer().to_vec(),
        }))
    }
}

fn reply(
    serial: &Serial,
    state: State,
    reason: Option<RevocationReason>,
    changed_at_ms: Option<u64>,
) -> Reply {
    let certificates = vec![CertificateState { serial: serial.clone(), state, reason, changed_at_ms }];
    Reply::States(States { certificates })
}

/// ```text
/// CRLReason ::= ENUMERATED { ... }                        -- RFC 5280, 5.3.1
/// ```
fn reason_code(reason: Option<RevocationReason>) -> der::Result<Extension> {
    let number = match reason {
        Some(RevocationReason::Unspecified) => 0,
        Some(RevocationReason::KeyCompromise) => 1,
        Some(RevocationReason::CaCompromise) => 2,
        Some(RevocationReason::AffiliationChanged) => 3,
        Some(RevocationReason::Superseded) => 4,
        Some(RevocationReason::CessationOfOperation) => 5,
        Some(RevocationReason::CertificateHold) => 6,
        Some(RevocationReason::PrivilegeWithdrawn) => 9,
        None => REMOVE_FROM_CRL,
    };
    let value = Any::new(der::Tag::Enumerated, [number])?.to_der()?;
    Ok(Extension { extn_id: oid::CRL_REASON, critical: false, extn_value: OctetString::new(value)? })
}
