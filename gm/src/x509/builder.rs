//! Issuing certificates.

use const_oid::ObjectIdentifier;
use der::{Decode, Encode, asn1::AnyRef};
use x509_cert::{certificate::Version, ext::Extension, time::Validity};

use super::{
    AccessLocations, BasicConstraints, Certificate, DistinguishedName, IdentityCode, KeyUsage, SerialNumber,
    any_certificate::TbsCertificate,
    extension::{self, extension},
    location,
    signed::{self, sm2_with_sm3},
    time::to_time,
};
use crate::{Error, oid, sm2, sm3};

const STRUCTURE: &str = "TBSCertificate";

/// What a certificate is for; decides basicConstraints, keyUsage and extKeyUsage.
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
    /// An OCSP responder's, issued by the CA it answers for: digitalSignature, extKeyUsage OCSPSigning, and
    /// id-pkix-ocsp-nocheck, so that it should be valid for a short time only (RFC 6960, 4.2.2.2).
    OcspSigner,
    /// A time stamping authority's: digitalSignature, and extKeyUsage timeStamping alone and critical (RFC 3161, 2.3).
    TimeStamping,
}

impl Profile {
    /// The keyUsage that such a certificate has.
    pub const fn key_usage(self) -> KeyUsage {
        match self {
            Self::RootCa | Self::IssuingCa { .. } => KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN),
            Self::OcspSigner => KeyUsage::DIGITAL_SIGNATURE,
            Self::Signing | Self::TimeStamping => {
                KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::NON_REPUDIATION)
            }
            Self::Encryption => {
                KeyUsage::KEY_ENCIPHERMENT.union(KeyUsage::DATA_ENCIPHERMENT).union(KeyUsage::KEY_AGREEMENT)
            }
        }
    }

    const fn basic_constraints(self) -> BasicConstraints {
        match self {
            Self::RootCa => BasicConstraints { ca: true, path_len: None },
            Self::IssuingCa { path_len } => BasicConstraints { ca: true, path_len },
            Self::Signing | Self::Encryption | Self::OcspSigner | Self::TimeStamping => {
                BasicConstraints { ca: false, path_len: None }
            }
        }
    }

    /// The extensions that only this kind of certificate has.
    fn own_extensions(self) -> Result<Vec<Extension>, Error> {
        match self {
            Self::OcspSigner => Ok(vec![
                extension::extended_key_usage(&[oid::OCSP_SIGNING], false)?,
                extension::ocsp_no_check()?,
            ]),
            Self::TimeStamping => Ok(vec![extension::extended_key_usage(&[oid::TIME_STAMPING], true)?]),
            Self::RootCa | Self::IssuingCa { .. } | Self::Signing | Self::Encryption => Ok(Vec::new()),
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
    freshest_crl: Option<String>,
    access: AccessLocations,
    policies: Vec<ObjectIdentifier>,
    purposes: Vec<ObjectIdentifier>,
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
            freshest_crl: None,
            access: AccessLocations::default(),
            policies: Vec::new(),
            purposes: Vec::new(),
            identity_code: None,
        }
    }

    /// Says where the issuer publishes its revocation list.
    #[must_use]
    pub fn crl_distribution_point(mut self, uri: &str) -> Self {
        self.crl_distribution_point = Some(uri.to_owned());
        self
    }

    /// Says where the issuer publishes delta lists (freshestCRL).
    #[must_use]
    pub fn freshest_crl(mut self, uri: &str) -> Self {
        self.freshest_crl = Some(uri.to_owned());
        self
    }

    /// Says where the issuer's OCSP responder is (authorityInfoAccess).
    #[must_use]
    pub fn ocsp_responder(mut self, uri: &str) -> Self {
        self.access.ocsp.push(uri.to_owned());
        self
    }

    /// Says where the issuer's own certificate is (authorityInfoAccess).
    #[must_use]
    pub fn ca_issuers(mut self, uri: &str) -> Self {
        self.access.ca_issuers.push(uri.to_owned());
        self
    }

    /// Adds a policy under which the certificate is issued (certificatePolicies).
    #[must_use]
    pub fn certificate_policy(mut self, policy: ObjectIdentifier) -> Self {
        self.policies.push(policy);
        self
    }

    /// Adds a purpose of the key (extKeyUsage, not critical). OCSP responders and time stamping authorities have theirs.
    #[must_use]
    pub fn extended_key_usage(mut self, purpose: ObjectIdentifier) -> Self {
        self.purposes.push(purpose);
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
        extensions.extend(self.profile.own_extensions()?);
        if !self.policies.is_empty() {
            extensions.push(extension::certificate_policies(&self.policies)?);
        }
        if let Some(uri) = &self.crl_distribution_point {
            extensions.push(location::crl_distribution_point(uri)?);
        }
        if let Some(uri) = &self.freshest_crl {
            extensions.push(location::freshest_crl(uri)?);
        }
        if !self.access.is_empty() {
            extensions.push(self.access.to_extension()?);
        }
        if let Some(code) = &self.identity_code {
            let value = code.to_der()?;
            let value = AnyRef::from_der(&value).map_err(Error::encoding("IdentityCode"))?;
            extensions.push(extension("IdentityCode", oid::IDENTITY_CODE, false, &value)?);
        }
        if !self.purposes.is_empty() {
            extensions.push(extension::extended_key_usage(&self.purposes, false)?);
        }
        Ok(extensions)
    }
}

/// The leftmost 160 bits of the key's SM3: RFC 7093, 2, method 1, with SM3 in SHA-256's place.
fn key_identifier(key: &sm2::PublicKey) -> Vec<u8> {
    sm3::digest(&key.to_sec1()).as_bytes()[..20].to_vec()
}
