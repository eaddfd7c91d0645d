//! A phone brings a one-time code and a certificate request, and gets its certificate pair. Whatever breaks in between:
//! the same request sent again goes on where it stopped, and exactly one pair is issued.

use std::sync::Arc;

use tracing::{error, warn};
use uuid::Uuid;

use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::{CertificatePair, Der, IdempotencyKey, IssueRequest, Validity};
use yinqiao_ca_sdk::messages::{Holder as AdapterHolder, HolderKind as AdapterHolderKind};
use yinqiao_gm::sm2;
use yinqiao_gm::x509::CertificateRequest;
use yinqiao_protocol::Sm3Hex;
use yinqiao_protocol::holder::{Holder, HolderKind};
use yinqiao_protocol::phone::{EnrolRequest, Enrolled};
use yinqiao_protocol::statement::{Enrolment, SignedText};

use crate::adapter::{Authority, AuthorityError, Patience};
use crate::broker::Broker;
use crate::clock;
use crate::directory::{
    CertificateRecord, DirectoryError, EnrolmentRecord, EnrolmentState, NewCertificate, Versioned,
};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::operation_key;
use crate::lifecycle::order;
use crate::store::StoreError;

mod given_up;
mod issued;
mod refused;
mod reservation;
mod subject;

use issued::{Unfit, enrolled};
pub(in crate::lifecycle) use reservation::Shelf;

/// A pair, with who issued it and the key that they know it by.
type Issued = (Arc<Authority>, IdempotencyKey, CertificatePair);

impl Broker {
    /// Enrols a phone.
    ///
    /// # Errors
    /// When the code, the request or a signature is wrong, or the CA does not issue.
    pub async fn enrol(&self, request: EnrolRequest) -> Result<Enrolled, ApiError> {
        let request_sm3 = Sm3Hex::of(request.enrolment.as_slice());
        let code_sm3 = request.code.digest();
        // The code first: who has none costs no signature verification.
        self.directory.enrolment(&code_sm3).await.map_err(|error| match error {
            DirectoryError::NotFound(_) => code_not_valid(),
            error => error.into(),
        })?;
        let (enrolment, certificate_request) = self.read_enrolment(request).await?;
        if enrolment.code_sm3 != code_sm3 {
            return Err(ApiError::new(
                Kind::EnrolmentCode,
                "the signed request names another code than the one sent",
            ));
        }
        let found = self.shelf().bind(&code_sm3, request_sm3, &enrolment).await?;
        let ordered = found.value.order;
        let outcome = self.go_on_with(&code_sm3, found, &enrolment, &certificate_request, None).await;
        order::note_download(self, ordered, &outcome).await?;
        outcome
    }

    /// Has a reserved enrolment issued, and stores what came of it. `patience` is the caller's, or that of a phone that waits.
    ///
    /// # Errors
    /// When the CA does not issue (yet).
    pub(super) async fn go_on_with(
        &self,
        code_sm3: &Sm3Hex,
        mut found: Versioned<EnrolmentRecord>,
        enrolment: &Enrolment,
        certificate_request: &CertificateRequest,
        patience: Option<Patience>,
    ) -> Result<Enrolled, ApiError> {
        let request_sm3 = match &found.value.state {
            EnrolmentState::Issued { enrolled, .. } => return Ok(Enrolled::clone(enrolled)),
            EnrolmentState::Rejected { reason, .. } => {
                return Err(issued::refusal(&found.value.certificate_authority, reason));
            }
            EnrolmentState::Open => return Err(code_not_valid()),
            EnrolmentState::Requested { request_sm3, .. } => *request_sm3,
        };
        let issued =
            self.issue_by_first_in_reach(code_sm3, &mut found, certificate_request, patience).await?;
        let Some((authority, key, pair)) = issued else {
            return self.concluded(code_sm3).await;
        };
        let record = found.value.clone();
        let enrolled = match enrolled(&authority, &record, certificate_request, &pair).await {
            Ok(enrolled) => enrolled,
            Err(Unfit::NotYet(error)) => return Err(error),
            Err(Unfit::Rejected(reason)) => {
                return self
                    .reject(code_sm3, found, certificate_request, (authority, key, pair), reason)
                    .await;
            }
        };
        let certificate = CertificateRecord::new(NewCertificate {
            holder: record.holder.clone(),
            user: record.user,
            order: record.order,
            certificate_authority: record.certificate_authority.clone(),
            signing_certificate: enrolled.signing_certificate.clone(),
            encryption_certificate: enrolled.encryption_certificate.clone(),
            device_key: enrolment.device_key.clone(),
            issued_at: clock::now(),
        })
        .map_err(|e| ApiError::new(Kind::Internal, e.to_string()))?;
        found.value.state = EnrolmentState::Issued { request_sm3, enrolled: Box::new(enrolled.clone()) };
        match self.directory.conclude_enrolment(code_sm3, found.version, &found.value, &certificate).await {
            Ok(()) => {}
            // The same request ran twice at once, and the other one was first.
            Err(StoreError::Conflict) => return self.concluded(code_sm3).await,
            Err(error) => return Err(error.into()),
        }
        authority.conclude(&key).await?;
        Ok(enrolled)
    }

