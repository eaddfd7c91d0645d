//! The messages of CMP in ASN.1 (RFC 9810 appendix F, explicit tags; RFC 4211 appendix B, implicit tags).
//!
//! Only what a client sends and reads. Reading is strict DER.

mod body;
mod general;
mod message;
pub(crate) mod oid;
mod request;
mod response;
mod status;

pub(crate) use body::{Body, body_name, explicit, sequence, tag};
pub(crate) use general::{CrlStatus, InfoTypeAndValue, RootCaKeyUpdate};
pub(crate) use message::{PkiHeader, ReceivedMessage, SentMessage, directory_name, name_of};
pub(crate) use request::{
    AttributeTypeAndValue, CertId, CertReqMsg, CertRequest, CertStatus, CertTemplate, OptionalValidity,
    PollReq, RevDetails, ra_verified,
};
pub(crate) use response::{CertOrEncCert, CertRepMessage, ErrorMsgContent, PollRep, RevRepContent};
pub(crate) use status::{FailureInfo, PkiStatus, PkiStatusInfo};
