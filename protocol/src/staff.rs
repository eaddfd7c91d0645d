//! What the trading centre's staff see and do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::enterprise::EnterpriseView;
use crate::identifier::{OperatorId, PaymentId};
use crate::order::OrderView;
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
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
    /// Payments that have to be given back.
    pub refunds_due: u64,
    /// Certificates by state.
    pub certificates: BTreeMap<String, u64>,
    /// Applications for seals by state.
    pub seal_applications: BTreeMap<String, u64>,
    /// Recoveries of keys that wait for consents or for the CA.
    pub recoveries_open: u64,
}

/// What is searched for: exactly one of these.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// 公民身份号码 of a person (GB 11643).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]{17}[0-9X]$"))]
    pub id_number: Option<String>,
    /// Telephone number of a person: 11 digits, or with `+` and the country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[+]?[0-9]{8,15}$"))]
    pub phone_number: Option<String>,
    /// A person's name, or its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub name: Option<String>,
    /// A company's name, or its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub enterprise_name: Option<String>,
    /// A payment, as it stands in the picture that is scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// What bank or provider calls a payment that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[!-~]{1,64}$"))]
    pub payment_reference: Option<String>,
}

impl std::fmt::Debug for SearchRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchRequest").finish_non_exhaustive()
    }
}

/// What was found.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchResult {
    /// Persons: those with exactly this name first.
    pub users: Vec<Account>,
    /// Companies: those with exactly this name first.
    pub enterprises: Vec<EnterpriseView>,
    /// Orders.
    pub orders: Vec<OrderView>,
    /// Whether there are more than 200: search for a longer beginning.
    pub more: bool,
}

/// What has to be given back for an order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefundView {
    /// The references of the payments that have to be given back, each whole.
    pub references: Vec<String>,
    /// How much each of them was, in 分.
    pub amount_fen: u64,
    /// How much they are together, in 分.
    pub total_fen: u64,
    /// Since when.
    pub due_since: Timestamp,
    /// For which order they came.
    pub order: OrderView,
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