    /// Ends the enrolment with the refusal of what was issued, which the CA is to revoke.
    async fn reject(
        &self,
        code_sm3: &Sm3Hex,
        mut found: Versioned<EnrolmentRecord>,
        request: &CertificateRequest,
        (authority, key, pair): Issued,
        reason: String,
    ) -> Result<Enrolled, ApiError> {
        let EnrolmentState::Requested { request_sm3, .. } = found.value.state else {
            return Err(code_not_valid());
        };
        error!(adapter = authority.name(), issue = key.as_str(), reason, "what a CA has issued is refused");
        let refused = refused::to_be_revoked(authority.name(), &key, request, &pair, &reason);
        let refusal = issued::refusal(authority.name(), &reason);
        found.value.state = EnrolmentState::Rejected { request_sm3, reason };
        let stored =
            self.directory.reject_enrolment(code_sm3, found.version, &found.value, Some(&refused)).await;
        match stored {
            Ok(()) => {}
            Err(StoreError::Conflict) => return self.concluded(code_sm3).await,
            Err(error) => return Err(error.into()),
        }
        authority.conclude(&key).await?;
        Err(refusal)
    }

    /// What was issued by the same request, which ran beside this one.
    async fn concluded(&self, code: &Sm3Hex) -> Result<Enrolled, ApiError> {
        let record = self.directory.enrolment(code).await?.value;
        match record.state {
            EnrolmentState::Issued { enrolled, .. } => Ok(*enrolled),
            EnrolmentState::Rejected { reason, .. } => {
                Err(issued::refusal(&record.certificate_authority, &reason))
            }
            EnrolmentState::Open | EnrolmentState::Requested { .. } => Err(StoreError::Conflict.into()),
        }
    }

