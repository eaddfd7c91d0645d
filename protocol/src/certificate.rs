//! Certificate pairs as their holder, the company's legal person and the trading centre's staff see them.

use serde::{Deserialize, Serialize};

use crate::binary::Sm3Hex;
use crate::holder::Holder;
use crate::identifier::{OrderId, UserId};
use crate::timestamp::Timestamp;

/// A signing and, where its CA issues one, an encryption certificate of one holder on one phone.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CertificateView {
    /// SM3 of the signing certificate's DER: names the pair.
    pub certificate_sm3: Sm3Hex,
    /// Whom it names.
    pub holder: Holder,
    /// The user that it belongs to; none for one that an operator enrolled for a person who never signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The order that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// Name of the adapter of its CA.
    pub certificate_authority: String,
    /// Serial number of the signing certificate, lower-case hexadecimal.
    pub signing_serial: String,
    /// Serial number of the encryption certificate; none where the CA issues signing certificates only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_serial: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// What is in force.
    pub state: CertificateState,
    /// The suspension that is wanted, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<CertificateSuspension>,
    /// The revocation that is wanted, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<CertificateRevocation>,
    /// Whether the CA has still to be told. What is in force here does not wait for it.
    pub authority_pending: bool,
    /// What the CA said when it would not do what it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_declined: Option<String>,
    /// The certificate that replaced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Sm3Hex>,
}

/// What is in force: the stricter of what is wanted and what the CA has confirmed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// It answers sessions.
    Active,
    /// It does not, for the time being.
    Suspended,
    /// It does not any more.
    Revoked,
    /// Its validity is over.
    Expired,
}

/// A suspension.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CertificateSuspension {
    /// Why: a [`SuspensionReason`], or `kept_by_authority` where the CA does not end it.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Who suspended it.
    pub by: ChangedBy,
}

/// A revocation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CertificateRevocation {
    /// Why.
    pub reason: RevocationReason,
    /// Since when.
    pub at: Timestamp,
    /// Who revoked it.
    pub by: ChangedBy,
    /// Whether the CA has confirmed it.
    pub confirmed: bool,
}

/// Who changed something, as far as everybody who sees it may know.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    /// The holder.
    Holder,
    /// The company's legal person.
    LegalPerson,
    /// The trading centre's staff.
    Operator,
    /// The broker, as part of something else or because the CA did it by itself.
    Broker,
}

/// Suspends a certificate.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CertificateSuspensionRequest {
    /// Why.
    pub reason: SuspensionReason,
}

/// Why a certificate is suspended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuspensionReason {
    /// The phone is lost, perhaps to be found again.
    PhoneLost,
    /// Somebody may have used it who should not.
    SuspectedMisuse,
    /// It is not needed for a while.
    NotInUse,
}

/// Revokes a certificate, for good.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CertificateRevocationRequest {
    /// Why.
    pub reason: RevocationReason,
}

/// `CRLReason` of RFC 5280, section 5.3.1, as far as people give them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// The holder left the company.
    AffiliationChanged,
    /// The CA's key is in other hands. For operators only.
    #[serde(rename = "cACompromise")]
    CaCompromise,
    /// No longer needed.
    CessationOfOperation,
    /// The holder's key may be in other hands.
    KeyCompromise,
    /// A right was withdrawn. For the legal person and operators only.
    PrivilegeWithdrawn,
    /// Another certificate replaced it.
    Superseded,
    /// No reason is given.
    Unspecified,
}
