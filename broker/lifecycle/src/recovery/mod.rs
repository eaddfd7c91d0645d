//! Recovery of an encryption key: the holder has a new phone and bids that were encrypted for the old one.
//!
//! ```text
//! AwaitingConsent ──second consent──→ Recovering ──→ Done
//!    │  │  │                            │   └──────→ Failed
//!    │  │  └→ Expired                   └──────────→ Rejected (the removal of the person or company)
//!    │  └───→ Withdrawn
//!    └──────→ Rejected
//! ```
//!
//! Two security officers consent, never the same twice (GM/T 0034: recovery needs several persons present). The CA envelopes
//! the key for the key of the certificate request, which the asking phone has made, so that nobody on the way can open it; only the phone
//! with the request's device key gets the envelope.

mod command;
mod refusal;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Base64, OperatorId, RecoveryId, Sm3Hex, Timestamp, UserId};

use crate::actor::Actor;

pub use refusal::RecoveryRefusal;

/// How many different security officers have to consent.
pub const CONSENTS: usize = 2;

/// A request to get an encryption key back, stored under its id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recovery {
    /// Its name.
    pub id: RecoveryId,
    /// The pair whose encryption key is wanted, by SM3 of its signing certificate's DER.
    pub certificate: Sm3Hex,
    /// Serial number of the encryption certificate, lower-case hexadecimal.
    pub encryption_serial: String,
    /// The holder, who asked.
    pub holder: UserId,
    /// Public key of the new phone, 04 ‖ x ‖ y: the CA envelopes the recovered key for it, and only it gets the reply.
    pub device_key: Base64,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when both consents have to be there.
    pub consent_until: Timestamp,
    /// Where it stands.
    pub state: RecoveryState,
}

/// Where a recovery stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RecoveryState {
    /// Fewer than two security officers have consented.
    AwaitingConsent {
        /// Who has.
        consents: Vec<Consent>,
    },
    /// The CA is asked, until it answers.
    Recovering {
        /// Who consented.
        consents: Vec<Consent>,
    },
    /// The key is there for the phone.
    Done {
        /// Since when.
        at: Timestamp,
        /// `SM2EnvelopedKey` (GM/T 0009) for the key of the certificate request, DER.
        envelope: Base64,
        /// Who consented.
        consents: Vec<Consent>,
    },
    /// The CA does not give it.
    Failed {
        /// Since when.
        at: Timestamp,
        /// What it said, for people.
        reason: String,
    },
    /// Refused by a security officer, or by the broker because the holder or the company was removed.
    Rejected {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Actor,
        /// Why, for the holder.
        reason: String,
    },
    /// Taken back by the holder.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
    /// The consents did not come in time.
    Expired {
        /// Since when.
        at: Timestamp,
    },
}

/// A security officer's consent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Consent {
    /// Whose.
    pub by: OperatorId,
    /// When.
    pub at: Timestamp,
}

impl Recovery {
    /// Whether the key may still come: one such request at a time for each certificate.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.state {
            RecoveryState::AwaitingConsent { .. } => !self.is_late(now),
            RecoveryState::Recovering { .. } => true,
            _ => false,
        }
    }

    /// The consents so far.
    #[must_use]
    pub fn consents(&self) -> &[Consent] {
        match &self.state {
            RecoveryState::AwaitingConsent { consents }
            | RecoveryState::Recovering { consents }
            | RecoveryState::Done { consents, .. } => consents,
            _ => &[],
        }
    }

    /// The idempotency key for the CA.
    #[must_use]
    pub fn key(&self) -> String {
        format!("recover-{}", self.id)
    }

    fn subject(&self) -> String {
        format!("recovery/{}", self.id)
    }
}
