//! What a completed session gives the bid system.

use serde::{Deserialize, Serialize};

use crate::binary::Base64;
use crate::holder::Holder;
use crate::identifier::ItemId;
use crate::task::Purpose;
use crate::timestamp::Timestamp;

/// The result of a session. All of it can be checked without the broker: `docs/protocol.md` says how.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// The session's purpose.
    pub purpose: Purpose,
    /// Who answered.
    pub holder: Holder,
    /// Name of the adapter whose CA issued the certificates.
    pub certificate_authority: String,
    /// The signed statement's bytes.
    pub statement: Base64,
    /// SM2Signature (GM/T 0009, DER) over them with the default ID.
    pub statement_signature: Base64,
    /// The signing certificate, DER.
    pub certificate: Base64,
    /// Its issuers up to and with the root, DER.
    pub chain: Vec<Base64>,
    /// What was known of the certificate's status when the answer came.
    pub status: CertificateStatus,
    /// When the answer was verified.
    pub completed_at: Timestamp,
    /// One per item in `sign`, `seal` and `decrypt`, in the order of the items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemOutcome>,
    /// The holder's encryption certificate, DER: in `encrypt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_certificate: Option<Base64>,
    /// The signed list of opened keys: in `decrypt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_keys: Option<Base64>,
    /// SM2Signature over `opened_keys`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_keys_signature: Option<Base64>,
}

/// A certificate's status, with its freshness.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CertificateStatus {
    /// `good`; `unknown` only where the operator accepts certificates whose status nobody gives. Others answer no session.
    pub status: Status,
    /// Who says so.
    #[serde(default)]
    pub source: StatusSource,
    /// `thisUpdate` of the revocation list or OCSP answer that says so. For `unknown` this and the other times are when
    /// it was asked for in vain.
    pub this_update: Timestamp,
    /// Its `nextUpdate`.
    pub next_update: Timestamp,
    /// When the broker got it.
    pub fetched_at: Timestamp,
}

/// What a status service says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// Nobody says.
    Unknown,
}

/// Where a status comes from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusSource {
    /// A certificate revocation list (RFC 5280 section 5).
    #[default]
    Crl,
    /// A certificate revocation list and the delta list over it (RFC 5280 section 5.2.4).
    DeltaCrl,
    /// An OCSP answer (RFC 6960).
    Ocsp,
    /// Nowhere: the status is unknown.
    None,
}

/// What came of one item.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ItemOutcome {
    /// Which item.
    pub id: ItemId,
    /// DER of a detached CMS SignedData in `sign`, of an SES_Signature in `seal`, of an SM2Cipher for the one-time key
    /// in `decrypt`.
    pub value: Base64,
}