    /// Has the pair issued by the enrolment's CA, or by its fallback where that one is out of reach and has certainly done
    /// nothing. `None` when the same request, beside this one, has finished it.
    async fn issue_by_first_in_reach(
        &self,
        code: &Sm3Hex,
        found: &mut Versioned<EnrolmentRecord>,
        request: &CertificateRequest,
        patience: Option<Patience>,
    ) -> Result<Option<Issued>, ApiError> {
        loop {
            let record = &found.value;
            let EnrolmentState::Requested { request_sm3, idempotency_key, enrolment } = &record.state else {
                return Err(code_not_valid());
            };
            let key = operation_key(idempotency_key)?;
            let a_phone_waits = if record.fallback.is_empty() { Patience::LONG } else { Patience::SHORT };
            let patience = patience.unwrap_or(a_phone_waits);
            let issue = issue_request(record, request);
            let failure = match self.authorities.get(&record.certificate_authority) {
                Ok(authority) => match authority.issue(&key, issue, patience).await {
                    Ok(pair) => return Ok(Some((authority, key, pair))),
                    Err(AuthorityError::Over) => return Ok(None),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            let out_of_reach =
                matches!(failure, AuthorityError::Unavailable { .. } | AuthorityError::NotConfigured(_));
            let Some((next, rest)) = record.fallback.split_first().filter(|_| out_of_reach) else {
                return Err(under_way(failure));
            };
            if !self.authorities.journal().abandon(&key, Operation::Issue, clock::now()).await? {
                return Err(under_way(failure));
            }
            warn!(from = record.certificate_authority, to = next, error = %failure, "another CA issues");
            let state = EnrolmentState::Requested {
                request_sm3: *request_sm3,
                idempotency_key: Uuid::new_v4().to_string(),
                enrolment: enrolment.clone(),
            };
            let changed = EnrolmentRecord {
                certificate_authority: next.clone(),
                fallback: rest.to_vec(),
                state,
                ..record.clone()
            };
            self.directory.change_enrolment(code, found.version, &changed).await?;
            *found = Versioned { version: found.version + 1, value: changed };
        }
    }

    pub(super) async fn read_enrolment(
        &self,
        request: EnrolRequest,
    ) -> Result<(Enrolment, CertificateRequest), ApiError> {
        let read = move || {
            let malformed = |text: String| ApiError::new(Kind::MalformedRequest, text);
            let enrolment = Enrolment::from_bytes(request.enrolment.as_slice())
                .map_err(|e| malformed(format!("enrolment: {e}")))?;
            let device_key = sm2::PublicKey::from_sec1(enrolment.device_key.as_slice())
                .map_err(|e| malformed(format!("device_key: {e}")))?;
            let genuine = sm2::Signature::from_der(request.signature.as_slice())
                .and_then(|signature| device_key.verify(request.enrolment.as_slice(), &signature));
            if genuine.is_err() {
                return Err(ApiError::new(
                    Kind::SignatureInvalid,
                    "the enrolment is not signed by the device key it names",
                ));
            }
            let certificate_request = CertificateRequest::from_der(enrolment.certificate_request.as_slice())
                .map_err(|e| malformed(format!("certificate_request: {e}")))?;
            certificate_request.verify().map_err(|_| {
                ApiError::new(Kind::SignatureInvalid, "the certificate request is not signed by its own key")
            })?;
            Ok((enrolment, certificate_request))
        };
        self.pool.run(read).await?
    }
}

/// What the CA is asked for.
fn issue_request(record: &EnrolmentRecord, request: &CertificateRequest) -> IssueRequest {
    IssueRequest {
        csr: Der(request.der().to_vec()),
        holder: adapter_holder(&record.holder),
        validity: Some(Validity { not_before_ms: None, days: Some(record.validity_days) }),
        product: record.product.clone(),
    }
}

/// An adapter that was removed or disabled while a phone waits is nothing that the phone could mend.
fn under_way(failure: AuthorityError) -> ApiError {
    match failure {
        AuthorityError::NotConfigured(name) => ApiError::new(
            Kind::CertificateAuthorityUnavailable,
            format!(
                "the request is with the CA \"{name}\", whose adapter was disabled or removed in the meantime: nothing is lost, \
                 whoever runs the broker enables or installs it again (`yinqiao adapter list`), then send the same request again"
            ),
        ),
        failure => failure.into(),
    }
}

fn code_not_valid() -> ApiError {
    ApiError::new(
        Kind::EnrolmentCode,
        "the code is unknown, too old, or was used by another phone: ask the operator for a new one",
    )
}

/// A legal-person user's certificate is the enterprise's; a person's names the enterprise beside the person.
fn adapter_holder(holder: &Holder) -> AdapterHolder {
    let enterprise = holder.enterprise.as_ref();
    let code = enterprise.map(|enterprise| enterprise.unified_social_credit_code.clone());
    let enterprise_name = enterprise.map(|enterprise| enterprise.name.clone());
    match (holder.kind, enterprise_name) {
        (HolderKind::LegalPerson, Some(name)) => AdapterHolder {
            kind: AdapterHolderKind::Enterprise,
            name,
            identity_code: None,
            organization: None,
            unified_social_credit_code: code,
        },
        (HolderKind::LegalPerson | HolderKind::Person, organization) => AdapterHolder {
            kind: AdapterHolderKind::Person,
            name: holder.name.clone(),
            identity_code: None,
            organization,
            unified_social_credit_code: code,
        },
    }
}
