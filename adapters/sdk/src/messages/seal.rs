//! Requests and replies about electronic seals (GB/T 38540-2020).

use serde::{Deserialize, Serialize};

use super::encoding::Der;

/// Asks for a seal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealIssueRequest {
    /// SES_ESPropertyInfo.type: the business's numbering.
    #[serde(rename = "type")]
    pub kind: u32,
    /// SES_ESPropertyInfo.name.
    pub name: String,
    /// What it looks like.
    pub picture: SealPicture,
    /// Certificates of those who may use it.
    pub signers: Vec<Der>,
    /// First moment, milliseconds since 1970; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from_ms: Option<u64>,
    /// Last moment, milliseconds since 1970.
    pub valid_until_ms: u64,
}

/// SES_ESPictureInfo.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealPicture {
    /// The picture's type as the standard writes it, `PNG` for example.
    pub format: String,
    /// The picture.
    pub data: Der,
    /// Width on paper in millimetres.
    pub width_mm: u32,
    /// Height on paper in millimetres.
    pub height_mm: u32,
}

/// A seal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IssuedSeal {
    /// SES_SealInfo.esID.
    pub seal_id: String,
    /// SESeal.
    pub seal: Der,
}

/// Names a seal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealIdentity {
    /// SES_SealInfo.esID.
    pub seal_id: String,
}

/// Asks to revoke a seal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealRevokeRequest {
    /// SES_SealInfo.esID.
    pub seal_id: String,
    /// Why, in words.
    pub reason: String,
}

/// A seal's state at the CA.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealStatus {
    /// SES_SealInfo.esID.
    pub seal_id: String,
    /// Its state.
    pub state: SealState,
    /// Since when, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at_ms: Option<u64>,
}

/// What a seal can be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealState {
    /// After validEnd.
    Expired,
    /// For good.
    Revoked,
    /// The CA did not make it.
    Unknown,
    /// Made and not revoked.
    Valid,
}
