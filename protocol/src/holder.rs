//! Who answers a session, and which holders a session accepts.

use serde::{Deserialize, Serialize};

use crate::binary::Base64;
use crate::identifier::{HolderId, SealId};

/// What kind of user a holder is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// 个人用户
    Person,
    /// 法人用户
    LegalPerson,
}

/// A company.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Enterprise {
    /// As registered.
    pub name: String,
    /// 统一社会信用代码 (GB 32100).
    pub unified_social_credit_code: String,
}

/// A holder as a bid system gets to know it with a result.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Holder {
    /// Stable over renewals of certificates.
    pub id: HolderId,
    /// Personal or legal-person user.
    pub kind: HolderKind,
    /// The person's name.
    pub name: String,
    /// The company that the holder acts for, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<Enterprise>,
}

/// A seal as it is shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealSummary {
    /// Names it in a claim.
    pub id: SealId,
    /// 电子印章名称
    pub name: String,
}

/// Which holders a session accepts. An empty list accepts all.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// Names of configured adapters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_authorities: Vec<String>,
    /// Unified social credit codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enterprises: Vec<String>,
    /// Holders, as named by an earlier result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub persons: Vec<HolderId>,
}

/// What a bid system learns when a session is claimed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claimant {
    /// The holder's name with all but its first character replaced by `*`.
    pub masked_name: String,
    /// The company's name, where the holder acts for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
    /// The short code that both screens show.
    pub match_code: String,
    /// The signing certificate, DER: given where items come late, since what is sealed depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Base64>,
    /// The chosen seal (SESeal, DER), in `seal` sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Base64>,
}

/// A name with all but its first character hidden: 王小明 becomes 王**.
pub fn masked_name(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(String::from).unwrap_or_default();
    first + &"*".repeat(characters.count().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_name_shows_its_first_character_only() {
        assert_eq!(masked_name("王小明"), "王**");
        assert_eq!(masked_name("李"), "李*");
    }
}
