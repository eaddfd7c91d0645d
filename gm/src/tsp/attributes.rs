//! The signed attributes of a token (RFC 3161, 2.4.2; RFC 5035; RFC 5816).

use const_oid::ObjectIdentifier;
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{OctetString, Uint},
    referenced::OwnedToRef,
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::name::GeneralName;

use super::Error;
use crate::{
    Error as Primitive,
    cms::{Attribute, SetOf, single_value},
    hash::HashAlgorithm,
    oid,
    x509::AnyCertificate,
};

const SIGNING_CERTIFICATE: &str = "SigningCertificateV2";

/// ```text
/// SigningCertificateV2 ::= SEQUENCE {                     -- RFC 5035, 3
///   certs     SEQUENCE OF ESSCertIDv2,
///   policies  SEQUENCE OF PolicyInformation OPTIONAL }
/// ```
#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
    policies: Option<Vec<Any>>,
}

/// ```text
/// ESSCertIDv2 ::= SEQUENCE {                              -- RFC 5035, 4
///   hashAlgorithm  AlgorithmIdentifier DEFAULT { algorithm id-sha256 },
///   certHash       OCTET STRING,
///   issuerSerial   IssuerSerial OPTIONAL }
/// IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber CertificateSerialNumber }
/// ```
#[derive(Sequence)]
struct EssCertIdV2 {
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    cert_hash: OctetString,
    issuer_serial: Option<IssuerSerial>,
}

#[derive(Sequence)]
struct IssuerSerial {
    issuer: Vec<GeneralName>,
    serial_number: Uint,
}

/// ```text
/// SigningCertificate ::= SEQUENCE {                       -- RFC 2634, 5.4
///   certs     SEQUENCE OF ESSCertID,
///   policies  SEQUENCE OF PolicyInformation OPTIONAL }
/// ESSCertID ::= SEQUENCE { certHash OCTET STRING, issuerSerial IssuerSerial OPTIONAL }   -- by SHA-1
/// ```
#[derive(Sequence)]
struct SigningCertificate {
    certs: Vec<EssCertId>,
    policies: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct EssCertId {
    cert_hash: OctetString,
    issuer_serial: Option<IssuerSerial>,
}

/// The attributes to sign over a TSTInfo with this SM3 digest: contentType, messageDigest and signingCertificateV2,
/// which names the signer's certificate by SM3.
pub(super) fn build(content_digest: &[u8], signer: &AnyCertificate) -> Result<SetOf<Attribute>, Error> {
    let encode = || {
        let hash = HashAlgorithm::Sm3;
        let id = EssCertIdV2 {
            hash_algorithm: Some(AlgorithmIdentifierOwned { oid: hash.oid(), parameters: None }),
            cert_hash: OctetString::new(hash.digest(signer.der()))?,
            issuer_serial: Some(IssuerSerial {
                issuer: vec![GeneralName::DirectoryName(x509_cert::name::Name::from_der(
                    signer.issuer().as_der(),
                )?)],
                serial_number: Uint::new(signer.serial().as_bytes())?,
            }),
        };
        SetOf::sorted(vec![
            Attribute::single(oid::CONTENT_TYPE, &oid::TST_INFO)?,
            Attribute::single(oid::MESSAGE_DIGEST, &OctetString::new(content_digest)?)?,
            Attribute::single(
                oid::SIGNING_CERTIFICATE_V2,
                &SigningCertificateV2 { certs: vec![id], policies: None },
            )?,
        ])
    };
    Ok(encode().map_err(Primitive::encoding("SignedAttributes"))?)
}

/// Whether the attributes are those of a TSTInfo with this digest.
pub(super) fn check_content(attributes: &SetOf<Attribute>, content_digest: &[u8]) -> Result<(), Error> {
    let content_type = value::<ObjectIdentifier>(attributes, oid::CONTENT_TYPE)?;
    if content_type != Some(oid::TST_INFO) {
        return Err(Error::Token("the attribute contentType must be id-ct-TSTInfo"));
    }
    let digest = value::<OctetString>(attributes, oid::MESSAGE_DIGEST)?
        .ok_or(Error::Token("the attribute messageDigest is missing"))?;
    if digest.as_bytes() != content_digest {
        return Err(Error::Signature);
    }
    Ok(())
}

/// Whether the first certificate that signingCertificateV2 names is `signer`. The older signingCertificate, by SHA-1,
/// is taken where the newer is missing: it only tells certificates apart whose keys all verified the signature.
pub(super) fn check_signer(attributes: &SetOf<Attribute>, signer: &AnyCertificate) -> Result<(), Error> {
    let (hash, cert_hash, issuer_serial) =
        if let Some(named) = value::<SigningCertificateV2>(attributes, oid::SIGNING_CERTIFICATE_V2)? {
            let first = named.certs.into_iter().next().ok_or(Error::SigningCertificate)?;
            let hash = match &first.hash_algorithm {
                None => HashAlgorithm::Sha256,
                Some(hash) => HashAlgorithm::from_identifier(SIGNING_CERTIFICATE, &hash.owned_to_ref())?,
            };
            (hash, first.cert_hash, first.issuer_serial)
        } else if let Some(named) = value::<SigningCertificate>(attributes, oid::SIGNING_CERTIFICATE)? {
            let first = named.certs.into_iter().next().ok_or(Error::SigningCertificate)?;
            (HashAlgorithm::Sha1, first.cert_hash, first.issuer_serial)
        } else {
            return Err(Error::Token("the attribute signingCertificateV2 is missing"));
        };
    let same_serial = issuer_serial.is_none_or(|named| {
        let issuer = |name: &GeneralName| match name {
            GeneralName::DirectoryName(name) => {
                name.to_der().is_ok_and(|name| name == signer.issuer().as_der())
            }
            _ => false,
        };
        named.issuer.iter().any(issuer) && named.serial_number.as_bytes() == signer.serial().as_bytes()
    });
    if same_serial && hash.digest(signer.der()) == cert_hash.as_bytes() {
        return Ok(());
    }
    Err(Error::SigningCertificate)
}

fn value<T>(attributes: &SetOf<Attribute>, kind: ObjectIdentifier) -> Result<Option<T>, Error>
where
    T: der::DecodeOwned<Error = der::Error>,
{
    let single = single_value(attributes, kind)
        .map_err(|_| Error::Token("a signed attribute occurs twice or has not exactly one value"))?;
    let decode = |any: &Any| T::from_der(&any.to_der()?);
    Ok(single.map(decode).transpose().map_err(Primitive::encoding("SignedAttributes"))?)
}
