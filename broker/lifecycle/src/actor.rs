//! Who asks.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::{OperatorId, UserId};

use crate::identity::{AssuranceLevel, CreditCode};

/// Whoever brings a command.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "actor", rename_all = "snake_case")]
pub enum Actor {
    /// A person at a phone.
    User(UserActor),
    /// Staff of the trading centre.
    Operator {
        /// Which.
        id: OperatorId,
        /// What they may do.
        role: OperatorRole,
    },
    /// The broker by itself: expiry, cascades, answers of CAs.
    System,
    /// The payment provider, by a signed callback.
    PaymentProvider,
}

/// A signed-in user, as far as decisions need it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UserActor {
    /// Which.
    pub id: UserId,
    /// Personal or legal-person user.
    pub kind: HolderKind,
    /// The company that a legal-person user stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<CreditCode>,
    /// How well the identity provider knows this person.
    pub level: AssuranceLevel,
}

/// The three separate powers in a trading centre (GB/T 22239-2019, 8.1.5.1 to 8.1.5.3: system, audit and security
/// administration are apart).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorRole {
    /// Runs the business: orders, payments, cascades.
    Operator,
    /// Reads everything that was done, changes nothing.
    Auditor,
    /// Operators, policies, consents to key recovery; no business.
    SecurityOfficer,
}

impl Actor {
    /// Whether both are the same user.
    #[must_use]
    pub fn is_same_user(&self, other: &Self) -> bool {
        self.user().is_some_and(|user| other.is_user(user.id))
    }

    /// The user, where it is one.
    #[must_use]
    pub fn user(&self) -> Option<&UserActor> {
        if let Self::User(user) = self { Some(user) } else { None }
    }

    /// Whether this is the user of that name.
    #[must_use]
    pub fn is_user(&self, id: UserId) -> bool {
        self.user().is_some_and(|user| user.id == id)
    }

    /// Whether this is the legal-person user of a company.
    #[must_use]
    pub fn is_legal_person_of(&self, enterprise: &CreditCode) -> bool {
        self.user().is_some_and(|user| user.stands_for(enterprise))
    }

    /// Whether this is a member of the trading centre's staff in that role.
    #[must_use]
    pub fn has_role(&self, wanted: OperatorRole) -> bool {
        matches!(self, Self::Operator { role, .. } if *role == wanted)
    }
}

impl UserActor {
    /// Whether this legal-person user stands for that company.
    #[must_use]
    pub fn stands_for(&self, enterprise: &CreditCode) -> bool {
        self.kind == HolderKind::LegalPerson && self.enterprise.as_ref() == Some(enterprise)
    }
}
