//! Certificates: issue, renew, rekey, and recovery of an encryption key.

use std::thread;
use std::time::Duration;

use yinqiao_ca_sdk::messages::{
    CertificatePair, Der, IssueRequest, RecoverKeyRequest, RecoveredKey, RenewRequest, Serial, Validity,
};
use yinqiao_ca_sdk::{AdapterError, Reply, Request};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2;
use yinqiao_gm::x509::{Certificate, CertificateBuilder, CertificateRequest, Profile, SerialNumber};

use crate::adapter::Instance;
use crate::authority::own;
use crate::configuration::{CertificateProfile, Certificates};
use crate::operation::{Attempt, Made};
use crate::record::{CertificateRecord, OperationRecord, Role, escrow_name};
use crate::register::issued_pair;
use crate::seal;
use crate::store::Folder;
use crate::subject::Subject;
use crate::vault::Vault;

const DAY: i64 = 86_400;

/// Certificates that can be issued: all that a request may have wrong was looked at.
struct Plan<'a> {
    profile: &'a CertificateProfile,
    subject: Subject,
    signing_key: sm2::PublicKey,
    /// None: a signing certificate only.
    encryption_key: Option<sm2::PrivateKey>,
    /// First and last second, Unix time.
    validity: (i64, i64),
}

/// A key that can be recovered.
struct Recovery {
    encryption_certificate: Der,
    key: sm2::PrivateKey,
    for_key: sm2::PublicKey,
}

impl Instance {
    pub(crate) fn issue(&self, attempt: &Attempt<'_>, request: &IssueRequest) -> Result<Made, AdapterError> {
        self.certify_plan(attempt, &self.plan_issue(attempt, request)?)
    }

    pub(crate) fn renew(&self, attempt: &Attempt<'_>, request: &RenewRequest) -> Result<Made, AdapterError> {
        let present = self.present(&request.serial)?;
        let csr = proven(&request.csr)?;
        if csr.public_key() != present.certificate.public_key() {
            let text = "renewal keeps the key, but the request has another one; rekey takes a new key";
            return Err(AdapterError::permanent(text));
        }
        let escrowed = || escrowed_key(attempt.vault, &present.pair, &present.record);
        let encryption_key = present.pair.encryption_certificate.as_ref().map(|_| escrowed()).transpose()?;
        let plan = Plan {
            profile: present.profile,
            subject: Subject::of_certificate(&present.certificate)?,
            signing_key: csr.public_key().clone(),
            encryption_key,
            validity: self.validity(attempt, present.profile, request.validity)?,
        };
        self.certify_plan(attempt, &plan)
    }

    pub(crate) fn rekey(&self, attempt: &Attempt<'_>, request: &RenewRequest) -> Result<Made, AdapterError> {
        self.certify_plan(attempt, &self.plan_rekey(attempt, request)?)
    }

    pub(crate) fn recover_key(
        &self,
        attempt: &Attempt<'_>,
        request: &RecoverKeyRequest,
    ) -> Result<Made, AdapterError> {
        let Recovery { encryption_certificate, key, for_key } = self.plan_recovery(attempt, request)?;
        let enveloped_key = EnvelopedKey::wrap(&key, &for_key).and_then(|key| key.to_der()).map_err(own)?;
        let reply = RecoveredKey { encryption_certificate, enveloped_key: enveloped_key.into() };
        Ok(Made { reply: Reply::RecoveredKey(reply), names: Vec::new(), escrow: None, product: None })
    }

    /// Whether what is asked for could be made now: operators are not to look at what can never be.
    pub(crate) fn check(&self, attempt: &Attempt<'_>, request: &Request) -> Result<(), AdapterError> {
        match request {
            Request::Issue(request) => self.plan_issue(attempt, request).map(drop),
            Request::Rekey(request) => self.plan_rekey(attempt, request).map(drop),
            Request::RecoverKey(request) => self.plan_recovery(attempt, request).map(drop),
            Request::SealIssue(request) => seal::check(request, attempt.call.host().now_ms()),
            other => Err(AdapterError::not_supported(other.operation())),
        }
    }

    /// The profile of certificates that were issued.
    pub(crate) fn profile_of(&self, record: &OperationRecord) -> Result<&CertificateProfile, AdapterError> {
        self.configuration.profile(record.product.as_deref())
    }

    /// For load and fault tests, as the configuration says.
    pub(crate) fn delay(&self) {
        if self.configuration.issue_delay_ms > 0 {
            thread::sleep(Duration::from_millis(self.configuration.issue_delay_ms));
        }
    }

