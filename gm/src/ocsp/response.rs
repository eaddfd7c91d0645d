//! What a responder answers.

use std::fmt;

use der::{
    Choice, Decode, Encode, Enumerated, Sequence,
    asn1::{AnyRef, BitStringRef, GeneralizedTime, OctetString},
};
use spki::AlgorithmIdentifierRef;
use x509_cert::{ext::Extension, name::Name};

use super::{Error, SingleResponse, request::read_nonce, single::SingleFields};
use crate::{
    Error as Primitive,
    error::require_canonical,
    hash::HashAlgorithm,
    oid,
    x509::{AnyCertificate, DistinguishedName, signed::Signature, time},
};

const STRUCTURE: &str = "OCSPResponse";
const BASIC: &str = "BasicOCSPResponse";
pub(super) const DATA: &str = "ResponseData";

/// Whether the responder answered.
///
/// ```text
/// OCSPResponseStatus ::= ENUMERATED { ... }               -- RFC 6960, 4.2.1
/// ```
#[derive(Clone, Copy, Debug, Enumerated, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum ResponseStatus {
    /// 0: the answer is inside.
    Successful = 0,
    /// 1: the request is no OCSPRequest.
    MalformedRequest = 1,
    /// 2: the responder is out of order.
    InternalError = 2,
    /// 3: it can't answer now.
    TryLater = 3,
    /// 5: it wants a signed request.
    SigRequired = 5,
    /// 6: it doesn't answer to this client, or about this certificate.
    Unauthorized = 6,
}

/// ```text
/// OCSPResponse ::= SEQUENCE {                             -- RFC 6960, 4.2.1
///   responseStatus     OCSPResponseStatus,
///   responseBytes  [0] EXPLICIT SEQUENCE {
///     responseType  OBJECT IDENTIFIER,
///     response      OCTET STRING } OPTIONAL }
/// ```
#[derive(Sequence)]
pub(super) struct ResponseFields {
    pub(super) status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) bytes: Option<ResponseBytes>,
}

#[derive(Sequence)]
pub(super) struct ResponseBytes {
    pub(super) kind: der::asn1::ObjectIdentifier,
    pub(super) response: OctetString,
}

/// ```text
/// BasicOCSPResponse ::= SEQUENCE {
///   tbsResponseData     ResponseData,
///   signatureAlgorithm  AlgorithmIdentifier,
///   signature           BIT STRING,
///   certs           [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
/// ```
#[derive(Sequence)]
pub(super) struct BasicFields<'a> {
    pub(super) data: AnyRef<'a>,
    pub(super) algorithm: AlgorithmIdentifierRef<'a>,
    pub(super) signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) certificates: Option<Vec<AnyRef<'a>>>,
}

/// ```text
/// ResponseData ::= SEQUENCE {
///   version             [0] EXPLICIT INTEGER DEFAULT 0,
///   responderID             ResponderID,
///   producedAt              GeneralizedTime,
///   responses               SEQUENCE OF SingleResponse,
///   responseExtensions  [1] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
pub(super) struct DataFields {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    pub(super) version: u8,
    pub(super) responder: ResponderFields,
    pub(super) produced_at: GeneralizedTime,
    pub(super) responses: Vec<SingleFields>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

#[derive(Choice)]
pub(super) enum ResponderFields {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    ByName(Name),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    ByKey(OctetString),
}

/// Who answers.
///
/// ```text
/// ResponderID ::= CHOICE {                                -- RFC 6960, 4.2.1
///   byName [1] EXPLICIT Name,
///   byKey  [2] EXPLICIT OCTET STRING }    -- SHA-1 of the bits of the responder's subjectPublicKey
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ResponderId {
    /// By its certificate's subject.
    ByName(DistinguishedName),
    /// By the hash of its key: SHA-1 by the standard; SM3 is understood too, told by its length.
    ByKey(Vec<u8>),
}

/// A response, read. What it says counts only after [`verify`](Self::verify).
#[derive(Clone, Debug)]
pub struct OcspResponse {
    der: Vec<u8>,
    pub(super) status: ResponseStatus,
    pub(super) basic: Option<Basic>,
}

/// The parts of a basic response.
#[derive(Clone, Debug)]
pub(super) struct Basic {
    pub(super) to_be_signed: Vec<u8>,
    pub(super) signature: Signature,
    pub(super) certificates: Vec<AnyCertificate>,
    pub(super) responder: ResponderId,
    pub(super) produced_at: i64,
    pub(super) responses: Vec<SingleResponse>,
    pub(super) nonce: Option<Vec<u8>>,
}

impl OcspResponse {
    /// A response that says only why there is no answer; anybody can make one, so it proves nothing.
    ///
    /// # Errors
    /// [`Error::Primitive`] for [`ResponseStatus::Successful`], which needs an answer.
    pub fn refusal(status: ResponseStatus) -> Result<Self, Error> {
        let fields = ResponseFields { status, bytes: None };
        Self::from_der(&fields.to_der().map_err(Primitive::encoding(STRUCTURE))?)
    }

