//! Certificates of any accepted algorithm, read once and checked for form.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock},
};

use const_oid::ObjectIdentifier;
use der::{
    Decode, Encode, Sequence,
    asn1::{AnyRef, BitStringRef, UintRef},
    pem::LineEnding,
};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use x509_cert::{certificate::Version, ext::Extension, time::Validity};

use super::{
    AccessLocations, BasicConstraints, DistinguishedName, IdentityCode, KeyUsage, PublicKey, SerialNumber,
    SignatureAlgorithm,
    extension::Extensions,
    signed::{Signature, Signed},
    time::from_time,
};
use crate::{Error, error::require_canonical, oid, sm3};

pub(super) const STRUCTURE: &str = "Certificate";
const TBS: &str = "TBSCertificate";
pub(super) const PEM_LABEL: &str = "CERTIFICATE";

/// ```text
/// TBSCertificate ::= SEQUENCE {                           -- RFC 5280, 4.1
///   version          [0] EXPLICIT Version DEFAULT v1,
///   serialNumber     CertificateSerialNumber,
///   signature        AlgorithmIdentifier,
///   issuer           Name,
///   validity         Validity,
///   subject          Name,
///   subjectPublicKeyInfo SubjectPublicKeyInfo,
///   issuerUniqueID   [1] IMPLICIT UniqueIdentifier OPTIONAL,
///   subjectUniqueID  [2] IMPLICIT UniqueIdentifier OPTIONAL,
///   extensions       [3] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
pub(super) struct TbsCertificate<'a> {
    #[asn1(context_specific = "0", default = "Default::default")]
    pub(super) version: Version,
    pub(super) serial_number: UintRef<'a>,
    pub(super) signature: AlgorithmIdentifierRef<'a>,
    pub(super) issuer: AnyRef<'a>,
    pub(super) validity: Validity,
    pub(super) subject: AnyRef<'a>,
    pub(super) subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) issuer_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) subject_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

/// A version 3 certificate with an SM2, RSA or ECDSA key, signed with any [`SignatureAlgorithm`].
///
/// [`Certificate`](super::Certificate) is one with SM2 throughout, and dereferences to this. Cloning is cheap. Equal
/// when the DER is equal.
#[derive(Clone)]
pub struct AnyCertificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    signature: Signature,
    serial: SerialNumber,
    issuer: DistinguishedName,
    subject: DistinguishedName,
    not_before: i64,
    not_after: i64,
    public_key: PublicKey,
    subject_public_key: Vec<u8>,
    extensions: Extensions,
    fingerprint: OnceLock<sm3::Digest>,
}

/// What names a certificate for good: who issued it, and under which number.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IssuerAndSerial {
    /// The issuer's name.
    pub issuer: DistinguishedName,
    /// The number it gave.
    pub serial: SerialNumber,
}

