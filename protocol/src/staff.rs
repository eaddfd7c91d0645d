//! What the trading centre's staff see and do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identifier::OperatorId;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// A member of the staff.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaffView {
    /// Names it.
    pub operator: OperatorId,
    /// The name.
    pub name: String,
    /// `operator`, `auditor` or `security_officer`.
    pub role: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

/// Adds somebody to the staff.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// The name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub name: String,
    /// The one role.
    pub role: StaffRole,
}

/// The three separate powers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Runs the business.
    Operator,
    /// Reads what was done.
    Auditor,
    /// Staff and consents.
    SecurityOfficer,
}

/// Somebody of the staff with a token that is shown once.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaffToken {
    /// Whose.
    pub operator: OperatorId,
    /// For `Authorization: Bearer`.
    pub token: Token,
}

/// A line of the audit log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditView {
    /// What was done: `order.approve`.
    pub action: String,
    /// To what: `order/…`.
    pub subject: String,
    /// By whom: `user/…`, `operator/…`, `system` or `payment_provider`.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What else is worth knowing.
    pub details: BTreeMap<String, String>,
}

/// How much there is of what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// Persons who have signed in.
    pub users: u64,
    /// Companies in use.
    pub enterprises: u64,
    /// Orders by state.
    pub orders: BTreeMap<String, u64>,
    /// What was paid for orders that are not given back, in 分.
    pub paid_fen: u64,
    /// Jobs that wait, by kind.
    pub jobs: BTreeMap<String, u64>,
    /// Removals that are not finished.
    pub removals_open: u64,
}

/// Work that waits.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobView {
    /// `issue/…`, `reconcile/…`, `cascade/…` and so on.
    pub job: String,
    /// When it is tried next.
    pub due: Timestamp,
    /// Attempts that failed in a row.
    pub attempts: u32,
    /// Why the last one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Since when it is there.
    pub since: Timestamp,
}
