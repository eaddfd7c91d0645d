//! Asking a CA about one certificate now: the Online Certificate Status Protocol (RFC 6960, RFC 9654).
//!
//! | who | does |
//! | --- | --- |
//! | client | names certificates by [`CertId`]s, asks with an [`OcspRequest`], reads the [`OcspResponse`] and checks it with [`OcspResponse::verify`] |
//! | responder | reads the request, answers with a [`ResponseBuilder`], or with [`OcspResponse::refusal`] |
//!
//! Transport (RFC 6960, appendix A: POST of `application/ocsp-request`) is the caller's. Responses are made with SM2;
//! those of other CAs may be signed with any [`SignatureAlgorithm`](crate::x509::SignatureAlgorithm). Requests are not
//! signed, and a signature on one is not looked at: the answer is the same for everybody.

mod builder;
mod cert_id;
mod error;
mod request;
mod response;
mod single;
#[cfg(test)]
mod tests;
mod verify;

pub use builder::{PreparedResponse, ResponseBuilder};
pub use cert_id::CertId;
pub use error::Error;
pub use request::{OcspRequest, generate_nonce};
pub use response::{OcspResponse, ResponderId, ResponseStatus};
pub use single::{CertStatus, SingleResponse};
pub use verify::{Expectation, Nonce, VerifiedResponse};

/// The media type of a request over HTTP (RFC 6960, appendix C.1).
pub const REQUEST_MEDIA_TYPE: &str = "application/ocsp-request";
/// The media type of a response over HTTP (RFC 6960, appendix C.2).
pub const RESPONSE_MEDIA_TYPE: &str = "application/ocsp-response";