impl AnyCertificate {
    /// Reads a certificate. Its signature is checked by [`verify_signature`](Self::verify_signature), its meaning by
    /// [`chain::find_path`](super::chain::find_path).
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure; [`Error::Algorithm`] for a
    /// key or signature of another kind, [`Error::WeakAlgorithm`] for a signature over SHA-1 or MD5; what
    /// [`PublicKey::from_spki_der`] says of the key; [`Error::Scalar`] for an SM2 signature's r or s out of range;
    /// [`Error::Invalid`] for another version, an empty issuer, a validity that ends before it begins, or an extension
    /// that appears twice.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        Self::from_signed(der, &Signed::from_der(STRUCTURE, der)?, PublicKey::from_spki_der)
    }

    /// Reads what `signed` holds, and its key with `read_key`.
    pub(super) fn from_signed(
        der: &[u8],
        signed: &Signed<'_>,
        read_key: fn(&[u8]) -> Result<PublicKey, Error>,
    ) -> Result<Self, Error> {
        let tbs = TbsCertificate::from_der(signed.to_be_signed).map_err(Error::encoding(TBS))?;
        require_canonical(TBS, &tbs, signed.to_be_signed)?;
        let invalid = |reason| Err(Error::Invalid { structure: TBS, reason });
        if tbs.version != Version::V3 {
            return invalid("version must be v3");
        }
        if tbs.signature != signed.algorithm {
            return invalid("signature must name the algorithm that the certificate is signed with");
        }
        let any = |any: &AnyRef<'_>| any.to_der().map_err(Error::encoding(TBS));
        let issuer = DistinguishedName::from_der(&any(&tbs.issuer)?)?;
        if issuer.is_empty() {
            return invalid("issuer must not be empty");
        }
        let not_before = from_time(TBS, &tbs.validity.not_before)?;
        let not_after = from_time(TBS, &tbs.validity.not_after)?;
        if not_after < not_before {
            return invalid("notAfter must not be before notBefore");
        }
        let spki = any(&tbs.subject_public_key_info)?;
        Ok(Self(Arc::new(Parsed {
            der: der.to_vec(),
            to_be_signed: signed.to_be_signed.to_vec(),
            signature: signed.signature.clone(),
            serial: SerialNumber::from_bytes(tbs.serial_number.as_bytes())?,
            issuer,
            subject: DistinguishedName::from_der(&any(&tbs.subject)?)?,
            not_before,
            not_after,
            public_key: read_key(&spki)?,
            subject_public_key: subject_public_key(&spki)?,
            extensions: Extensions::new(tbs.extensions.unwrap_or_default())?,
            fingerprint: OnceLock::new(),
        })))
    }

    /// Reads the PEM form, label `CERTIFICATE`, of exactly one certificate.
    ///
    /// # Errors
    /// [`Error::Pem`], and as [`from_der`](Self::from_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_der(&super::signed::decode_pem(STRUCTURE, PEM_LABEL, pem)?)
    }

    /// Reads one certificate after the other; what stands between them (as OpenSSL writes it) is skipped.
    ///
    /// # Errors
    /// [`Error::Pem`] when there is none or one doesn't end, and as [`from_pem`](Self::from_pem).
    pub fn chain_from_pem(pem: &str) -> Result<Vec<Self>, Error> {
        super::signed::pem_blocks(STRUCTURE, PEM_LABEL, pem)?.iter().map(|der| Self::from_der(der)).collect()
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The PEM form, label `CERTIFICATE`, lines ended by LF.
    pub fn to_pem(&self) -> Result<String, Error> {
        der::pem::encode_string(PEM_LABEL, LineEnding::LF, &self.0.der).map_err(Error::pem(STRUCTURE))
    }

    /// Whose key it is.
    pub fn subject(&self) -> &DistinguishedName {
        &self.0.subject
    }

    /// Who signed it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// The subject's first CN.
    pub fn common_name(&self) -> Option<String> {
        self.0.subject.common_name()
    }

    /// The subject's first O.
    pub fn organization(&self) -> Option<String> {
        self.0.subject.organization()
    }

    /// The subject's first attribute of this type, when it is text.
    pub fn subject_attribute(&self, attribute: &ObjectIdentifier) -> Option<String> {
        self.0.subject.attribute(attribute)
    }

    /// The number its issuer gave it.
    pub fn serial(&self) -> &SerialNumber {
        &self.0.serial
    }

    /// Issuer and serial number together.
    pub fn issuer_and_serial(&self) -> IssuerAndSerial {
        IssuerAndSerial { issuer: self.0.issuer.clone(), serial: self.0.serial }
    }

    /// First second of validity, Unix time.
    pub fn not_before(&self) -> i64 {
        self.0.not_before
    }

    /// Last second of validity, Unix time.
    pub fn not_after(&self) -> i64 {
        self.0.not_after
    }

    /// Whether `at` (Unix seconds) lies within the validity, both ends included.
    pub fn is_valid_at(&self, at: i64) -> bool {
        (self.0.not_before..=self.0.not_after).contains(&at)
    }

    /// The subject's public key, of whatever kind.
    pub fn any_public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// The bits of `subjectPublicKey`: what key identifiers and OCSP's key hash are taken over.
    pub fn subject_public_key(&self) -> &[u8] {
        &self.0.subject_public_key
    }

    /// What the certificate is signed with.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.0.signature.algorithm()
    }

    /// The purposes of extKeyUsage; `None` when the certificate doesn't restrict them.
    pub fn extended_key_usage(&self) -> Option<&[ObjectIdentifier]> {
        self.0.extensions.extended_key_usage.as_deref()
    }

    /// The certificate policies that its issuer claims, without their qualifiers.
    pub fn certificate_policies(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.certificate_policies
    }

    /// Whether the certificate of an OCSP responder need not itself be checked (id-pkix-ocsp-nocheck).
    pub fn has_ocsp_no_check(&self) -> bool {
        self.extension(&oid::OCSP_NO_CHECK).is_some()
    }

    /// What the key may be used for; `None` when the certificate doesn't say.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// Whether the subject is a CA, and how far its chains may reach; `None` when the certificate doesn't say.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.0.extensions.basic_constraints
    }

    /// Whether the subject may issue certificates.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|constraints| constraints.ca)
    }

    /// The name of the subject's key.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_identifier.as_deref()
    }

    /// The name of the issuer's key.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.0.extensions.authority_key_identifier.as_deref()
    }

    /// The person's identity code, when the certificate carries one (GM/T 0015).
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::Invalid`] when the extension isn't one of the standard's three forms;
    /// [`extension`](Self::extension) gives its bytes.
    pub fn identity_code(&self) -> Result<Option<IdentityCode>, Error> {
        self.extension(&oid::IDENTITY_CODE).map(IdentityCode::from_der).transpose()
    }

    /// The URIs under which the issuer publishes its revocation list.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the extension can't be read.
    pub fn crl_distribution_points(&self) -> Result<Vec<String>, Error> {
        self.0.extensions.crl_distribution_points()
    }

    /// The URIs under which the issuer publishes delta lists.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the extension can't be read.
    pub fn freshest_crl(&self) -> Result<Vec<String>, Error> {
        self.0.extensions.freshest_crl()
    }

    /// Where the issuer's OCSP responder and the issuer's own certificate are found.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the extension can't be read.
    pub fn authority_info_access(&self) -> Result<AccessLocations, Error> {
        self.0.extensions.authority_info_access()
    }

    /// The DER value of an extension, critical or not.
    pub fn extension(&self, extension: &ObjectIdentifier) -> Option<&[u8]> {
        self.0.extensions.value(extension)
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// SM3 of the DER.
    pub fn fingerprint(&self) -> sm3::Digest {
        *self.0.fingerprint.get_or_init(|| sm3::digest(&self.0.der))
    }

    /// The DER of the `TBSCertificate`, which the signature is over.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.0.to_be_signed
    }

    /// Whether the issuer's name is the subject's.
    pub fn is_self_issued(&self) -> bool {
        self.0.issuer == self.0.subject
    }

    /// Whether `issuer` signed this certificate: its name is the issuer's, and its key verifies.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another name, [`Error::Signature`], [`Error::KeyAlgorithm`].
    pub fn verify_signature(&self, issuer: &Self) -> Result<(), Error> {
        if self.0.issuer != issuer.0.subject {
            return Err(Error::Invalid { structure: STRUCTURE, reason: "was issued under another name" });
        }
        self.0.signature.verify(&issuer.0.public_key, &self.0.to_be_signed)
    }
}

impl PartialEq for AnyCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for AnyCertificate {}

impl Hash for AnyCertificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.der.hash(state);
    }
}

impl fmt::Debug for AnyCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.0.subject, self.0.serial)
    }
}

fn subject_public_key(spki: &[u8]) -> Result<Vec<u8>, Error> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki).map_err(Error::encoding("SubjectPublicKeyInfo"))?;
    Ok(spki.subject_public_key.raw_bytes().to_vec())
}
