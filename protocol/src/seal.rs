//! Seals: the picture, the application, and the seal that its CA has made of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::binary::Sm3Hex;
use crate::certificate::{CertificateState, ChangedBy};
use crate::identifier::{SealApplicationId, SealId, UserId};
use crate::task::SealKind;
use crate::timestamp::Timestamp;

/// A picture as it was drawn anew from the uploaded file: PNG with a transparent background, without anything else of the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealPictureView {
    /// SM3 of the PNG: names the picture within its company.
    pub picture: Sm3Hex,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// On paper, millimetres.
    pub width_mm: u32,
    /// On paper, millimetres.
    pub height_mm: u32,
}

/// Applies for a seal. Its CA reviews the application and makes the seal for the certificates that its company has then.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SealApplicationRequest {
    /// Which of the company's seals.
    pub kind: SealKind,
    /// 电子印章名称: 1 to 100 characters without control characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// A picture that was uploaded for this company; where it is left out, that of the seal which is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Sm3Hex>,
    /// Name of the adapter of the CA that is to make it; where it is left out, the CA of the company's newest certificate that
    /// makes seals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// Who may use it.
    #[serde(default)]
    pub usage: SealUsage,
    /// The seal that it replaces: that one is revoked as soon as this one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<SealId>,
}

/// Who of a company may put a seal on documents. The seal names the certificates that its company had when it was applied for:
/// one that was issued later may use it after the seal was made anew.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SealUsage {
    /// Who.
    pub who: SealUsers,
    /// For `listed`: with any of their certificates of the company.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub users: BTreeSet<UserId>,
    /// For `listed`: with just these certificates, each by SM3 of the signing certificate's DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub certificates: Vec<Sm3Hex>,
}

/// Which people of a company.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SealUsers {
    /// Everybody who has a certificate of the company.
    #[default]
    Company,
    /// Those who are named.
    Listed,
}

/// An application for a seal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealApplicationView {
    /// Names it.
    pub application: SealApplicationId,
    /// 统一社会信用代码 of the company.
    pub enterprise: String,
    /// Which of the company's seals.
    pub kind: SealKind,
    /// 电子印章名称
    pub name: String,
    /// What it looks like.
    pub picture: Sm3Hex,
    /// On paper, millimetres.
    pub width_mm: u32,
    /// On paper, millimetres.
    pub height_mm: u32,
    /// Name of the adapter of the CA that reviews and makes it.
    pub certificate_authority: String,
    /// Who may use it once it is made.
    pub usage: SealUsage,
    /// The seal that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<SealId>,
    /// When it was applied for.
    pub applied_at: Timestamp,
    /// Where it stands.
    pub state: SealApplicationState,
    /// Since when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// The seal that was made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealId>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the CA has still to answer. A cancelled application gives no seal that could be used, whatever it answers.
    pub authority_pending: bool,
}

/// Where an application for a seal stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SealApplicationState {
    /// The CA's reviewer has it, or will.
    UnderReview,
    /// The seal is made.
    Made,
    /// The reviewer, or the CA, does not want it.
    Rejected,
    /// Taken back by the legal person, or ended with the company.
    Cancelled,
}

impl SealApplicationState {
    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnderReview => "under_review",
            Self::Made => "made",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A seal that was made.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealView {
    /// Names it.
    pub seal: SealId,
    /// 统一社会信用代码 of the company.
    pub enterprise: String,
    /// Which of the company's seals.
    pub kind: SealKind,
    /// 电子印章名称
    pub name: String,
    /// What the CA knows it by: esID (GB/T 38540).
    pub authority_seal_id: String,
    /// Name of the adapter of the CA that made it.
    pub certificate_authority: String,
    /// The application that it came from; none where an operator had it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<SealApplicationId>,
    /// When it was made.
    pub made_at: Timestamp,
    /// The first moment of its validity.
    pub valid_from: Timestamp,
    /// The last moment of its validity.
    pub valid_until: Timestamp,
    /// On paper, millimetres.
    pub width_mm: u32,
    /// On paper, millimetres.
    pub height_mm: u32,
    /// Who may use it; told to its company's legal person and to staff of the trading centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<SealUsage>,
    /// What is in force.
    pub state: SealState,
    /// The revocation, where it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<SealRevocation>,
}

/// What is in force of a seal.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SealState {
    /// It can be put on documents.
    Active,
    /// It can not any more.
    Revoked,
    /// Its validity is over.
    Expired,
}

/// A seal's revocation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealRevocation {
    /// Why.
    pub reason: SealRevocationReason,
    /// Since when.
    pub at: Timestamp,
    /// Who revoked it.
    pub by: ChangedBy,
    /// Whether the CA has answered. The revocation is in force here without it.
    pub confirmed: bool,
    /// What the CA said when it did not revoke it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<String>,
}

/// Why a seal is revoked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SealRevocationReason {
    /// No longer needed.
    NoLongerUsed,
    /// Somebody used it who should not, or may have.
    Misused,
    /// Another seal replaced it. Only the broker gives this reason.
    Superseded,
    /// Its application had been cancelled. Only the broker gives this reason.
    ApplicationCancelled,
    /// The company was deleted, or has another legal person. Only the broker gives this reason.
    EnterpriseChanged,
}

/// Revokes a seal, for good.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SealRevocationRequest {
    /// Why: `no_longer_used` or `misused`.
    pub reason: SealRevocationRequestReason,
}

/// Why people revoke a seal.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SealRevocationRequestReason {
    /// No longer needed.
    NoLongerUsed,
    /// Somebody used it who should not, or may have.
    Misused,
}

/// A certificate that may put a seal on documents now.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealUserView {
    /// SM3 of the signing certificate's DER.
    pub certificate_sm3: Sm3Hex,
    /// The user that it belongs to, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The holder's name.
    pub name: String,
    /// What is in force of the certificate: only an active one seals.
    pub state: CertificateState,
}
