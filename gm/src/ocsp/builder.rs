//! Making responses.

use der::{
    Encode,
    asn1::{AnyRef, BitStringRef, OctetString},
};

use super::{
    Error, OcspResponse, ResponderId, ResponseStatus, SingleResponse,
    request::nonce_extension,
    response::{BasicFields, DATA, DataFields, ResponseBytes, ResponseFields},
};
use crate::{
    Error as Primitive, oid, sm2,
    x509::{AnyCertificate, Certificate, signed::sm2_with_sm3, time},
};

const STRUCTURE: &str = "BasicOCSPResponse";

/// Builds a successful response. The responder is named by its key, and its certificate goes along.
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    produced_at: i64,
    responses: Vec<SingleResponse>,
    nonce: Option<Vec<u8>>,
    certificates: Vec<AnyCertificate>,
    by_name: bool,
}

/// A response that lacks its signature: for a key that is held elsewhere.
#[derive(Clone, Debug)]
pub struct PreparedResponse {
    to_be_signed: Vec<u8>,
    certificates: Vec<AnyCertificate>,
}

impl ResponseBuilder {
    /// A response made at `produced_at` (Unix seconds).
    pub fn new(produced_at: i64) -> Self {
        Self { produced_at, responses: Vec::new(), nonce: None, certificates: Vec::new(), by_name: false }
    }

    /// Says how one certificate stands.
    #[must_use]
    pub fn response(mut self, response: SingleResponse) -> Self {
        self.responses.push(response);
        self
    }

    /// Repeats the request's nonce ([`OcspRequest::nonce`](super::OcspRequest::nonce)), if it had one.
    #[must_use]
    pub fn nonce(mut self, nonce: Option<&[u8]>) -> Self {
        self.nonce = nonce.map(<[u8]>::to_vec);
        self
    }

    /// Sends another certificate along that the client may lack.
    #[must_use]
    pub fn certificate(mut self, certificate: &AnyCertificate) -> Self {
        self.certificates.push(certificate.clone());
        self
    }

    /// Names the responder by its certificate's subject.
    #[must_use]
    pub fn responder_by_name(mut self) -> Self {
        self.by_name = true;
        self
    }

    /// Signs it as `responder`: the issuer itself, or one with a certificate of
    /// [`Profile::OcspSigner`](crate::x509::Profile::OcspSigner) from it.
    ///
    /// # Errors
    /// [`Error::Primitive`] when `key` is not the responder's, there is no response, or a time can't be written.
    pub fn sign(&self, responder: &Certificate, key: &sm2::PrivateKey) -> Result<OcspResponse, Error> {
        if responder.public_key() != key.public_key() {
            return Err(Primitive::KeyMismatch { structure: "responder's certificate" }.into());
        }
        let prepared = self.prepare(responder)?;
        prepared.complete(&key.sign(prepared.to_be_signed())?)
    }

    /// All but the signature, for `responder`.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn prepare(&self, responder: &Certificate) -> Result<PreparedResponse, Error> {
        if self.responses.is_empty() {
            let reason = "must speak of at least one certificate";
            return Err(Primitive::Invalid { structure: DATA, reason }.into());
        }
        let id = match self.by_name {
            true => ResponderId::ByName(responder.subject().clone()),
            false => ResponderId::by_key(responder),
        };
        let nonce = self.nonce.as_deref().map(nonce_extension).transpose()?;
        let data = DataFields {
            version: 0,
            responder: id.to_fields()?,
            produced_at: time::to_generalized(DATA, self.produced_at)?,
            responses: self.responses.iter().map(SingleResponse::to_fields).collect::<Result<_, _>>()?,
            extensions: nonce.map(|nonce| vec![nonce]),
        };
        let mut certificates = vec![responder.as_any().clone()];
        certificates.extend(self.certificates.iter().filter(|other| *other != responder.as_any()).cloned());
        let to_be_signed = data.to_der().map_err(Primitive::encoding(DATA))?;
        Ok(PreparedResponse { to_be_signed, certificates })
    }
}

impl PreparedResponse {
    /// What is to be signed with SM2 under the default signer's ID.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// The response with its signature, which is not verified here.
    ///
    /// # Errors
    /// [`Error::Primitive`] if something is too long for DER.
    pub fn complete(&self, signature: &sm2::Signature) -> Result<OcspResponse, Error> {
        let signature = signature.to_der()?;
        let encode = || {
            let certificates = self.certificates.iter().map(|one| AnyRef::try_from(one.der()));
            let basic = BasicFields {
                data: AnyRef::try_from(self.to_be_signed.as_slice())?,
                algorithm: sm2_with_sm3(),
                signature: BitStringRef::from_bytes(&signature)?,
                certificates: Some(certificates.collect::<Result<_, _>>()?),
            };
            let bytes = ResponseBytes { kind: oid::OCSP_BASIC, response: OctetString::new(basic.to_der()?)? };
            ResponseFields { status: ResponseStatus::Successful, bytes: Some(bytes) }.to_der()
        };
        OcspResponse::from_der(&encode().map_err(Primitive::encoding(STRUCTURE))?)
    }
}
