//! Certificate requests, PKCS#10 (RFC 2986).

use std::fmt;

use der::{Decode, Encode, Sequence, asn1::AnyRef, pem::LineEnding};
use x509_cert::{attr::Attributes, request::Version};

use super::{
    DistinguishedName,
    signed::{self, Signed, decode_pem},
};
use crate::{Error, error::require_canonical, sm2};

const STRUCTURE: &str = "CertificationRequest";
const INFO: &str = "CertificationRequestInfo";
const PEM_LABEL: &str = "CERTIFICATE REQUEST";

/// ```text
/// CertificationRequestInfo ::= SEQUENCE {                 -- RFC 2986, 4.1
///   version        INTEGER { v1(0) },
///   subject        Name,
///   subjectPKInfo  SubjectPublicKeyInfo,
///   attributes     [0] IMPLICIT SET OF Attribute }
/// ```
#[derive(Sequence)]
struct Info<'a> {
    version: Version,
    subject: AnyRef<'a>,
    subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    attributes: Attributes,
}

/// A request for a certificate, signed with the key that it is for.
#[derive(Clone, Eq, PartialEq)]
pub struct CertificateRequest {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    signature: sm2::Signature,
    subject: DistinguishedName,
    public_key: sm2::PublicKey,
}

impl CertificateRequest {
    /// Makes a request without attributes.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn build(subject: &DistinguishedName, key: &sm2::PrivateKey) -> Result<Self, Error> {
        let spki = key.public_key().to_spki_der()?;
        let any = |der| AnyRef::from_der(der).map_err(Error::encoding(INFO));
        let info = Info {
            version: Version::V1,
            subject: any(subject.as_der())?,
            subject_public_key_info: any(&spki)?,
            attributes: Attributes::default(),
        };
        let info = info.to_der().map_err(Error::encoding(INFO))?;
        Self::from_der(&signed::sign(STRUCTURE, &info, key)?)
    }

    /// Reads a request; its signature is checked by [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure; [`Error::Algorithm`],
    /// [`Error::Curve`], [`Error::Point`] and [`Error::Scalar`] for a key or signature that isn't SM2.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let signed = Signed::from_der(STRUCTURE, der)?;
        let info = Info::from_der(signed.to_be_signed).map_err(Error::encoding(INFO))?;
        require_canonical(INFO, &info, signed.to_be_signed)?;
        let any = |any: &AnyRef<'_>| any.to_der().map_err(Error::encoding(INFO));
        Ok(Self {
            der: der.to_vec(),
            to_be_signed: signed.to_be_signed.to_vec(),
            signature: *signed.sm2_signature(STRUCTURE)?,
            subject: DistinguishedName::from_der(&any(&info.subject)?)?,
            public_key: sm2::PublicKey::from_spki_der(&any(&info.subject_public_key_info)?)?,
        })
    }

    /// Reads the PEM form, label `CERTIFICATE REQUEST`.
    ///
    /// # Errors
    /// [`Error::Pem`], and as [`from_der`](Self::from_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_der(&decode_pem(STRUCTURE, PEM_LABEL, pem)?)
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The PEM form, label `CERTIFICATE REQUEST`, lines ended by LF.
    pub fn to_pem(&self) -> Result<String, Error> {
        der::pem::encode_string(PEM_LABEL, LineEnding::LF, &self.der).map_err(Error::pem(STRUCTURE))
    }

    /// The DER of the `CertificationRequestInfo`, which the signature is over.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// Proof of possession: the request is signed with the private key of its public key.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn verify(&self) -> Result<(), Error> {
        self.public_key.verify(&self.to_be_signed, &self.signature)
    }

    /// The key that the certificate is asked for.
    pub fn public_key(&self) -> &sm2::PublicKey {
        &self.public_key
    }

    /// The name that the certificate is asked for.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRequest({})", self.subject)
    }
}
