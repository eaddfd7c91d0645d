//! Proof that something existed at a time: the Time-Stamp Protocol (RFC 3161, RFC 5816; GM/T 0033 takes its structures
//! from there, with SM3 and SM2).
//!
//! | who | does |
//! | --- | --- |
//! | client | hashes into a [`MessageImprint`], asks with a [`TimeStampRequest`], reads the [`TimeStampResponse`] and checks it with [`TimeStampResponse::verify`] |
//! | authority | reads the request, answers with a [`TokenBuilder`]'s token or a [`TimeStampResponse::rejection`] |
//! | whoever keeps it | checks the [`TimeStampToken`] again, years later, with [`TimeStampToken::verify`] |
//!
//! Tokens are made with SM2 and SM3; those of other authorities may be signed with any
//! [`SignatureAlgorithm`](crate::x509::SignatureAlgorithm), over SM3 or SHA-2. A token is a `ContentInfo` with
//! `SignedData` in RFC 5652's arc. Transport (RFC 3161, 3.4: POST of `application/timestamp-query`) is the caller's.

mod attributes;
mod builder;
mod error;
mod imprint;
mod info;
mod request;
mod response;
mod status;
#[cfg(test)]
mod tests;
mod time;
mod token;
mod verify;

pub use builder::{PreparedToken, TokenBuilder};
pub use error::Error;
pub use imprint::MessageImprint;
pub use info::{Accuracy, TstInfo};
pub use request::{TimeStampRequest, generate_nonce};
pub use response::TimeStampResponse;
pub use status::{FailureInfo, PkiStatus, StatusInfo};
pub use time::PreciseTime;
pub use token::TimeStampToken;
pub use verify::{Trust, VerifiedTimeStamp};

/// The media type of a request over HTTP (RFC 3161, 3.4).
pub const REQUEST_MEDIA_TYPE: &str = "application/timestamp-query";
/// The media type of a response over HTTP (RFC 3161, 3.4).
pub const RESPONSE_MEDIA_TYPE: &str = "application/timestamp-reply";
