//! Certificate pairs: issue, renew, rekey, and recovery of an encryption key.

use std::thread;
use std::time::Duration;

use yinqiao_ca_sdk::messages::{
    CertificatePair, Der, Holder, HolderKind, IssueRequest, RecoverKeyRequest, RecoveredKey, RenewRequest,
    Serial, Validity,
};
use yinqiao_ca_sdk::{AdapterError, Call, Reply};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2;
use yinqiao_gm::x509::{
    Certificate, CertificateBuilder, CertificateRequest, DistinguishedName, IdentityCode, Profile,
    SerialNumber,
};

use crate::adapter::Instance;
use crate::authority::own;
use crate::operation::Made;
use crate::record::{CertificateRecord, OperationRecord, Role, escrow_name};
use crate::store::Folder;

const DAY: i64 = 86_400;
const LONGEST_DAYS: u32 = 3650;
const PRODUCT: &str = "pair";

/// Whose certificates they become.
struct Subject {
    name: DistinguishedName,
    identity_code: Option<IdentityCode>,
}

impl Instance {
    pub(crate) fn issue(
        &self,
        call: &Call<'_>,
        operation: &str,
        request: &IssueRequest,
    ) -> Result<Made, AdapterError> {
        if let Some(product) = &request.product
            && product != PRODUCT
        {
            return Err(AdapterError::permanent(format!(
                "this CA has no product {product:?}, only {PRODUCT:?}"
            )));
        }
        let csr = proven(&request.csr)?;
        let subject = Subject::of_holder(&request.holder)?;
        let encryption_key = sm2::PrivateKey::generate().map_err(own)?;
        self.make_pair(call, operation, &subject, csr.public_key(), &encryption_key, request.validity)
    }

    pub(crate) fn renew(
        &self,
        call: &Call<'_>,
        operation: &str,
        request: &RenewRequest,
    ) -> Result<Made, AdapterError> {
        let (pair, certificate, record) = self.present_pair(&request.serial)?;
        let csr = proven(&request.csr)?;
        if csr.public_key() != certificate.public_key() {
            let text = "renewal keeps the key, but the request has another one; rekey takes a new key";
            return Err(AdapterError::permanent(text));
        }
        let encryption_key = self.escrowed_key(&pair, &record)?;
        let subject = Subject::of_certificate(&certificate)?;
        self.make_pair(call, operation, &subject, csr.public_key(), &encryption_key, request.validity)
    }

    pub(crate) fn rekey(
        &self,
        call: &Call<'_>,
        operation: &str,
        request: &RenewRequest,
    ) -> Result<Made, AdapterError> {
        let (_, certificate, _) = self.present_pair(&request.serial)?;
        let csr = proven(&request.csr)?;
        if csr.public_key() == certificate.public_key() {
            let text = "rekeying changes the key, but the request has the present one; renew keeps the key";
            return Err(AdapterError::permanent(text));
        }
        let encryption_key = sm2::PrivateKey::generate().map_err(own)?;
        let subject = Subject::of_certificate(&certificate)?;
        self.make_pair(call, operation, &subject, csr.public_key(), &encryption_key, request.validity)
    }

    /// Also for a revoked or expired certificate: what was encrypted for it stays encrypted for it.
    pub(crate) fn recover_key(&self, request: &RecoverKeyRequest) -> Result<Made, AdapterError> {
        let (certificate, record) = self.must_be_issued(&request.serial)?;
        if certificate.role != Role::Encryption {
            let text =
                format!("the certificate {} is no encryption certificate: no key is kept", request.serial);
            return Err(AdapterError::permanent(text));
        }
        let csr = proven(&request.csr)?;
        let pair = issued_pair(&record)?;
        let key = self.escrowed_key(&pair, &record)?;
        let encryption_certificate = pair.encryption_certificate.ok_or_else(no_encryption_key)?;
        let enveloped_key =
            EnvelopedKey::wrap(&key, csr.public_key()).and_then(|key| key.to_der()).map_err(own)?;
        let reply = RecoveredKey { encryption_certificate, enveloped_key: enveloped_key.into() };
        Ok(Made { reply: Reply::RecoveredKey(reply), names: Vec::new(), escrow: None })
    }

