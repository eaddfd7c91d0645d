//! What a response says about one certificate.

use der::{
    Choice, Sequence,
    asn1::{GeneralizedTime, Null},
};
use x509_cert::ext::{Extension, pkix::CrlReason};

use super::{CertId, Error, cert_id::CertIdFields, request::refuse_critical};
use crate::{
    Error as Primitive,
    x509::{RevocationReason, RevokedEntry, time},
};

const STRUCTURE: &str = "SingleResponse";

/// ```text
/// SingleResponse ::= SEQUENCE {                           -- RFC 6960, 4.2.1
///   certID                CertID,
///   certStatus            CertStatus,
///   thisUpdate            GeneralizedTime,
///   nextUpdate        [0] EXPLICIT GeneralizedTime OPTIONAL,
///   singleExtensions  [1] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SingleResponse {
    /// The certificate.
    pub cert_id: CertId,
    /// How it stands.
    pub status: CertStatus,
    /// From when on this is known to be right, Unix seconds.
    pub this_update: i64,
    /// When newer information will be there at the latest, Unix seconds; without it, newer information is always there.
    pub next_update: Option<i64>,
}

/// How a certificate stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertStatus {
    /// Not revoked.
    Good,
    /// Revoked, or suspended with [`RevocationReason::CertificateHold`].
    Revoked(RevokedEntry),
    /// The responder doesn't know the certificate.
    Unknown,
}

#[derive(Sequence)]
pub(super) struct SingleFields {
    cert_id: CertIdFields,
    status: StatusFields,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// ```text
/// CertStatus ::= CHOICE {
///   good     [0] IMPLICIT NULL,
///   revoked  [1] IMPLICIT SEQUENCE {
///     revocationTime        GeneralizedTime,
///     revocationReason  [0] EXPLICIT CRLReason OPTIONAL },
///   unknown  [2] IMPLICIT NULL }
/// ```
#[derive(Choice)]
enum StatusFields {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct RevokedInfo {
    revocation_time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    revocation_reason: Option<CrlReason>,
}

impl SingleResponse {
    pub(super) fn from_fields(fields: SingleFields) -> Result<Self, Error> {
        refuse_critical(STRUCTURE, fields.extensions.as_deref().unwrap_or_default())?;
        let status = match fields.status {
            StatusFields::Good(_) => CertStatus::Good,
            StatusFields::Unknown(_) => CertStatus::Unknown,
            StatusFields::Revoked(info) => CertStatus::Revoked(RevokedEntry {
                revoked_at: time::from_generalized(&info.revocation_time),
                reason: info
                    .revocation_reason
                    .map_or(RevocationReason::Unspecified, RevocationReason::from_crl_reason),
            }),
        };
        let this_update = time::from_generalized(&fields.this_update);
        let next_update = fields.next_update.as_ref().map(time::from_generalized);
        if next_update.is_some_and(|next_update| next_update < this_update) {
            let reason = "nextUpdate must not be before thisUpdate";
            return Err(Primitive::Invalid { structure: STRUCTURE, reason }.into());
        }
        Ok(Self { cert_id: CertId::from_fields(fields.cert_id)?, status, this_update, next_update })
    }

    pub(super) fn to_fields(&self) -> Result<SingleFields, Error> {
        let status = match self.status {
            CertStatus::Good => StatusFields::Good(Null),
            CertStatus::Unknown => StatusFields::Unknown(Null),
            CertStatus::Revoked(entry) => StatusFields::Revoked(RevokedInfo {
                revocation_time: time::to_generalized(STRUCTURE, entry.revoked_at)?,
                revocation_reason: match entry.reason {
                    RevocationReason::Unspecified => None,
                    reason => Some(reason.to_crl_reason()),
                },
            }),
        };
        let next_update = self.next_update.map(|next| time::to_generalized(STRUCTURE, next)).transpose()?;
        Ok(SingleFields {
            cert_id: self.cert_id.fields().clone(),
            status,
            this_update: time::to_generalized(STRUCTURE, self.this_update)?,
            next_update,
            extensions: None,
        })
    }
}
