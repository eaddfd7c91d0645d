//! Companies and who belongs to them.

use serde::{Deserialize, Serialize};

use crate::identifier::{CascadeId, UserId};
use crate::timestamp::Timestamp;

/// What its legal person may edit of a company.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnterpriseData {
    /// As registered.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub name: String,
    /// Where it is.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub address: String,
    /// Who is called, and where.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub contact: String,
}

/// A company.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnterpriseView {
    /// 统一社会信用代码
    pub code: String,
    /// What may be edited.
    pub data: EnterpriseData,
    /// Its legal person's masked name.
    pub legal_person: String,
    /// Who wants to be its legal person from now on, for those who decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<SuccessorView>,
    /// `active`, `deleting` or `deleted`.
    pub state: String,
    /// The removal under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cascade: Option<CascadeId>,
    /// Since when it is registered.
    pub since: Timestamp,
}

/// Who wants to be a company's legal person.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SuccessorView {
    /// Which user.
    pub user: UserId,
    /// The masked name.
    pub name: String,
    /// Since when.
    pub requested_at: Timestamp,
}

/// Asks to join a company.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// Where the person works there.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub department: String,
}

/// Adds a person who has applied.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// As on the identity card.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub name: String,
    /// 公民身份号码 (GB 11643).
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]{17}[0-9X]$"))]
    pub id_number: String,
}

impl std::fmt::Debug for NewMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewMember(…)")
    }
}

/// Why something is not agreed to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// What the person reads.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub reason: String,
}

/// A person in a company, or on the way there, as its legal person sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    /// Which user.
    pub user: UserId,
    /// The person's name.
    pub name: String,
    /// The ID number with its middle hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_id_number: Option<String>,
    /// The telephone number with its middle hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_phone_number: Option<String>,
    /// Where the person works there.
    pub department: String,
    /// `applied`, `active`, `rejected`, `withdrawn`, `removing` or `removed`.
    pub state: String,
    /// When the person applied.
    pub applied_at: Timestamp,
    /// The removal under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cascade: Option<CascadeId>,
}

/// A company that a person belongs to, or wants to, as that person sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembershipView {
    /// 统一社会信用代码
    pub enterprise: String,
    /// The company's name.
    pub enterprise_name: String,
    /// Where the person works there.
    pub department: String,
    /// `applied`, `active`, `rejected`, `withdrawn`, `removing` or `removed`.
    pub state: String,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was applied for.
    pub applied_at: Timestamp,
}

/// A removal with what follows from it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CascadeView {
    /// Names it.
    pub cascade: CascadeId,
    /// What is removed, in words for programs: `remove_member`, `delete_enterprise`, `change_legal_person` or
    /// `delete_user`.
    pub kind: String,
    /// Since when.
    pub started_at: Timestamp,
    /// When everything was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Steps that are known so far.
    pub planned: u32,
    /// Of them done.
    pub done: u32,
    /// What is still open.
    pub open: Vec<OpenStepView>,
}

/// A step of a removal that is not done.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenStepView {
    /// What: `revoke-certificate/…`.
    pub step: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}
