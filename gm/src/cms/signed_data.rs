//! SignedData: reading a signed message.

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

use super::set::SetOf;
use super::signer_info::SignerInfo;
use super::{Arc, ContentKind, Error, PartyId};
use crate::error::require_canonical;
use crate::x509::Certificate;

/// A signed message that was read.
///
/// Reading it says nothing about its signatures: see [`verify_detached`](Self::verify_detached) and
/// [`verify_attached`](Self::verify_attached).
#[derive(Clone, Debug)]
pub struct SignedData {
    pub(super) arc: Arc,
    pub(super) content_type: ObjectIdentifier,
    pub(super) content: Option<Vec<u8>>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) signers: Vec<SignerInfo>,
}

/// ```text
/// ContentInfo ::= SEQUENCE {
///     contentType  OBJECT IDENTIFIER,
///     content  [0] EXPLICIT SignedData }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(crate) struct SignedContentInfo {
    pub(crate) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true")]
    pub(crate) content: SignedDataBody,
}

/// ```text
/// SignedData ::= SEQUENCE {
///     version           INTEGER (1, or 3 with a signer of version 3),
///     digestAlgorithms  SET OF AlgorithmIdentifier,
///     contentInfo       EncapsulatedContentInfo,
///     certificates  [0] IMPLICIT SET OF Certificate OPTIONAL,
///     crls          [1] IMPLICIT SET OF CertificateList OPTIONAL,
///     signerInfos       SET OF SignerInfo }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(crate) struct SignedDataBody {
    pub(crate) version: u8,
    pub(crate) digest_algorithms: SetOf<AlgorithmIdentifierOwned>,
    pub(crate) content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(crate) certificates: Option<SetOf<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(crate) crls: Option<SetOf<Any>>,
    pub(crate) signer_infos: SetOf<SignerInfo>,
}

/// ```text
/// EncapsulatedContentInfo ::= SEQUENCE {
///     contentType  OBJECT IDENTIFIER,
///     content  [0] EXPLICIT OCTET STRING OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(crate) struct EncapsulatedContentInfo {
    pub(crate) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true", optional = "true")]
    pub(crate) content: Option<OctetString>,
}

impl SignedData {
    /// Reads a message of either arc, with or without its content and signed attributes.
    ///
    /// Bytes must be DER; only the order of certificates, CRLs and signers is free. A message
    /// without a signer (a bare bag of certificates) is refused, since verifying it would say
    /// nothing and look like success.
    ///
    /// # Errors
    /// [`Error::Asn1`] for other bytes, [`Error::ContentType`], [`Error::Version`],
    /// [`Error::Malformed`], and [`Error::Primitive`] for a certificate that can't be read.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let message = SignedContentInfo::from_der(der)?;
        require_canonical("SignedData", &message, der)?;
        let arc = Arc::of(message.content_type, ContentKind::SignedData)?;
        let body = message.content;
        let signers = body.signer_infos.into_vec();
        if signers.is_empty() {
            return Err(Error::Malformed { what: "SignedData", reason: "it has no signer" });
        }
        let content_type = body.content_info.content_type;
        check_versions(body.version, &signers, content_type == arc.content_type(ContentKind::Data))?;
        let digest_algorithms = body.digest_algorithms.as_slice();
        let listed = |signer: &SignerInfo| {
            digest_algorithms.iter().any(|listed| listed.oid == signer.digest_algorithm.oid)
        };
        if !signers.iter().all(listed) {
            return Err(Error::Malformed {
                what: "SignedData",
                reason: "a signer's digest algorithm is not among digestAlgorithms",
            });
        }
        let certificates = body.certificates.map_or_else(Vec::new, SetOf::into_vec);
        let certificates = certificates
            .iter()
            .map(|certificate| Ok(Certificate::from_der(&certificate.to_der()?)?))
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            arc,
            content_type,
            content: body.content_info.content.map(|content| content.into_bytes().into_vec()),
            certificates,
            signers,
        })
    }

    /// The arc of the message's object identifiers.
    #[must_use]
    pub fn arc(&self) -> Arc {
        self.arc
    }

    /// The type of what was signed; [`ContentKind::Data`] of the arc in the usual case.
    #[must_use]
    pub fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// What was signed, if the message carries it.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The certificates that the message carries: the signers' and often their issuers'.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// How many signers there are, at least one.
    #[must_use]
    pub fn signer_count(&self) -> usize {
        self.signers.len()
    }

    /// The signature value of the signer at `index`, over which a timestamp is taken.
    #[must_use]
    pub fn signature(&self, index: usize) -> Option<&[u8]> {
        self.signers.get(index).map(|signer| signer.signature.as_bytes())
    }

    /// DER of each value of the unsigned attribute `kind` of the signer at `index`, such as a
    /// timestamp token ([`TIME_STAMP_TOKEN`](crate::oid::TIME_STAMP_TOKEN)).
    ///
    /// # Errors
    /// [`Error::Asn1`] if a value is longer than DER can say.
    pub fn unsigned_attribute(&self, index: usize, kind: ObjectIdentifier) -> Result<Vec<Vec<u8>>, Error> {
        let attributes = self.signers.get(index).and_then(|signer| signer.unsigned_attributes.as_ref());
        let values = attributes
            .into_iter()
            .flat_map(SetOf::as_slice)
            .filter(|attribute| attribute.kind == kind)
            .flat_map(|attribute| attribute.values.as_slice());
        values.map(|value| Ok(value.to_der()?)).collect()
    }
}

/// A signer with a subjectKeyIdentifier has version 3, any other version 1; the message has version 3
/// for such a signer or for content other than data, else 1 (RFC 5652 clauses 5.1 and 5.3).
fn check_versions(message: u8, signers: &[SignerInfo], content_is_data: bool) -> Result<(), Error> {
    let mut newest = 1;
    for signer in signers {
        let expected = match signer.signer {
            PartyId::IssuerAndSerialNumber(_) => 1,
            PartyId::SubjectKeyIdentifier(_) => 3,
        };
        if signer.version != expected {
            return Err(Error::Version { what: "SignerInfo", found: signer.version });
        }
        newest = newest.max(expected);
    }
    if message == newest || (message == 3 && !content_is_data) {
        return Ok(());
    }
    Err(Error::Version { what: "SignedData", found: message })
}
