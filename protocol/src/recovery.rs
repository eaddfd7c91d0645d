//! Recovery of an encryption key that the CA has in escrow, for a holder's new phone.

use serde::{Deserialize, Serialize};

use crate::binary::{Base64, Sm3Hex};
use crate::identifier::{RecoveryId, UserId};
use crate::timestamp::Timestamp;

/// Asks for a key. Only the phone that asks gets it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveryRequest {
    /// PKCS#10, DER, of a key on this phone and signed with it: the CA envelopes the encryption key for that key.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "byte", min_length = 4, max_length = 16_384))]
    pub certificate_request: Base64,
}

/// A request for a key.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryView {
    /// Names it.
    pub recovery: RecoveryId,
    /// The pair whose encryption key is wanted.
    pub certificate_sm3: Sm3Hex,
    /// Serial number of its encryption certificate, lower-case hexadecimal.
    pub encryption_serial: String,
    /// Who asks, the holder.
    pub user: UserId,
    /// The holder's name in the certificate.
    pub holder_name: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when the consents have to be there.
    pub consent_until: Timestamp,
    /// Where it stands.
    pub state: RecoveryState,
    /// How many security officers have consented.
    pub consents: u32,
    /// How many have to.
    pub consents_needed: u32,
    /// Why it was rejected or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The key, once it is there, for the phone that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RecoveredKey>,
}

/// Where a recovery stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecoveryState {
    /// Fewer security officers than needed have consented.
    AwaitingConsent,
    /// The CA is asked.
    Recovering,
    /// The key is there.
    Done,
    /// The CA does not give it.
    Failed,
    /// Refused by a security officer, or ended with the holder's or the company's removal.
    Rejected,
    /// Taken back by the holder.
    Withdrawn,
    /// The consents did not come in time.
    Expired,
}

/// An encryption key on its way to the phone.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveredKey {
    /// The certificate that the key belongs to, DER.
    pub encryption_certificate: Base64,
    /// `SM2EnvelopedKey` (GM/T 0009) for the key of the certificate request, DER.
    pub enveloped_key: Base64,
}

/// A security officer's refusal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveryRejection {
    /// Why, for the holder: 1 to 200 characters without control characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub reason: String,
}