    /// For load and fault tests, as the configuration says.
    pub(crate) fn delay(&self) {
        if self.configuration.issue_delay_ms > 0 {
            thread::sleep(Duration::from_millis(self.configuration.issue_delay_ms));
        }
    }

    fn make_pair(
        &self,
        call: &Call<'_>,
        operation: &str,
        subject: &Subject,
        signing_key: &sm2::PublicKey,
        encryption_key: &sm2::PrivateKey,
        validity: Option<Validity>,
    ) -> Result<Made, AdapterError> {
        let validity = self.validity(validity.unwrap_or_default(), (call.host().now_ms() / 1000) as i64)?;
        let signing = self.certify(Profile::Signing, subject, signing_key, validity)?;
        let encryption = self.certify(Profile::Encryption, subject, encryption_key.public_key(), validity)?;
        let enveloped =
            EnvelopedKey::wrap(encryption_key, signing_key).and_then(|key| key.to_der()).map_err(own)?;
        let (signing_serial, encryption_serial) = (serial_of(&signing)?, serial_of(&encryption)?);
        let escrow = self.vault.seal(&escrow_name(&encryption_serial), encryption_key)?;

        self.delay();
        let entries = [
            (&signing_serial, Role::Signing, &encryption_serial),
            (&encryption_serial, Role::Encryption, &signing_serial),
        ];
        for (serial, role, partner) in entries {
            let record =
                CertificateRecord { operation: operation.to_owned(), role, partner: partner.clone() };
            if !self.store.create(Folder::Certificates, serial.as_str(), &record)? {
                return Err(AdapterError::unhealthy(format!(
                    "the random serial number {serial} was there already"
                )));
            }
        }
        let reply = CertificatePair {
            signing_certificate: signing.der().to_vec().into(),
            encryption_certificate: Some(encryption.der().to_vec().into()),
            enveloped_key: Some(enveloped.into()),
            chain: self.authority.chain(),
        };
        let names = vec![signing_serial.into(), encryption_serial.into()];
        Ok(Made { reply: Reply::Pair(reply), names, escrow: Some(escrow) })
    }

    fn certify(
        &self,
        profile: Profile,
        subject: &Subject,
        key: &sm2::PublicKey,
        (not_before, not_after): (i64, i64),
    ) -> Result<Certificate, AdapterError> {
        let serial = SerialNumber::generate().map_err(own)?;
        let name = subject.name.clone();
        let mut builder = CertificateBuilder::new(profile, name, key.clone(), serial, not_before, not_after);
        if let Some(url) = &self.configuration.crl_url {
            builder = builder.crl_distribution_point(url);
        }
        if let Some(code) = &subject.identity_code {
            builder = builder.identity_code(code.clone());
        }
        let issuing = &self.authority.issuing;
        builder.sign(&issuing.certificate, &issuing.key).map_err(own)
    }

    /// First and last second, Unix time.
    fn validity(&self, validity: Validity, now: i64) -> Result<(i64, i64), AdapterError> {
        let days = validity.days.unwrap_or(self.configuration.validity_days);
        if !(1..=LONGEST_DAYS).contains(&days) {
            return Err(AdapterError::permanent(format!(
                "a validity of {days} days; 1 to {LONGEST_DAYS} are possible"
            )));
        }
        let not_before = validity.not_before_ms.map_or(now, |milliseconds| (milliseconds / 1000) as i64);
        let not_after = not_before.saturating_add(i64::from(days) * DAY - 1);
        let issuer = &self.authority.issuing.certificate;
        if not_before < issuer.not_before() || not_after > issuer.not_after() {
            let text = "the validity is not within that of the CA's certificate";
            return Err(AdapterError::permanent(text));
        }
        Ok((not_before, not_after))
    }

