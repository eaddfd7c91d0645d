//! What a client asks.

use der::{
    Any, Decode, Encode, Sequence,
    asn1::{OctetString, OctetStringRef},
};
use x509_cert::ext::Extension;

use super::{CertId, Error, cert_id::CertIdFields};
use crate::{Error as Primitive, error::require_canonical, oid};

const STRUCTURE: &str = "OCSPRequest";
const NONCE: &str = "Nonce";

/// ```text
/// OCSPRequest ::= SEQUENCE {                              -- RFC 6960, 4.1.1
///   tbsRequest             TBSRequest,
///   optionalSignature  [0] EXPLICIT Signature OPTIONAL }
/// ```
#[derive(Sequence)]
struct RequestFields {
    to_be_signed: TbsRequest,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    signature: Option<Any>,
}

/// ```text
/// TBSRequest ::= SEQUENCE {
///   version            [0] EXPLICIT INTEGER DEFAULT 0,
///   requestorName      [1] EXPLICIT GeneralName OPTIONAL,
///   requestList            SEQUENCE OF SEQUENCE {
///     reqCert                     CertID,
///     singleRequestExtensions [0] EXPLICIT Extensions OPTIONAL },
///   requestExtensions  [2] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
struct TbsRequest {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: u8,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor_name: Option<Any>,
    request_list: Vec<Request>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct Request {
    cert_id: CertIdFields,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// A request for the status of one or more certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OcspRequest {
    der: Vec<u8>,
    cert_ids: Vec<CertId>,
    nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// Asks about `cert_ids`; with a nonce ([`generate_nonce`]), the response must repeat it.
    ///
    /// # Errors
    /// [`Error::Primitive`] for no certificate at all and a nonce that hasn't 1 to 128 bytes.
    pub fn build(cert_ids: &[CertId], nonce: Option<&[u8]>) -> Result<Self, Error> {
        let extensions = nonce.map(|nonce| Ok::<_, Error>(vec![nonce_extension(nonce)?])).transpose()?;
        let request = |id: &CertId| Request { cert_id: id.fields().clone(), extensions: None };
        let fields = RequestFields {
            to_be_signed: TbsRequest {
                version: 0,
                requestor_name: None,
                request_list: cert_ids.iter().map(request).collect(),
                extensions,
            },
            signature: None,
        };
        Self::from_der(&fields.to_der().map_err(Primitive::encoding(STRUCTURE))?)
    }

    /// Reads a request. A signature on it is not looked at.
    ///
    /// # Errors
    /// [`Error::Primitive`] for anything but one DER structure, another version, no certificate, a critical extension,
    /// which is never understood here, and a nonce that hasn't 1 to 128 bytes (RFC 9654, 2.1). The responder answers
    /// [`ResponseStatus::MalformedRequest`](super::ResponseStatus::MalformedRequest).
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let fields = RequestFields::from_der(der).map_err(Primitive::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &fields, der)?;
        let request = fields.to_be_signed;
        let invalid = |reason| Err(Primitive::Invalid { structure: STRUCTURE, reason }.into());
        if request.version != 0 {
            return invalid("version must be v1");
        }
        if request.request_list.is_empty() {
            return invalid("must ask about at least one certificate");
        }
        let single = request.request_list.iter().filter_map(|request| request.extensions.as_deref());
        for extensions in single {
            refuse_critical(STRUCTURE, extensions)?;
        }
        let cert_ids = request.request_list.into_iter().map(|request| CertId::from_fields(request.cert_id));
        Ok(Self {
            der: der.to_vec(),
            cert_ids: cert_ids.collect::<Result<_, _>>()?,
            nonce: read_nonce(STRUCTURE, request.extensions.as_deref().unwrap_or_default())?,
        })
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Which certificates are asked about, at least one.
    pub fn cert_ids(&self) -> &[CertId] {
        &self.cert_ids
    }

    /// What the response shall repeat.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }
}

/// A nonce of 32 bytes, the length that RFC 9654, 2.1 recommends.
///
/// # Errors
/// [`Error::Primitive`] when there is no randomness.
pub fn generate_nonce() -> Result<[u8; 32], Error> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(Primitive::from)?;
    Ok(nonce)
}

/// ```text
/// Nonce ::= OCTET STRING (SIZE (1..128))                  -- RFC 9654, 2.1
/// ```
pub(super) fn nonce_extension(nonce: &[u8]) -> Result<Extension, Error> {
    let encode = || OctetString::new(OctetStringRef::new(nonce)?.to_der()?);
    let extn_value = encode().map_err(Primitive::encoding(NONCE))?;
    Ok(Extension { extn_id: oid::OCSP_NONCE, critical: false, extn_value })
}

/// The nonce among `extensions`, of which no other may be critical.
pub(super) fn read_nonce(
    structure: &'static str,
    extensions: &[Extension],
) -> Result<Option<Vec<u8>>, Error> {
    let mut nonce = None;
    let mut others = Vec::new();
    for extension in extensions {
        if extension.extn_id != oid::OCSP_NONCE {
            others.push(extension.clone());
            continue;
        }
        let value =
            OctetString::from_der(extension.extn_value.as_bytes()).map_err(Primitive::encoding(NONCE))?;
        let found = value.as_bytes().len();
        if !(1..=128).contains(&found) {
            return Err(Primitive::Length { structure: NONCE, expected: "1 to 128", found }.into());
        }
        if nonce.replace(value.as_bytes().to_vec()).is_some() {
            return Err(Primitive::Invalid { structure, reason: "has two nonces" }.into());
        }
    }
    refuse_critical(structure, &others)?;
    Ok(nonce)
}

pub(super) fn refuse_critical(structure: &'static str, extensions: &[Extension]) -> Result<(), Error> {
    if extensions.iter().any(|extension| extension.critical) {
        let reason = "has a critical extension that is not understood";
        return Err(Primitive::Invalid { structure, reason }.into());
    }
    Ok(())
}
