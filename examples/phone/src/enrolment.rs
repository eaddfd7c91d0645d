//! Getting a certificate pair for a one-time code.
//!
//! The new signing key and the request lie on the disk before the request is sent: whatever happens after, the same code
//! gets the same certificates for the same key.

use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::chain::{self, Usage};
use yinqiao_gm::x509::{AnyCertificate, Certificate, CertificateRequest, DistinguishedName};
use yinqiao_protocol::phone::{EnrolRequest, Enrolled};
use yinqiao_protocol::statement::{Enrolment, SignedText};
use yinqiao_protocol::{Base64, Token};

use crate::clock;
use crate::error::PhoneError;
use crate::phone::{CertificateSummary, Phone, summary};
use crate::pin::Pin;
use crate::store::{KeyName, KeyState, Pair};

/// What a request's subject says: the CA names the holder that the operator entered, not what a phone claims.
pub(crate) const SUBJECT: &str = "yinqiao-phone";

impl Phone {
    /// Makes a signing key under `pin`, has it certified by the broker at `broker_url` for the one-time `code`, and stores
    /// the pair. Called again with the same code and PIN it takes up where it was interrupted.
    ///
    /// # Errors
    /// What store and broker say; [`PhoneError::WrongCertificates`] when other keys were certified.
    pub fn enrol(&self, broker_url: &str, code: &Token, pin: &Pin) -> Result<CertificateSummary, PhoneError> {
        let base = broker_url.trim_end_matches('/');
        let broker = self.broker(base)?;
        let (name, request) = match self.begun(base, code)? {
            Some(begun) => begun,
            None => self.begin(base, code, pin)?,
        };
        // Before the code is spent: a PIN that is not the one of the first try would leave the pair out of reach.
        self.store.unlock(&name, pin, clock::now())?;
        let enrolled: Enrolled = broker.post("/v1/phone/enrolments", None, &serde_json::to_vec(&request)?)?;
        self.conclude(&name, base, &enrolled, pin)
    }

    /// The unsent request of a new key, which is stored under `pin` first.
    ///
    /// # Errors
    /// When key or file cannot be made.
    pub fn begin(&self, base: &str, code: &Token, pin: &Pin) -> Result<(KeyName, EnrolRequest), PhoneError> {
        let key = PrivateKey::generate()?;
        let subject = DistinguishedName::builder().common_name(SUBJECT).build()?;
        let device = self.store.device_key();
        let enrolment = Enrolment {
            code_sm3: code.digest(),
            certificate_request: CertificateRequest::build(&subject, &key)?.der().into(),
            device_key: device.public_key().to_sec1().as_slice().into(),
        };
        let bytes = enrolment.to_bytes()?;
        let signature: Base64 = device.sign(&bytes)?.to_der()?.into();
        let state = KeyState::Requested {
            broker: base.to_owned(),
            code_sm3: code.digest(),
            enrolment: bytes.clone().into(),
            signature: signature.clone(),
        };
        let name = self.store.add(key, state, pin)?;
        Ok((name, EnrolRequest { code: code.clone(), enrolment: bytes.into(), signature }))
    }

    fn begun(&self, base: &str, code: &Token) -> Result<Option<(KeyName, EnrolRequest)>, PhoneError> {
        let begun = self.store.keys()?.into_iter().find_map(|entry| match entry.state {
            KeyState::Requested { broker, code_sm3, enrolment, signature }
                if broker == base && code.matches(&code_sm3) =>
            {
                Some((entry.name, EnrolRequest { code: code.clone(), enrolment, signature }))
            }
            _ => None,
        });
        Ok(begun)
    }

    /// Checks what was issued for the key `name` and stores it.
    ///
    /// # Errors
    /// [`PhoneError::WrongCertificates`], and what the store says.
    pub fn conclude(
        &self,
        name: &KeyName,
        base: &str,
        enrolled: &Enrolled,
        pin: &Pin,
    ) -> Result<CertificateSummary, PhoneError> {
        let unlocked = self.store.unlock(name, pin, clock::now())?;
        let encryption = checked(enrolled, unlocked.signing())?;
        let pair = Pair {
            broker: base.to_owned(),
            holder: enrolled.holder.clone(),
            certificate_authority: enrolled.certificate_authority.clone(),
            signing_certificate: enrolled.signing_certificate.clone(),
            encryption_certificates: enrolled.encryption_certificate.iter().cloned().collect(),
            chain: enrolled.chain.clone(),
        };
        self.store.change(
            name,
            unlocked,
            KeyState::Issued(Box::new(pair)),
            encryption.into_iter().collect(),
            pin,
        )?;
        let issued = self.pairs()?.into_iter().find(|(entry, _)| entry.name == *name);
        let (entry, pair) = issued.ok_or(PhoneError::WrongCertificates("the pair is not in the store"))?;
        Ok(summary(&entry, &pair)?)
    }
}

/// The encryption key, where one came, after everything was checked to belong together. The root is taken as it comes: the operator who
/// gave the code vouches for the broker.
fn checked(enrolled: &Enrolled, signing_key: &PrivateKey) -> Result<Option<PrivateKey>, PhoneError> {
    let wrong = PhoneError::WrongCertificates;
    let signing = Certificate::from_der(enrolled.signing_certificate.as_slice())?;
    if signing.public_key() != signing_key.public_key() {
        return Err(wrong("the signing certificate is for another key"));
    }
    let encryption = match (&enrolled.encryption_certificate, &enrolled.enveloped_key) {
        (None, None) => None,
        (Some(certificate), Some(envelope)) => {
            let certificate = Certificate::from_der(certificate.as_slice())?;
            let key = EnvelopedKey::from_der(envelope.as_slice())?.open(signing_key)?;
            if certificate.public_key() != key.public_key() {
                return Err(wrong("the encryption certificate is for another key than the one sent with it"));
            }
            Some((certificate, key))
        }
        _ => {
            return Err(wrong(
                "an encryption certificate and its key belong together, and only one of them came",
            ));
        }
    };
    // The keys are SM2 keys; those of the issuers above may be others.
    let issuers: Result<Vec<_>, _> =
        enrolled.chain.iter().map(|der| AnyCertificate::from_der(der.as_slice())).collect();
    let issuers = issuers?;
    let root = issuers.last().ok_or(wrong("the issuers' certificates are missing"))?;
    let now = clock::now().seconds();
    let for_encryption = encryption.iter().map(|(certificate, _)| (certificate, Usage::Encryption));
    for (certificate, usage) in std::iter::once((&signing, Usage::Signing)).chain(for_encryption) {
        chain::find_path(certificate.as_any(), &issuers, std::slice::from_ref(root), now, usage).map_err(
            |_| wrong("a certificate does not lead to the root sent with it, or is not valid now"),
        )?;
    }
    Ok(encryption.map(|(_, key)| key))
}
