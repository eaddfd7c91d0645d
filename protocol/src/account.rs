//! A user's account and the phones that are signed in.

use serde::{Deserialize, Serialize};

use crate::binary::Base64;
use crate::holder::{Enterprise, HolderKind};
use crate::identifier::{DeviceSessionId, SignInId, UserId};
use crate::timestamp::Timestamp;
use crate::token::Token;

/// Begins a sign-in.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The phone's SM2 public key, 65 octets of SEC1. All that follows is bound to it.
    pub device_key: Base64,
}

/// A sign-in that has begun.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInBegun {
    /// Names it.
    pub sign_in: SignInId,
    /// What the user's browser opens at the identity provider.
    pub authorization_url: String,
    /// After that it begins anew.
    pub expires_at: Timestamp,
}

/// Ends a sign-in: what the identity provider sent back, with a DPoP proof of the device key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// Which sign-in.
    pub sign_in: SignInId,
    /// `state`, as the provider sent it back.
    pub state: Token,
    /// The authorization code.
    pub code: Token,
    /// What the user calls the phone, 1 to 64 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub device_name: String,
}

/// Has a new access token made: with a DPoP proof of the device key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RenewalRequest {
    /// Of the session.
    pub renewal_token: Token,
}

/// A phone that is signed in, with its tokens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionOpened {
    /// Names the session.
    pub session: DeviceSessionId,
    /// For `Authorization: DPoP …`, each time with a proof.
    pub access_token: Token,
    /// When the access token ends.
    pub access_token_expires_at: Timestamp,
    /// Gets the next access token, once.
    pub renewal_token: Token,
    /// Who is signed in.
    pub account: Account,
}

/// A user.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// Names the user.
    pub user: UserId,
    /// Personal or legal-person user.
    pub kind: HolderKind,
    /// As the identity provider has it; empty below level L2.
    pub name: String,
    /// The ID number with its middle hidden, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_id_number: Option<String>,
    /// The telephone number with its middle hidden, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_phone_number: Option<String>,
    /// `L1` to `L4`.
    pub assurance_level: String,
    /// What is still to be reached before certificates can be had, in order.
    pub missing_levels: Vec<String>,
    /// Where it is reached.
    pub levels_url: String,
    /// The company that a legal-person user stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<Enterprise>,
}

/// A phone that is signed in, as its user sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceSessionView {
    /// Names it.
    pub session: DeviceSessionId,
    /// What the user calls the phone.
    pub device_name: String,
    /// Since when.
    pub signed_in_at: Timestamp,
    /// When it was last heard of, to within some minutes.
    pub last_used_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}
