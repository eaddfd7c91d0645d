//! Why a certificate is suspended or revoked.

use serde::{Deserialize, Serialize};

/// `CRLReason` of RFC 5280, section 5.3.1, without those that end no certificate (certificateHold, removeFromCRL) and the one
/// for attribute authorities. In JSON the names of the standard.
///
/// ```asn1
/// CRLReason ::= ENUMERATED { unspecified (0), keyCompromise (1), cACompromise (2), affiliationChanged (3),
///     superseded (4), cessationOfOperation (5), certificateHold (6), removeFromCRL (8), privilegeWithdrawn (9),
///     aACompromise (10) }
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RevocationReason {
    /// 3: the holder left the company.
    AffiliationChanged,
    /// 2: the CA's key. Only operators can know.
    #[serde(rename = "cACompromise")]
    CaCompromise,
    /// 5: no longer needed.
    CessationOfOperation,
    /// 1: the holder's key, as when a phone is lost together with its PIN.
    KeyCompromise,
    /// 9: a right was withdrawn. Only the legal person and operators can say so.
    PrivilegeWithdrawn,
    /// 4: another certificate replaced it.
    Superseded,
    /// 0.
    Unspecified,
}

impl RevocationReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AffiliationChanged,
        Self::CaCompromise,
        Self::CessationOfOperation,
        Self::KeyCompromise,
        Self::PrivilegeWithdrawn,
        Self::Superseded,
        Self::Unspecified,
    ];

    /// The standard's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AffiliationChanged => "affiliationChanged",
            Self::CaCompromise => "cACompromise",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::KeyCompromise => "keyCompromise",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::Superseded => "superseded",
            Self::Unspecified => "unspecified",
        }
    }
}

/// Why a certificate is suspended. RFC 5280 knows only one reason for it, certificateHold; this is for people.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// The phone is lost, perhaps to be found again.
    PhoneLost,
    /// Somebody may have used it who should not.
    SuspectedMisuse,
    /// The holder does not need it for a while.
    NotInUse,
    /// The CA does not end the suspension. Nobody can ask for this one.
    KeptByAuthority,
}

impl HoldReason {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PhoneLost => "phone_lost",
            Self::SuspectedMisuse => "suspected_misuse",
            Self::NotInUse => "not_in_use",
            Self::KeptByAuthority => "kept_by_authority",
        }
    }
}
