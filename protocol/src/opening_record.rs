//! The opening record (开标记录): what became of each session of a bid opening, signed by the broker.

use serde::{Deserialize, Serialize};

use crate::binary::{Base64, Sm3Hex};
use crate::cause::{Attribution, Cause};
use crate::event::SessionState;
use crate::holder::Holder;
use crate::identifier::{OpeningId, SessionId};
use crate::statement::{RelyingPartyName, SignedText};
use crate::timestamp::Timestamp;

/// `GET /v1/openings/{id}/record`
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SignedOpeningRecord {
    /// Bytes of [`OpeningRecord`].
    pub record: Base64,
    /// SM2Signature (GM/T 0009, DER) by the broker's key over them, default ID.
    pub signature: Base64,
    /// The broker's key, 04 ‖ x ‖ y.
    pub public_key: Base64,
}

/// `GET /v1/broker`
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BrokerKey {
    /// The key that signs opening records, 04 ‖ x ‖ y.
    pub public_key: Base64,
}

/// What is signed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningRecord {
    /// Which opening.
    pub opening: OpeningId,
    /// As given.
    pub title: String,
    /// Whose.
    pub relying_party: RelyingPartyName,
    /// When its window ends.
    pub until: Timestamp,
    /// When the record was made.
    pub made_at: Timestamp,
    /// Whether every session has ended and is listed: then no later record says anything else.
    pub complete: bool,
    /// In the opening's order.
    pub sessions: Vec<RecordedSession>,
}

impl SignedText for OpeningRecord {
    const DOMAIN: &'static str = "YINQIAO OPENING RECORD 1";
}

/// One session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedSession {
    /// Which.
    pub session: SessionId,
    /// The bid system's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Where it stands.
    pub state: SessionState,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When it was scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// Who scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// SM3 of the signing certificate's DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sm3: Option<Sm3Hex>,
    /// SM3 of the phone's response, length-prefixed as `digest_of_parts` does: evidence of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_sm3: Option<Sm3Hex>,
    /// Why it ended without a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Through whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributed_to: Option<Attribution>,
}
