//! Asking for a certificate.

use der::Decode;
use der::asn1::{Any, OctetString};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::ext::Extension;
use x509_cert::time::Time;
use yinqiao_ca_sdk::messages::{
    Der, Holder, HolderKind, IssueRequest, RenewRequest, Serial, State as CertificateState, Validity,
};
use yinqiao_ca_sdk::{AdapterError, Call};
use yinqiao_gm::x509::{AnyCertificate, IdentityCode};
use yinqiao_gm::{oid as gm_oid, sm3};

use crate::adapter::Instance;
use crate::asn1::{
    AttributeTypeAndValue, Body, CertId, CertReqMsg, CertRequest, CertTemplate, InfoTypeAndValue,
    OptionalValidity, ra_verified, tag,
};
use crate::change::Plan;
use crate::configuration::{Profile, RequestKind, SubjectSource};
use crate::journal::{Enrolment, Issued, Subject};
use crate::x509::name::{self, Attribute};
use crate::x509::{CertificateRequest, X509Error};

const DAY_MS: u64 = 86_400_000;

impl Instance {
    /// A certificate for a new holder or key.
    pub(crate) fn plan_issue(&self, call: &Call<'_>, request: &IssueRequest) -> Result<Plan, AdapterError> {
        let csr = read_request(&request.csr)?;
        let kind = match request.holder.kind {
            HolderKind::Enterprise => "enterprise",
            HolderKind::Person => "person",
        };
        let profile = self.configuration.profile(request.product.as_deref(), kind)?;
        let holder = profile.check_holder.then(|| sm3::digest(request.holder.name.as_bytes()).to_string());
        let (body, answer) = match profile.request {
            RequestKind::P10cr => (p10cr(&csr)?, tag::CP),
            RequestKind::Ir | RequestKind::Cr | RequestKind::Kur => {
                let mut template = template(&csr, subject(profile, &request.holder)?)?;
                template.validity = validity(profile, request.validity, call)?;
                if profile.identity_code_extension {
                    template.extensions = Some(vec![identity_code(&request.holder)?]);
                }
                let (asks, answers) =
                    if profile.request == RequestKind::Ir { (tag::IR, tag::IP) } else { (tag::CR, tag::CP) };
                (certificate_request(asks, template, None)?, answers)
            }
        };
        self.plan_enrolment(profile, &csr, body, answer, holder)
    }

    /// A further certificate for a holder of one: for the same key, or for another.
    pub(crate) fn plan_update(
        &self,
        call: &Call<'_>,
        request: &RenewRequest,
        same_key: bool,
    ) -> Result<Plan, AdapterError> {
        let csr = read_request(&request.csr)?;
        let present = self.journal.issued(&request.serial)?;
        let certificate = present.as_ref().map(|issued| check_present(issued, &csr, same_key)).transpose()?;
        let profile = &self.configuration.update;
        let (body, answer) = if profile.request == RequestKind::P10cr {
            (p10cr(&csr)?, tag::CP)
        } else {
            let issuer =
                certificate.as_ref().map_or(self.configuration.issuer(), |present| present.issuer().as_der());
            let old = CertId::new(issuer, &request.serial.to_octets()).map_err(own)?;
            let control = AttributeTypeAndValue::old_cert_id(&old).map_err(own)?;
            let subject = certificate.as_ref().map_or(csr.subject(), |present| present.subject().as_der());
            let mut template = template(&csr, subject.to_vec())?;
            template.validity = validity(profile, request.validity, call)?;
            (certificate_request(tag::KUR, template, Some(control))?, tag::KUP)
        };
        let holder = present.and_then(|issued| issued.holder).filter(|_| profile.check_holder);
        self.plan_enrolment(profile, &csr, body, answer, holder)
    }

    fn plan_enrolment(
        &self,
        profile: &Profile,
        csr: &CertificateRequest,
        body: Body,
        answer: u32,
        holder: Option<String>,
    ) -> Result<Plan, AdapterError> {
        let mut information = Vec::new();
        if self.configuration.implicit_confirmation {
            information.push(InfoTypeAndValue::implicit_confirm());
        }
        if let Some(name) = &profile.certificate_profile {
            information.push(InfoTypeAndValue::certificate_profile(name).map_err(own)?);
        }
        let public_key = Der(csr.public_key().to_vec());
        Ok(Plan { body, information, subject: Subject::Enrolment(Enrolment { public_key, holder, answer }) })
    }
}

/// Reads the request and checks its proof of possession, which this plugin vouches for.
fn read_request(csr: &Der) -> Result<CertificateRequest, AdapterError> {
    CertificateRequest::verify(csr.as_bytes())
        .map_err(|error: X509Error| AdapterError::permanent(error.to_string()))
}

/// The present certificate of an update, when it was issued through this plugin.
fn check_present(
    issued: &Issued,
    csr: &CertificateRequest,
    same_key: bool,
) -> Result<AnyCertificate, AdapterError> {
    let permanent = |text: &str| Err(AdapterError::permanent(text));
    if issued.state != CertificateState::Good {
        return permanent("the present certificate is revoked or held");
    }
    let certificate = AnyCertificate::from_der(issued.certificate.as_bytes()).map_err(own)?;
    let key = yinqiao_gm::x509::PublicKey::from_spki_der(csr.public_key()).map_err(own)?;
    match (key == *certificate.any_public_key(), same_key) {
        (false, true) => permanent("the request of a renewal must be for the present certificate's key"),
        (true, false) => permanent("the request of a rekey must bring another key"),
        _ => Ok(certificate),
    }
}

