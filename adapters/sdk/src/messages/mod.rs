//! The documents that cross the boundary, as types: what `ca_adapter.h` writes in comments.
//!
//! They are JSON objects. Members that are not known are ignored, so that a newer side can speak to an older one.

mod certificate;
mod document;
mod encoding;
mod error;
mod query;
mod seal;

pub use certificate::{
    CaCertificates, CertificateIdentity, CertificatePair, CertificateState, Crl, DerRequest, DerResponse,
    Empty, Holder, HolderKind, IssueRequest, RecoverKeyRequest, RecoveredKey, RenewRequest, RevocationReason,
    RevokeRequest, State, States, SuspendRequest, Validity,
};
pub use document::{DocumentError, Operation, Reply, Request};
pub use encoding::{Der, EncodingError, IdempotencyKey, Serial};
pub use error::{AdapterError, ErrorClass, ErrorDocument};
pub use query::{
    Cancellation, Health, ListPage, ListQuery, ListedCertificate, LookupQuery, LookupReply, Pending,
};
pub use seal::{
    IssuedSeal, SealIdentity, SealIssueRequest, SealPicture, SealRevokeRequest, SealState, SealStatus,
};
