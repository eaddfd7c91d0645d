//! What an authority answers.

use der::{Any, Decode, Encode, Sequence};

use super::{
    Error, FailureInfo, PkiStatus, StatusInfo, TimeStampRequest, TimeStampToken, Trust, VerifiedTimeStamp,
    status::StatusFields,
};
use crate::{Error as Primitive, error::require_canonical};

const STRUCTURE: &str = "TimeStampResp";

/// ```text
/// TimeStampResp ::= SEQUENCE {                            -- RFC 3161, 2.4.2
///   status          PKIStatusInfo,
///   timeStampToken  ContentInfo OPTIONAL }
/// ```
#[derive(Sequence)]
struct Fields {
    status: StatusFields,
    token: Option<Any>,
}

/// A response: a token, or why there is none.
#[derive(Clone, Debug)]
pub struct TimeStampResponse {
    der: Vec<u8>,
    status: StatusInfo,
    token: Option<TimeStampToken>,
}

impl TimeStampResponse {
    /// Hands a token over.
    ///
    /// # Errors
    /// [`Error::Primitive`] if it is too long for DER.
    pub fn granted(token: &TimeStampToken) -> Result<Self, Error> {
        let status = StatusInfo { status: PkiStatus::Granted, text: Vec::new(), failures: Vec::new() };
        Self::build(&status, Some(token))
    }

    /// Says that there is no token, and why. `text` is for whoever reads the other side's log.
    ///
    /// # Errors
    /// [`Error::Primitive`] if the text is too long for DER.
    pub fn rejection(failure: FailureInfo, text: &str) -> Result<Self, Error> {
        let text = (!text.is_empty()).then(|| text.to_owned()).into_iter().collect();
        Self::build(&StatusInfo { status: PkiStatus::Rejection, text, failures: vec![failure] }, None)
    }

    fn build(status: &StatusInfo, token: Option<&TimeStampToken>) -> Result<Self, Error> {
        let status = status.to_fields()?;
        let encode = || {
            let token = token.map(|token| Any::from_der(token.der())).transpose()?;
            Fields { status, token }.to_der()
        };
        Self::from_der(&encode().map_err(Primitive::encoding(STRUCTURE))?)
    }

    /// Reads a response.
    ///
    /// # Errors
    /// [`Error::Primitive`] for anything but one DER structure, or a token where none belongs and none where one does;
    /// what [`TimeStampToken::from_der`] says of the token.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let fields = Fields::from_der(der).map_err(Primitive::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &fields, der)?;
        let status = StatusInfo::from_fields(fields.status)?;
        if status.status.is_granted() != fields.token.is_some() {
            let reason = "a token must be there when it is granted, and only then";
            return Err(Primitive::Invalid { structure: STRUCTURE, reason }.into());
        }
        let token = fields.token.map(|token| {
            TimeStampToken::from_der(&token.to_der().map_err(Primitive::encoding("ContentInfo"))?)
        });
        Ok(Self { der: der.to_vec(), status, token: token.transpose()? })
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether there is a token, and what the authority says besides.
    pub fn status(&self) -> &StatusInfo {
        &self.status
    }

    /// The token, before anything is verified.
    ///
    /// # Errors
    /// [`Error::Rejected`].
    pub fn token(&self) -> Result<&TimeStampToken, Error> {
        self.token.as_ref().ok_or_else(|| Error::Rejected(self.status.clone()))
    }

    /// Checks that the token answers `request`, and then what [`TimeStampToken::verify`] checks.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Nonce`], [`Error::Policy`], and as [`TimeStampToken::verify`].
    pub fn verify(&self, request: &TimeStampRequest, trust: &Trust<'_>) -> Result<VerifiedTimeStamp, Error> {
        let token = self.token()?;
        let info = token.info();
        if info.nonce.as_deref() != request.nonce() {
            return Err(Error::Nonce);
        }
        if let Some(wanted) = request.policy().filter(|wanted| *wanted != info.policy) {
            return Err(Error::Policy { wanted, found: info.policy });
        }
        token.verify(request.imprint(), trust)
    }
}