    fn present_pair(
        &self,
        serial: &Serial,
    ) -> Result<(CertificatePair, Certificate, OperationRecord), AdapterError> {
        let (certificate, record) = self.must_be_good(serial)?;
        if certificate.role != Role::Signing {
            return Err(AdapterError::permanent(format!(
                "the certificate {serial} is no signing certificate"
            )));
        }
        let pair = issued_pair(&record)?;
        let certificate = Certificate::from_der(pair.signing_certificate.as_bytes()).map_err(own)?;
        Ok((pair, certificate, record))
    }

    fn escrowed_key(
        &self,
        pair: &CertificatePair,
        record: &OperationRecord,
    ) -> Result<sm2::PrivateKey, AdapterError> {
        let certificate = pair.encryption_certificate.as_ref().ok_or_else(no_encryption_key)?;
        let certificate = Certificate::from_der(certificate.as_bytes()).map_err(own)?;
        let sealed = record.escrow.as_ref().ok_or_else(no_encryption_key)?;
        let key = self.vault.open(&escrow_name(&serial_of(&certificate)?), sealed)?;
        if key.public_key() != certificate.public_key() {
            return Err(AdapterError::unhealthy("the escrowed key does not belong to its certificate"));
        }
        Ok(key)
    }
}

impl Subject {
    fn of_holder(holder: &Holder) -> Result<Self, AdapterError> {
        let mut name = DistinguishedName::builder().country("CN");
        let code = holder.unified_social_credit_code.as_deref();
        match holder.kind {
            HolderKind::Enterprise => {
                name = name.organization(&holder.name).common_name(&holder.name);
                name = code.map_or(name.clone(), |code| name.serial_number(code));
            }
            HolderKind::Person => {
                name = holder
                    .organization
                    .iter()
                    .fold(name, |name, organization| name.organization(organization));
                name = code
                    .map_or(name.clone(), |code| name.organizational_unit(code))
                    .common_name(&holder.name);
            }
        }
        let identity_code = match (holder.kind, &holder.identity_code) {
            (HolderKind::Person, Some(code)) => Some(identity_code(code)?),
            _ => None,
        };
        let name =
            name.build().map_err(|error| AdapterError::permanent(format!("the holder's name: {error}")))?;
        Ok(Self { name, identity_code })
    }

    fn of_certificate(certificate: &Certificate) -> Result<Self, AdapterError> {
        let identity_code = certificate.identity_code().map_err(own)?;
        Ok(Self { name: certificate.subject().clone(), identity_code })
    }
}

/// A resident card's number has 17 digits and a check character; everything else counts as a passport's.
fn identity_code(code: &str) -> Result<IdentityCode, AdapterError> {
    if !(1..=32).contains(&code.len()) || !code.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
        return Err(AdapterError::permanent("the holder's identity code is not 1 to 32 letters and digits"));
    }
    let (digits, check) = code.split_at(code.len() - 1);
    let resident = digits.len() == 17
        && digits.bytes().all(|octet| octet.is_ascii_digit())
        && check.bytes().all(|octet| octet.is_ascii_digit() || octet == b'X');
    let code = code.to_owned();
    Ok(if resident { IdentityCode::ResidentCard(code) } else { IdentityCode::Passport(code) })
}

/// A request whose sender has its private key.
fn proven(csr: &Der) -> Result<CertificateRequest, AdapterError> {
    let refused = |error| AdapterError::permanent(format!("the certificate request is refused: {error}"));
    let csr = CertificateRequest::from_der(csr.as_bytes()).map_err(refused)?;
    csr.verify().map_err(refused)?;
    Ok(csr)
}

fn issued_pair(record: &OperationRecord) -> Result<CertificatePair, AdapterError> {
    let reply = record
        .reply
        .as_ref()
        .map(|reply| Reply::parse(record.operation, reply.get().as_bytes()))
        .transpose()?;
    match reply {
        Some(Reply::Pair(pair)) => Ok(pair),
        _ => Err(AdapterError::unhealthy("the record of an issued certificate has no pair in it")),
    }
}

pub(crate) fn serial_of(certificate: &Certificate) -> Result<Serial, AdapterError> {
    Serial::from_octets(certificate.serial().as_bytes()).map_err(own)
}

fn no_encryption_key() -> AdapterError {
    AdapterError::permanent("no encryption key is kept for this certificate")
}