    /// Reads a response. Of the certificates inside, those that can't be read here are left out: some responders send
    /// their root along, signed with what is no longer accepted.
    ///
    /// # Errors
    /// [`Error::Primitive`] for anything but one DER structure and for a critical extension, [`Error::ResponseType`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let fields = ResponseFields::from_der(der).map_err(Primitive::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &fields, der)?;
        let basic = match (fields.status, fields.bytes) {
            (ResponseStatus::Successful, Some(bytes)) if bytes.kind == oid::OCSP_BASIC => {
                Some(Basic::from_der(bytes.response.as_bytes())?)
            }
            (ResponseStatus::Successful, Some(bytes)) => return Err(Error::ResponseType(bytes.kind)),
            (ResponseStatus::Successful, None) => {
                let reason = "a successful response must have responseBytes";
                return Err(Primitive::Invalid { structure: STRUCTURE, reason }.into());
            }
            (_, None) => None,
            (_, Some(_)) => {
                let reason = "only a successful response may have responseBytes";
                return Err(Primitive::Invalid { structure: STRUCTURE, reason }.into());
            }
        };
        Ok(Self { der: der.to_vec(), status: fields.status, basic })
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the responder answered.
    pub fn status(&self) -> ResponseStatus {
        self.status
    }

    /// Who claims to answer, in a successful response.
    pub fn responder(&self) -> Option<&ResponderId> {
        self.basic.as_ref().map(|basic| &basic.responder)
    }

    /// What it claims, before anything is verified; empty unless successful.
    pub fn claims(&self) -> &[SingleResponse] {
        self.basic.as_ref().map_or(&[], |basic| &basic.responses)
    }
}

impl Basic {
    fn from_der(der: &[u8]) -> Result<Self, Error> {
        let fields = BasicFields::from_der(der).map_err(Primitive::encoding(BASIC))?;
        require_canonical(BASIC, &fields, der)?;
        let to_be_signed = fields.data.to_der().map_err(Primitive::encoding(DATA))?;
        let data = DataFields::from_der(&to_be_signed).map_err(Primitive::encoding(DATA))?;
        require_canonical(DATA, &data, &to_be_signed)?;
        if data.version != 0 {
            return Err(Primitive::Invalid { structure: DATA, reason: "version must be v1" }.into());
        }
        let readable = |certificate: &AnyRef<'_>| AnyCertificate::from_der(&certificate.to_der().ok()?).ok();
        Ok(Self {
            signature: Signature::new(BASIC, &fields.algorithm, &fields.signature)?,
            certificates: fields.certificates.iter().flatten().filter_map(readable).collect(),
            responder: ResponderId::from_fields(&data.responder)?,
            produced_at: time::from_generalized(&data.produced_at),
            responses: data
                .responses
                .into_iter()
                .map(SingleResponse::from_fields)
                .collect::<Result<_, _>>()?,
            nonce: read_nonce(DATA, data.extensions.as_deref().unwrap_or_default())?,
            to_be_signed,
        })
    }
}

impl ResponderId {
    /// The responder named by its key.
    pub(super) fn by_key(certificate: &AnyCertificate) -> Self {
        Self::ByKey(HashAlgorithm::Sha1.digest(certificate.subject_public_key()))
    }

    /// Whether this names the holder of `certificate`.
    pub fn names(&self, certificate: &AnyCertificate) -> bool {
        match self {
            Self::ByName(name) => name == certificate.subject(),
            Self::ByKey(identifier) => {
                let mut hashes = [HashAlgorithm::Sha1, HashAlgorithm::Sm3].into_iter();
                hashes.any(|hash| hash.digest(certificate.subject_public_key()) == *identifier)
            }
        }
    }

    fn from_fields(fields: &ResponderFields) -> Result<Self, Error> {
        match fields {
            ResponderFields::ByName(name) => {
                let der = name.to_der().map_err(Primitive::encoding("Name"))?;
                Ok(Self::ByName(DistinguishedName::from_der(&der)?))
            }
            ResponderFields::ByKey(key) => Ok(Self::ByKey(key.as_bytes().to_vec())),
        }
    }

    pub(super) fn to_fields(&self) -> Result<ResponderFields, Error> {
        let encode = || match self {
            Self::ByName(name) => Name::from_der(name.as_der()).map(ResponderFields::ByName),
            Self::ByKey(key) => OctetString::new(key.as_slice()).map(ResponderFields::ByKey),
        };
        Ok(encode().map_err(Primitive::encoding("ResponderID"))?)
    }
}

impl fmt::Display for ResponderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByName(name) => name.fmt(f),
            Self::ByKey(key) => {
                f.write_str("the holder of key ")?;
                key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Display for ResponseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Successful => "successful",
            Self::MalformedRequest => "malformedRequest, it could not read the request",
            Self::InternalError => "internalError, it is out of order; ask another one or later",
            Self::TryLater => "tryLater, it cannot answer now; ask again later",
            Self::SigRequired => "sigRequired, it answers signed requests only",
            Self::Unauthorized => "unauthorized, it does not answer to us or not about this certificate",
        })
    }
}
