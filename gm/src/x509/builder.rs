//! Issuing certificates.

use der::{Decode, Encode, asn1::AnyRef};
use x509_cert::{certificate::Version, ext::Extension, time::Validity};

use super::{
    BasicConstraints, Certificate, DistinguishedName, IdentityCode, KeyUsage, SerialNumber,
    certificate::TbsCertificate,
    extension::{self, extension},
    signed::{self, sm2_with_sm3},
    time::to_time,
};
use crate::{Error, oid, sm2, sm3};

const STRUCTURE: &str = "TBSCertificate";

/// What a certificate is for; decides basicConstraints and keyUsage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// A root: CA, keyCertSign and cRLSign.
    RootCa,
    /// A CA below another: CA with a limit, keyCertSign and cRLSign.
    IssuingCa {
        /// How many further CAs may stand below it.
        path_len: Option<u8>,
    },
    /// A signing certificate (签名证书): digitalSignature and nonRepudiation.
    Signing,
    /// An encryption certificate (加密证书): keyEncipherment, dataEncipherment and keyAgreement.
    Encryption,
}

impl Profile {
    /// The keyUsage that such a certificate has.
    pub const fn key_usage(self) -> KeyUsage {
        match self {
            Self::RootCa | Self::IssuingCa { .. } => KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN),
            Self::Signing => KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::NON_REPUDIATION),
            Self::Encryption => {
                KeyUsage::KEY_ENCIPHERMENT.union(KeyUsage::DATA_ENCIPHERMENT).union(KeyUsage::KEY_AGREEMENT)
            }
        }
    }

    const fn basic_constraints(self) -> BasicConstraints {
        match self {
            Self::RootCa => BasicConstraints { ca: true, path_len: None },
            Self::IssuingCa { path_len } => BasicConstraints { ca: true, path_len },
            Self::Signing | Self::Encryption => BasicConstraints { ca: false, path_len: None },
        }
    }
}

/// Builds a version 3 certificate with the extensions basicConstraints and keyUsage (both critical),
/// subjectKeyIdentifier, authorityKeyIdentifier, and those asked for.
#[derive(Clone, Debug)]
pub struct CertificateBuilder {
    profile: Profile,
    subject: DistinguishedName,
    public_key: sm2::PublicKey,
    serial: SerialNumber,
    not_before: i64,
    not_after: i64,
    crl_distribution_point: Option<String>,
    identity_code: Option<IdentityCode>,
}

impl CertificateBuilder {
    /// A certificate for `public_key`, valid from `not_before` through `not_after` (Unix seconds).
    pub fn new(
        profile: Profile,
        subject: DistinguishedName,
        public_key: sm2::PublicKey,
        serial: SerialNumber,
        not_before: i64,
        not_after: i64,
    ) -> Self {
        Self {
            profile,
            subject,
            public_key,
            serial,
            not_before,
            not_after,
            crl_distribution_point: None,
            identity_code: None,
        }
    }

    /// Says where the issuer publishes its revocation list.
    #[must_use]
    pub fn crl_distribution_point(mut self, uri: &str) -> Self {
        self.crl_distribution_point = Some(uri.to_owned());
        self
    }

    /// Adds the person's identity code (GM/T 0015). Whoever reads the certificate reads the number.
    #[must_use]
    pub fn identity_code(mut self, code: IdentityCode) -> Self {
        self.identity_code = Some(code);
        self
    }

    /// Signs it as `issuer`.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when `key` is not the issuer's, [`Error::Invalid`] when the issuer is no CA or a value
    /// can't stand in a certificate, [`Error::Randomness`].
    pub fn sign(&self, issuer: &Certificate, key: &sm2::PrivateKey) -> Result<Certificate, Error> {
        if !issuer.is_ca() {
            return Err(Error::Invalid {
                structure: STRUCTURE,
                reason: "the issuer's certificate is no CA's",
            });
        }
        if issuer.public_key() != key.public_key() {
            return Err(Error::KeyMismatch { structure: "issuer's certificate" });
        }
        let key_identifier = match issuer.subject_key_identifier() {
            Some(identifier) => identifier.to_vec(),
            None => key_identifier(issuer.public_key()),
        };
        self.sign_as(issuer.subject(), &key_identifier, key)
    }

    /// Signs it with its own key.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when `key` is not that of the certificate, and as [`sign`](Self::sign).
    pub fn self_sign(&self, key: &sm2::PrivateKey) -> Result<Certificate, Error> {
        if self.public_key != *key.public_key() {
            return Err(Error::KeyMismatch { structure: STRUCTURE });
        }
        self.sign_as(&self.subject, &key_identifier(&self.public_key), key)
    }

    fn sign_as(
        &self,
        issuer: &DistinguishedName,
        issuer_key_identifier: &[u8],
        key: &sm2::PrivateKey,
    ) -> Result<Certificate, Error> {
        let spki = self.public_key.to_spki_der()?;
        let any = |der| AnyRef::from_der(der).map_err(Error::encoding(STRUCTURE));
        let to_be_signed = TbsCertificate {
            version: Version::V3,
            serial_number: self.serial.as_uint()?,
            signature: sm2_with_sm3(),
            issuer: any(issuer.as_der())?,
            validity: Validity::new(
                to_time(STRUCTURE, self.not_before)?,
                to_time(STRUCTURE, self.not_after)?,
            ),
            subject: any(self.subject.as_der())?,
            subject_public_key_info: any(&spki)?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(self.extensions(issuer_key_identifier)?),
        };
        let to_be_signed = to_be_signed.to_der().map_err(Error::encoding(STRUCTURE))?;
        // Reading it back makes the builder as strict as the parser.
        Certificate::from_der(&signed::sign("Certificate", &to_be_signed, key)?)
    }

    fn extensions(&self, issuer_key_identifier: &[u8]) -> Result<Vec<Extension>, Error> {
        let mut extensions = vec![
            self.profile.basic_constraints().to_extension()?,
            self.profile.key_usage().to_extension()?,
            extension::subject_key_identifier(&key_identifier(&self.public_key))?,
            extension::authority_key_identifier(issuer_key_identifier)?,
        ];
        if let Some(uri) = &self.crl_distribution_point {
            extensions.push(extension::crl_distribution_point(uri)?);
        }
        if let Some(code) = &self.identity_code {
            let value = code.to_der()?;
            let value = AnyRef::from_der(&value).map_err(Error::encoding("IdentityCode"))?;
            extensions.push(extension("IdentityCode", oid::IDENTITY_CODE, false, &value)?);
        }
        Ok(extensions)
    }
}

/// The leftmost 160 bits of the key's SM3: RFC 7093, 2, method 1, with SM3 in SHA-256's place.
fn key_identifier(key: &sm2::PublicKey) -> Vec<u8> {
    sm3::digest(&key.to_sec1()).as_bytes()[..20].to_vec()
}
