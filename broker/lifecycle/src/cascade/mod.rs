//! A removal with all that follows from it: of a person from a company, of a company, of its legal person, of a person.
//!
//! The cascade is a stored list of steps, planned from what there is ([`Inventory`]). Whoever drives it runs what
//! [`Cascade::next`] names, writes down how it went, and, when nothing is open, takes the inventory again
//! ([`Cascade::replan`]): what came in between, or was done without being written down, is found there. It is finished when
//! the inventory has nothing left, so that it comes to the same end whenever it is interrupted.
//!
//! Blocking comes first: sessions end and certificates are revoked before anything else is tried; the company or person itself
//! goes last, when all else is gone. A step that fails pauses by itself and holds up only what needs it.

mod inventory;
mod plan;
mod progress;
mod run;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{
    CascadeId, OrderId, RecoveryId, SealApplicationId, SealId, Sm3Hex, Timestamp, UserId,
};

use crate::actor::Actor;
use crate::identity::CreditCode;
use crate::refusal::RefusalKind;

pub use inventory::{Inventory, RemainingCertificate, RemainingSeal};
pub use progress::{OpenStep, Progress};
pub use run::Next;

/// A removal, stored under its id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cascade {
    /// Its name.
    pub id: CascadeId,
    /// What is removed.
    pub kind: CascadeKind,
    /// Who asked for it.
    pub by: Actor,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// What there is to do and what is done, in the order in which it was planned.
    pub steps: Vec<CascadeStep>,
    /// When nothing was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// What is removed.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CascadeKind {
    /// A person from a company: the person's certificates of this company are revoked and deleted.
    RemoveMember {
        /// The company.
        enterprise: CreditCode,
        /// The person.
        user: UserId,
    },
    /// A company with all that is its own.
    DeleteEnterprise {
        /// The company.
        enterprise: CreditCode,
    },
    /// A company's former legal person: certificates of this company are revoked, and the seals in the person's name.
    ChangeLegalPerson {
        /// The company.
        enterprise: CreditCode,
        /// Who was it.
        former: UserId,
    },
    /// A person with all that is the person's own.
    DeleteUser {
        /// The person.
        user: UserId,
    },
}

/// One step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CascadeStep {
    /// What has to be done.
    pub what: What,
    /// When it was done; open until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// Attempts that failed.
    pub attempts: u32,
    /// Why the last one failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Not before.
    pub due: Timestamp,
}

/// What has to be done. Each may be repeated: what is so already counts as done.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "do", content = "with", rename_all = "snake_case")]
pub enum What {
    /// To end what a person has open, as far as it belongs to what is removed.
    EndSessions(UserId),
    /// To revoke a certificate: blocked at the broker with the first attempt, done when the CA has confirmed it.
    RevokeCertificate(Sm3Hex),
    /// To reject the recovery of a key.
    RejectRecovery(RecoveryId),
    /// To cancel an order, with the refund of what is paid. One that the CA is issuing has to come to its end first.
    CancelOrder(OrderId),
    /// To cancel an application for a seal.
    CancelSealApplication(SealApplicationId),
    /// To revoke a seal: blocked at the broker with the first attempt, done when the CA has confirmed it.
    RevokeSeal(SealId),
    /// To end a membership or the application for one.
    EndMembership {
        /// The company.
        enterprise: CreditCode,
        /// The person.
        user: UserId,
    },
    /// To take a certificate out of sight.
    DeleteCertificate(Sm3Hex),
    /// To delete the company, which has nothing left.
    DeleteEnterprise(CreditCode),
    /// To delete the person, who has nothing left.
    DeleteUser(UserId),
}

/// What stands against a command.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CascadeRefusal {
    /// Another power.
    #[error("only an operator of the trading centre has a removal tried again")]
    NotAllowed,
    /// Not planned.
    #[error("this removal has no step {0}")]
    NoSuchStep(String),
    /// The inventory comes when all steps are done.
    #[error("this removal is finished")]
    Finished,
}

impl CascadeRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NotAllowed => RefusalKind::NotAllowed,
            Self::NoSuchStep(_) => RefusalKind::NotFound,
            Self::Finished => RefusalKind::Conflict,
        }
    }
}

impl Cascade {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished_at.is_some()
    }

    fn subject(&self) -> String {
        format!("cascade/{}", self.id)
    }
}

impl CascadeKind {
    /// As in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RemoveMember { .. } => "remove_member",
            Self::DeleteEnterprise { .. } => "delete_enterprise",
            Self::ChangeLegalPerson { .. } => "change_legal_person",
            Self::DeleteUser { .. } => "delete_user",
        }
    }

    /// The company that it is about.
    #[must_use]
    pub fn enterprise(&self) -> Option<&CreditCode> {
        match self {
            Self::RemoveMember { enterprise, .. }
            | Self::DeleteEnterprise { enterprise }
            | Self::ChangeLegalPerson { enterprise, .. } => Some(enterprise),
            Self::DeleteUser { .. } => None,
        }
    }
}

impl fmt::Display for What {
    /// With the name of what it is done to: `revoke-certificate/3f0a…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndSessions(user) => write!(f, "end-sessions/{user}"),
            Self::RevokeCertificate(sm3) => write!(f, "revoke-certificate/{sm3}"),
            Self::RejectRecovery(id) => write!(f, "reject-recovery/{id}"),
            Self::CancelOrder(id) => write!(f, "cancel-order/{id}"),
            Self::CancelSealApplication(id) => write!(f, "cancel-seal-application/{id}"),
            Self::RevokeSeal(id) => write!(f, "revoke-seal/{id}"),
            Self::EndMembership { enterprise, user } => write!(f, "end-membership/{enterprise}/{user}"),
            Self::DeleteCertificate(sm3) => write!(f, "delete-certificate/{sm3}"),
            Self::DeleteEnterprise(code) => write!(f, "delete-enterprise/{code}"),
            Self::DeleteUser(user) => write!(f, "delete-user/{user}"),
        }
    }
}