    fn plan_issue(&self, attempt: &Attempt<'_>, request: &IssueRequest) -> Result<Plan<'_>, AdapterError> {
        let profile = self.configuration.profile(request.product.as_deref())?;
        let csr = proven(&request.csr)?;
        Ok(Plan {
            profile,
            subject: Subject::of_holder(profile, &request.holder)?,
            signing_key: csr.public_key().clone(),
            encryption_key: encryption_key_for(profile)?,
            validity: self.validity(attempt, profile, request.validity)?,
        })
    }

    fn plan_rekey(&self, attempt: &Attempt<'_>, request: &RenewRequest) -> Result<Plan<'_>, AdapterError> {
        let present = self.present(&request.serial)?;
        let csr = proven(&request.csr)?;
        if csr.public_key() == present.certificate.public_key() {
            let text = "rekeying changes the key, but the request has the present one; renew keeps the key";
            return Err(AdapterError::permanent(text));
        }
        Ok(Plan {
            profile: present.profile,
            subject: Subject::of_certificate(&present.certificate)?,
            signing_key: csr.public_key().clone(),
            encryption_key: encryption_key_for(present.profile)?,
            validity: self.validity(attempt, present.profile, request.validity)?,
        })
    }

    /// Also for a revoked or expired certificate: what was encrypted for it stays encrypted for it.
    fn plan_recovery(
        &self,
        attempt: &Attempt<'_>,
        request: &RecoverKeyRequest,
    ) -> Result<Recovery, AdapterError> {
        let (certificate, record) = self.store.must_be_issued(&request.serial)?;
        if certificate.role != Role::Encryption {
            let text =
                format!("the certificate {} is no encryption certificate: no key is kept", request.serial);
            return Err(AdapterError::permanent(text));
        }
        let csr = proven(&request.csr)?;
        let pair = issued_pair(&record)?;
        let key = escrowed_key(attempt.vault, &pair, &record)?;
        let encryption_certificate = pair.encryption_certificate.ok_or_else(no_encryption_key)?;
        Ok(Recovery { encryption_certificate, key, for_key: csr.public_key().clone() })
    }

    fn certify_plan(&self, attempt: &Attempt<'_>, plan: &Plan<'_>) -> Result<Made, AdapterError> {
        let signing = self.certify(Profile::Signing, plan, &plan.signing_key)?;
        let signing_serial = serial_of(&signing)?;
        let encryption = plan.encryption_key.as_ref().map(|key| self.encryption_part(attempt, plan, key));
        let encryption = encryption.transpose()?;
        let encryption_serial = encryption.as_ref().map(|part| part.serial.clone());

        self.delay();
        let mut entries = vec![(signing_serial.clone(), Role::Signing, encryption_serial.clone())];
        entries
            .extend(encryption_serial.map(|serial| (serial, Role::Encryption, Some(signing_serial.clone()))));
        for (serial, role, partner) in &entries {
            let record = CertificateRecord {
                operation: attempt.name.to_owned(),
                role: *role,
                partner: partner.clone(),
            };
            if !self.store.create(Folder::Certificates, serial.as_str(), &record)? {
                return Err(AdapterError::unhealthy(format!(
                    "the random serial number {serial} was there already"
                )));
            }
        }
        let names = entries.into_iter().map(|(serial, ..)| serial.into()).collect();
        let (escrow, part) = encryption
            .map(|part| (part.escrow, (part.certificate.der().to_vec().into(), part.enveloped.into())))
            .unzip();
        let (encryption_certificate, enveloped_key) = part.unzip();
        let reply = CertificatePair {
            signing_certificate: signing.der().to_vec().into(),
            encryption_certificate,
            enveloped_key,
            chain: self.authority.chain(),
        };
        let product = Some(plan.profile.name.clone());
        Ok(Made { reply: Reply::Pair(reply), names, escrow, product })
    }

    fn encryption_part(
        &self,
        attempt: &Attempt<'_>,
        plan: &Plan<'_>,
        key: &sm2::PrivateKey,
    ) -> Result<EncryptionPart, AdapterError> {
        let certificate = self.certify(Profile::Encryption, plan, key.public_key())?;
        let enveloped =
            EnvelopedKey::wrap(key, &plan.signing_key).and_then(|key| key.to_der()).map_err(own)?;
        let serial = serial_of(&certificate)?;
        let escrow = attempt.vault.seal(&escrow_name(&serial), key)?;
        Ok(EncryptionPart { certificate, serial, enveloped, escrow })
    }

    fn certify(
        &self,
        role: Profile,
        plan: &Plan<'_>,
        key: &sm2::PublicKey,
    ) -> Result<Certificate, AdapterError> {
        let serial = SerialNumber::generate().map_err(own)?;
        let name = plan.subject.name.clone();
        let (not_before, not_after) = plan.validity;
        let mut builder = CertificateBuilder::new(role, name, key.clone(), serial, not_before, not_after);
        builder = self.extend(builder, plan.profile)?;
        if let Some(code) = &plan.subject.identity_code {
            builder = builder.identity_code(code.clone());
        }
        let issuing = &self.authority.issuing;
        builder.sign(&issuing.certificate, &issuing.key).map_err(own)
    }

    /// What the profile adds to a certificate.
    fn extend(
        &self,
        mut builder: CertificateBuilder,
        profile: &CertificateProfile,
    ) -> Result<CertificateBuilder, AdapterError> {
        let configuration = &self.configuration;
        if let Some(url) = profile.crl_url.as_ref().or(configuration.crl_url.as_ref()) {
            builder = builder.crl_distribution_point(url);
        }
        if let Some(url) = &configuration.delta_crl_url {
            builder = builder.freshest_crl(url);
        }
        if let Some(url) = profile.ocsp_url.as_ref().or(configuration.ocsp_url.as_ref()) {
            builder = builder.ocsp_responder(url);
        }
        if let Some(url) = profile.issuer_url.as_ref().or(configuration.issuer_url.as_ref()) {
            builder = builder.ca_issuers(url);
        }
        for policy in profile.policy_oids().map_err(AdapterError::permanent)? {
            builder = builder.certificate_policy(policy);
        }
        for purpose in profile.extended_key_usage_oids().map_err(AdapterError::permanent)? {
            builder = builder.extended_key_usage(purpose);
        }
        Ok(builder)
    }

    fn validity(
        &self,
        attempt: &Attempt<'_>,
        profile: &CertificateProfile,
        asked: Option<Validity>,
    ) -> Result<(i64, i64), AdapterError> {
        let asked = asked.unwrap_or_default();
        let now = (attempt.call.host().now_ms() / 1000) as i64;
        let longest = profile.longest_validity_days;
        let usual = profile.validity_days.unwrap_or(self.configuration.validity_days.min(longest));
        let days = asked.days.unwrap_or(usual);
        if !(1..=longest).contains(&days) {
            return Err(AdapterError::permanent(format!(
                "a validity of {days} days; the product {:?} allows 1 to {longest}",
                profile.name
            )));
        }
        let not_before = asked.not_before_ms.map_or(now, |milliseconds| (milliseconds / 1000) as i64);
        let not_after = not_before.saturating_add(i64::from(days) * DAY - 1);
        let issuer = &self.authority.issuing.certificate;
        if not_before < issuer.not_before() || not_after > issuer.not_after() {
            let text = "the validity is not within that of the CA's certificate";
            return Err(AdapterError::permanent(text));
        }
        Ok((not_before, not_after))
    }

    fn present(&self, serial: &Serial) -> Result<Present<'_>, AdapterError> {
        let (certificate, record) = self.store.must_be_good(serial)?;
        if certificate.role != Role::Signing {
            return Err(AdapterError::permanent(format!(
                "the certificate {serial} is no signing certificate"
            )));
        }
        let profile = self.profile_of(&record)?;
        let pair = issued_pair(&record)?;
        let certificate = Certificate::from_der(pair.signing_certificate.as_bytes()).map_err(own)?;
        Ok(Present { pair, certificate, record, profile })
    }
}

/// Certificates that are to be followed by others.
struct Present<'a> {
    pair: CertificatePair,
    /// The signing certificate.
    certificate: Certificate,
    record: OperationRecord,
    profile: &'a CertificateProfile,
}

