//! The record.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Sm3Hex, Timestamp};

use crate::actor::Actor;
use crate::reminder::Reminders;

use super::{Facts, HoldReason, RevocationReason};

/// How a certificate pair stands: the half of its record that changes. The default is that of a fresh certificate, so that
/// records without one read as active.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Standing {
    /// What the broker wants of it.
    pub desired: Desired,
    /// What the CA has confirmed.
    pub confirmed: Confirmed,
    /// What the CA may have been asked for without the answer being known. It is asked again until the answer is known, even
    /// when something else is wanted meanwhile; only a revocation passes it, since it ends both states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_way: Option<HoldChange>,
    /// How many holds and ends of holds the CA has answered. Tells an answer to the operation that is under way from a late
    /// one to an earlier.
    pub answered: u32,
    /// What the CA would not do.
    #[serde(skip_serializing_if = "DeclinedOperations::is_empty")]
    pub declined: DeclinedOperations,
    /// Since when nobody sees it any more: the person or company was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_at: Option<Timestamp>,
    /// The certificate that replaced it, by renewal or on a new phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<Sm3Hex>,
    /// Which reminders of its end were sent.
    #[serde(skip_serializing_if = "Reminders::is_empty")]
    pub reminders: Reminders,
}

/// What the broker wants of a certificate.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Desired {
    /// In use.
    #[default]
    Active,
    /// Suspended.
    Held(Hold),
    /// For good.
    Revoked(Revocation),
}

/// A suspension.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hold {
    /// Why.
    pub reason: HoldReason,
    /// Since when.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Actor,
}

/// A revocation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Revocation {
    /// Why.
    pub reason: RevocationReason,
    /// Since when.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Actor,
}

/// What the CA has confirmed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmed {
    /// Issued, and nothing since; or let go after a hold.
    #[default]
    Active,
    /// On hold.
    Held,
    /// For good.
    Revoked,
}

/// An operation at the CA that can be undone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldChange {
    /// To suspend.
    Hold,
    /// To end a suspension.
    Unhold,
}

/// What the CA would not do, by operation. The broker blocks a certificate all the same.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct DeclinedOperations {
    /// To suspend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Declined>,
    /// To end a suspension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhold: Option<Declined>,
    /// To revoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke: Option<Declined>,
}

/// That and why the CA would not do an operation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Declined {
    /// When it said so.
    pub at: Timestamp,
    /// Whether the CA offers the operation at all.
    pub supported: bool,
    /// What it said, for people.
    pub reason: String,
}

/// What is in force.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It may be used.
    Active,
    /// Suspended, at the broker or at the CA.
    Held,
    /// Revoked, at the broker or at the CA.
    Revoked,
    /// Its validity is over.
    Expired,
}

impl Standing {
    /// One that was revoked by the broker before it kept standings.
    #[must_use]
    pub fn revoked(reason: RevocationReason, at: Timestamp, confirmed: bool) -> Self {
        Self {
            desired: Desired::Revoked(Revocation { reason, at, by: Actor::System }),
            confirmed: if confirmed { Confirmed::Revoked } else { Confirmed::Active },
            ..Self::default()
        }
    }

    /// What is in force: the strictest of what is wanted, what the CA has confirmed, and what it may have done already.
    /// Sessions accept [`Status::Active`] only.
    #[must_use]
    pub fn status(&self, facts: &Facts, now: Timestamp) -> Status {
        let held = matches!(self.desired, Desired::Held(_))
            || self.confirmed == Confirmed::Held
            || self.under_way.is_some();
        if self.is_revoked() {
            Status::Revoked
        } else if facts.has_expired(now) {
            Status::Expired
        } else if held {
            Status::Held
        } else {
            Status::Active
        }
    }

    /// Whether nobody sees it any more.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden_at.is_some()
    }

    /// Whether a revocation is wanted or confirmed.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        matches!(self.desired, Desired::Revoked(_)) || self.confirmed == Confirmed::Revoked
    }

    /// The revocation, where one is wanted.
    #[must_use]
    pub fn revocation(&self) -> Option<&Revocation> {
        if let Desired::Revoked(revocation) = &self.desired { Some(revocation) } else { None }
    }
}

impl DeclinedOperations {
    /// Whether the CA has done all it was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hold.is_none() && self.unhold.is_none() && self.revoke.is_none()
    }
}
