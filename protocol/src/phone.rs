//! The phone's side of the REST interface.

use serde::{Deserialize, Serialize};

use crate::binary::{Base64, Sm3Hex};
use crate::cause::Cause;
use crate::event::SessionState;
use crate::holder::{Holder, SealSummary};
use crate::identifier::{ItemId, SessionId};
use crate::statement::{Display, RelyingPartyName};
use crate::task::Purpose;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// An enrolment is answered within so many seconds, also while its CA is out of reach: a phone waits longer than that before it
/// takes the answer for lost and sends the same request again.
pub const ENROLMENT_ANSWERED_WITHIN_SECONDS: u64 = 60;

/// `POST /v1/phone/enrolments`. The same request sent again gets the same certificates.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The one-time code from the operator.
    pub code: Token,
    /// Bytes of [`crate::statement::Enrolment`].
    pub enrolment: Base64,
    /// SM2Signature by the device key over them.
    pub signature: Base64,
}

/// Answer to [`EnrolRequest`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolled {
    /// Whom the certificates name.
    pub holder: Holder,
    /// Name of the CA's adapter.
    pub certificate_authority: String,
    /// DER.
    pub signing_certificate: Base64,
    /// DER. Absent where the enrolment allows a signing certificate alone and the CA issues no other; such a holder signs, and
    /// nothing can be encrypted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_certificate: Option<Base64>,
    /// SM2EnvelopedKey (GM/T 0009), DER: the encryption key, for the signing key. There where `encryption_certificate` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enveloped_key: Option<Base64>,
    /// Issuers up to and with the root, DER.
    pub chain: Vec<Base64>,
}

/// `POST /v1/phone/claims`. The same claim sent again gets the same answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Bytes of [`crate::statement::Claim`].
    pub claim: Base64,
    /// SM2Signature by the device key over them.
    pub signature: Base64,
}

/// Answer to [`ClaimRequest`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claimed {
    /// The session.
    pub session: SessionId,
    /// `Authorization: Bearer` of the phone's further requests for it.
    pub claim_token: Token,
    /// Show it: it must be the one on the bid system's page.
    pub match_code: String,
    /// Who asks.
    pub relying_party: RelyingPartyName,
    /// What for.
    pub purpose: Purpose,
    /// What the bid system wants to be read.
    pub display: Display,
    /// Whether the items are still to come.
    pub items_awaited: bool,
    /// It expires then.
    pub confirm_until: Timestamp,
}

/// Extension member `seals` of the problem `seal-choice-required`: claim again with one of them.
pub type SealChoice = Vec<SealSummary>;

/// `GET /v1/phone/sessions/{id}?wait=SECONDS`: with `wait` it answers when late items have come.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PhoneSession {
    /// Where the session stands.
    pub state: SessionState,
    /// It expires then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Bytes of [`crate::Statement`]: what to show and to sign. Absent while items are awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Base64>,
    /// In `seal` sessions the SESeal, DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Base64>,
    /// SM3 of the bytes that the broker expects to be signed for each item, so that a disagreement shows before the PIN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_be_signed: Vec<ItemDigest>,
    /// Why it ended without a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// A digest of what is signed for an item.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ItemDigest {
    /// Which item.
    pub id: ItemId,
    /// SM3 of the bytes.
    pub sm3: Sm3Hex,
}

/// `POST /v1/phone/sessions/{id}/response`. The same bytes sent again get the same answer, other bytes a conflict.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// SM2Signature by the signing key over the statement.
    pub statement_signature: Base64,
    /// One per item in `sign` and `seal` (SM2Signature over the item's bytes) and `decrypt` (SM2Cipher for the one-time
    /// key), in the order of the items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemResponse>,
    /// In `decrypt`: SM2Signature by the signing key over [`crate::statement::OpenedKeys`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_keys_signature: Option<Base64>,
}

/// One item's answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ItemResponse {
    /// Which item.
    pub id: ItemId,
    /// DER.
    pub value: Base64,
}

/// Answer to [`Response`] and [`Decline`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Answered {
    /// The final state.
    pub state: SessionState,
    /// When.
    pub at: Timestamp,
}

/// `POST /v1/phone/sessions/{id}/decline`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// Why.
    pub reason: DeclineReason,
    /// With `key_did_not_open`: which item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
}

/// Why a phone gives no answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// The holder said no.
    Declined,
    /// The holder did not start this and reports it.
    Reported,
    /// Too many wrong PINs.
    PinLocked,
    /// The bytes do not say what was to be shown.
    Refused,
    /// The encryption key does not open an item.
    KeyDidNotOpen,
}
