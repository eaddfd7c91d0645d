//! What can be wrong with a request or a response.

use const_oid::ObjectIdentifier;

use super::ResponseStatus;
use crate::x509::SerialNumber;

/// Why a request or a response could not be made or read, or says nothing about a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A structure, a certificate, an algorithm or a signature inside was refused.
    #[error(transparent)]
    Primitive(#[from] crate::Error),
    /// The responder did not answer the question.
    #[error("the OCSP responder refused: {0}")]
    Refused(ResponseStatus),
    /// The response is of a type other than id-pkix-ocsp-basic.
    #[error("the OCSP response has type {0}; only id-pkix-ocsp-basic is understood")]
    ResponseType(ObjectIdentifier),
    /// Whoever signed is neither the issuer nor one whom it authorised.
    #[error(
        "the OCSP response is signed by {responder}, which is neither the certificates' issuer nor a responder whose \
         certificate (with the purpose OCSPSigning, from that issuer) is in the response"
    )]
    Responder {
        /// Its name, or the identifier of its key.
        responder: String,
    },
    /// The responder's certificate does not authorise it.
    #[error("the OCSP responder {subject} is not accepted: {reason}")]
    ResponderCertificate {
        /// Whose certificate.
        subject: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The signature does not verify with the responder's key.
    #[error("the signature on the OCSP response is not that of {responder}")]
    Signature {
        /// Whose key it should be.
        responder: String,
    },
    /// The response carries another nonce than was sent, so it answers another request.
    #[error("the OCSP response carries another nonce than was sent; it may be a replayed one")]
    NonceMismatch,
    /// A nonce was sent, and the response carries none.
    #[error("the OCSP response carries no nonce; the responder ignores it, or the response is an old one")]
    NonceMissing,
    /// The response does not speak of the certificate.
    #[error("the OCSP response says nothing about the certificate with serial number {serial}")]
    NotAnswered {
        /// The certificate asked about.
        serial: SerialNumber,
    },
    /// The time when the response was made, or from which it holds, is yet to come.
    #[error("the OCSP response is of Unix time {of}, which lies after {at}; compare the clocks")]
    FromTheFuture {
        /// thisUpdate or producedAt.
        of: i64,
        /// The time asked about.
        at: i64,
    },
    /// Newer information should be there by now.
    #[error("the OCSP response was good until Unix time {until}; the time is {at}")]
    Stale {
        /// nextUpdate, or thisUpdate and the age that is allowed.
        until: i64,
        /// The time asked about.
        at: i64,
    },
}