fn p10cr(csr: &CertificateRequest) -> Result<Body, AdapterError> {
    Body::new(tag::P10CR, &Any::from_der(csr.der()).map_err(own)?).map_err(own)
}

/// `CertReqMessages` with one request (RFC 9483, 4.1.1 and 4.1.3); the proof of possession is this plugin's word, since
/// only the holder has the private key and the PKCS#10 request has proved it.
fn certificate_request(
    number: u32,
    cert_template: CertTemplate,
    control: Option<AttributeTypeAndValue>,
) -> Result<Body, AdapterError> {
    let cert_req = CertRequest { cert_req_id: 0, cert_template, controls: control.map(|one| vec![one]) };
    let message = CertReqMsg { cert_req, popo: Some(ra_verified().map_err(own)?) };
    Body::new(number, &vec![message]).map_err(own)
}

fn template(csr: &CertificateRequest, subject: Vec<u8>) -> Result<CertTemplate, AdapterError> {
    Ok(CertTemplate {
        subject: Some(Any::from_der(&subject).map_err(own)?),
        public_key: Some(SubjectPublicKeyInfoOwned::from_der(csr.public_key()).map_err(own)?),
        ..CertTemplate::default()
    })
}

/// The subject of the profile; what the holder lacks is left out.
fn subject(profile: &Profile, holder: &Holder) -> Result<Vec<u8>, AdapterError> {
    let member = |source: SubjectSource| match source {
        SubjectSource::IdentityCode => holder.identity_code.as_ref(),
        SubjectSource::Name => Some(&holder.name),
        SubjectSource::Organization => holder.organization.as_ref(),
        SubjectSource::UnifiedSocialCreditCode => holder.unified_social_credit_code.as_ref(),
    };
    let attributes: Vec<(Attribute, String)> = match &profile.subject {
        None => [(Attribute::O, SubjectSource::Organization), (Attribute::CN, SubjectSource::Name)]
            .into_iter()
            .filter_map(|(attribute, source)| Some((attribute, member(source)?.clone())))
            .collect(),
        Some(parts) => parts
            .iter()
            .filter_map(|part| {
                let text = part.text.as_ref().or_else(|| part.from.and_then(member))?;
                Some((part.attribute, text.clone()))
            })
            .collect(),
    };
    if attributes.is_empty() {
        return Err(AdapterError::permanent(
            "the holder has none of the members that the profile's subject takes",
        ));
    }
    name::build(&attributes).map_err(own)
}

fn validity(
    profile: &Profile,
    validity: Option<Validity>,
    call: &Call<'_>,
) -> Result<Option<OptionalValidity>, AdapterError> {
    let Some(validity) = validity.filter(|_| !profile.ca_validity) else { return Ok(None) };
    let from = validity.not_before_ms.unwrap_or_else(|| call.host().now_ms());
    let until = validity.days.map(|days| from.saturating_add(u64::from(days).saturating_mul(DAY_MS)));
    let time = |at_ms: u64| -> Result<Time, AdapterError> {
        let at = std::time::Duration::from_secs(at_ms / 1000);
        // UTCTime until 2049 (RFC 5280, 4.1.2.5).
        der::asn1::UtcTime::from_unix_duration(at)
            .map(Time::UtcTime)
            .or_else(|_| der::asn1::GeneralizedTime::from_unix_duration(at).map(Time::GeneralTime))
            .map_err(|_| AdapterError::permanent("the validity ends after the year 9999"))
    };
    if validity.not_before_ms.is_none() && until.is_none() {
        return Ok(None);
    }
    Ok(Some(OptionalValidity {
        not_before: validity.not_before_ms.map(time).transpose()?,
        not_after: until.map(time).transpose()?,
    }))
}

/// The extension of GM/T 0015.
fn identity_code(holder: &Holder) -> Result<Extension, AdapterError> {
    let Some(code) = &holder.identity_code else {
        return Err(AdapterError::permanent("the profile wants an identity code, and the holder has none"));
    };
    let value = IdentityCode::ResidentCard(code.clone()).to_der().map_err(|_| {
        AdapterError::permanent("the holder's identity code cannot be written into a certificate")
    })?;
    Ok(Extension {
        extn_id: gm_oid::IDENTITY_CODE,
        critical: false,
        extn_value: OctetString::new(value).map_err(own)?,
    })
}

/// A certificate's number as the contract writes it.
pub(crate) fn serial_of(certificate: &AnyCertificate) -> Result<Serial, AdapterError> {
    Serial::from_octets(certificate.serial().as_bytes()).map_err(own)
}

/// A fault of this plugin's own, before anything was sent.
pub(crate) fn own(error: impl std::fmt::Display) -> AdapterError {
    AdapterError::unhealthy(error.to_string())
}
