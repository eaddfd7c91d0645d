//! What becomes of a certificate pair after it is issued: suspended, resumed, revoked, expired, hidden.
//!
//! The broker writes down what is wanted and lets no session pass that goes against it; a job then brings the CA to it:
//!
//! ```text
//! command → Standing { desired } ─┐
//!                                 ├→ next_operation() → the CA → confirm() → next_operation() → … → nothing left to do
//!           Standing { confirmed }┘
//! ```
//!
//! The stricter of what is wanted and what the CA has confirmed is in force ([`Standing::status`]): a suspension or
//! revocation that the CA has not heard of blocks already, and a certificate that is resumed stays blocked until the CA has
//! let it go.

mod command;
mod reason;
mod reconcile;
mod refusal;
mod standing;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{OrderId, Sm3Hex, Timestamp, UserId};

use crate::identity::CreditCode;

pub use reason::{HoldReason, RevocationReason};
pub use reconcile::{Answer, CaOperation, PendingOperation};
pub use refusal::CertificateRefusal;
pub use standing::{
    Confirmed, Declined, DeclinedOperations, Desired, Hold, HoldChange, Revocation, Standing, Status,
};

/// What decisions need to know of a certificate pair and never changes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Facts {
    /// SM3 of the signing certificate's DER, its name.
    pub sm3: Sm3Hex,
    /// Who holds it; nobody for one that was enrolled by an operator for a person who never signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The company that the holder acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<CreditCode>,
    /// The order that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// Serial number of the signing certificate, lower-case hexadecimal.
    pub signing_serial: String,
    /// Serial number of the encryption certificate, lower-case hexadecimal; empty where there is none.
    pub encryption_serial: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
}

impl Facts {
    /// Its name in the audit log.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("certificate/{}", self.sm3)
    }

    /// Whether its validity is over.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.not_after < now
    }
}