/// The second half of a pair.
struct EncryptionPart {
    certificate: Certificate,
    serial: Serial,
    enveloped: Vec<u8>,
    escrow: crate::vault::SealedKey,
}

fn encryption_key_for(profile: &CertificateProfile) -> Result<Option<sm2::PrivateKey>, AdapterError> {
    match profile.certificates {
        Certificates::Pair => sm2::PrivateKey::generate().map(Some).map_err(own),
        Certificates::Signing => Ok(None),
    }
}

fn escrowed_key(
    vault: &Vault,
    pair: &CertificatePair,
    record: &OperationRecord,
) -> Result<sm2::PrivateKey, AdapterError> {
    let certificate = pair.encryption_certificate.as_ref().ok_or_else(no_encryption_key)?;
    let certificate = Certificate::from_der(certificate.as_bytes()).map_err(own)?;
    let sealed = record.escrow.as_ref().ok_or_else(no_encryption_key)?;
    let key = vault.open(&escrow_name(&serial_of(&certificate)?), sealed)?;
    if key.public_key() != certificate.public_key() {
        return Err(AdapterError::unhealthy("the escrowed key does not belong to its certificate"));
    }
    Ok(key)
}

/// A request whose sender has its private key.
pub(crate) fn proven(csr: &Der) -> Result<CertificateRequest, AdapterError> {
    let refused = |error| AdapterError::permanent(format!("the certificate request is refused: {error}"));
    let csr = CertificateRequest::from_der(csr.as_bytes()).map_err(refused)?;
    csr.verify().map_err(refused)?;
    Ok(csr)
}

pub(crate) fn serial_of(certificate: &Certificate) -> Result<Serial, AdapterError> {
    Serial::from_octets(certificate.serial().as_bytes()).map_err(own)
}

fn no_encryption_key() -> AdapterError {
    AdapterError::permanent("no encryption key is kept for this certificate")
}
