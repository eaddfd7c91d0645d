//! Staff of the trading centre, and what each role may do.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{OperatorId, Sm3Hex, Timestamp};

use crate::actor::{Actor, OperatorRole};
use crate::audit::AuditNote;
use crate::refusal::RefusalKind;
use crate::step::Step;

#[cfg(test)]
mod tests;

/// A member of the staff as it is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Operator {
    /// Names it.
    pub id: OperatorId,
    /// Unique among those that are not disabled; 1 to 64 characters.
    pub name: String,
    /// The one role: powers are separate.
    pub role: OperatorRole,
    /// SM3 of the access token.
    pub token_sm3: Sm3Hex,
    /// When it was added.
    pub since: Timestamp,
    /// When it was disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}

/// What staff may do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Power {
    /// Look at persons, companies, orders, certificates and seals.
    ReadBusiness,
    /// Decide on orders and successions, confirm payments, block certificates.
    DecideBusiness,
    /// Try jobs and cascades again.
    Retry,
    /// Take lists out as a file.
    Export,
    /// Read the audit log.
    ReadAudit,
    /// Consent to the recovery of an encryption key.
    ConsentToRecovery,
    /// Add and disable staff.
    ManageStaff,
}

impl Power {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ReadBusiness,
        Self::DecideBusiness,
        Self::Retry,
        Self::Export,
        Self::ReadAudit,
        Self::ConsentToRecovery,
        Self::ManageStaff,
    ];
}

impl OperatorRole {
    /// Whether the role has the power. Who does business neither audits nor manages staff, and the other way round.
    #[must_use]
    pub fn may(self, power: Power) -> bool {
        match power {
            Power::DecideBusiness | Power::Retry => self == Self::Operator,
            Power::ReadBusiness | Power::Export => matches!(self, Self::Operator | Self::Auditor),
            Power::ReadAudit => self == Self::Auditor,
            Power::ConsentToRecovery | Power::ManageStaff => self == Self::SecurityOfficer,
        }
    }
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OperatorRefusal {
    /// A name that does not fit.
    #[error("a name has 1 to 64 characters and no control characters")]
    Name,
    /// The name is taken.
    #[error("somebody else of the staff has this name: choose another")]
    NameTaken,
    /// Staff cannot disable itself: then nobody might be left.
    #[error("nobody disables themselves: have another security officer do it")]
    Oneself,
}

impl OperatorRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(self) -> RefusalKind {
        match self {
            Self::Name => RefusalKind::Invalid,
            Self::NameTaken | Self::Oneself => RefusalKind::Conflict,
        }
    }
}

impl Operator {
    /// Adds somebody.
    ///
    /// # Errors
    /// When the name does not fit or is taken.
    pub fn add(
        id: OperatorId,
        name: &str,
        role: OperatorRole,
        token_sm3: Sm3Hex,
        name_taken: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, OperatorRefusal> {
        let fits = (1..=64).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) || name.trim() != name {
            return Err(OperatorRefusal::Name);
        }
        if name_taken {
            return Err(OperatorRefusal::NameTaken);
        }
        let operator = Self { id, name: name.to_owned(), role, token_sm3, since: now, disabled_at: None };
        let note = operator.note("add", by, now).with("role", format!("{role:?}"));
        Ok(Step::change(operator, note))
    }

    /// Disables somebody: the token opens nothing any more.
    ///
    /// # Errors
    /// When it is oneself.
    pub fn disable(&self, by: &Actor, now: Timestamp) -> Result<Step<Self>, OperatorRefusal> {
        if matches!(by, Actor::Operator { id, .. } if *id == self.id) {
            return Err(OperatorRefusal::Oneself);
        }
        if self.disabled_at.is_some() {
            return Ok(Step::unchanged(self.clone()));
        }
        let note = self.note("disable", by, now);
        Ok(Step::change(Self { disabled_at: Some(now), ..self.clone() }, note))
    }

    /// Gives a new token; the old one opens nothing any more.
    #[must_use]
    pub fn renew_token(&self, token_sm3: Sm3Hex, by: &Actor, now: Timestamp) -> Step<Self> {
        let note = self.note("renew-token", by, now);
        Step::change(Self { token_sm3, ..self.clone() }, note)
    }

    /// As one who acts.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Operator { id: self.id, role: self.role }
    }

    fn note(&self, verb: &str, by: &Actor, now: Timestamp) -> AuditNote {
        AuditNote::new(&format!("operator.{verb}"), format!("operator/{}", self.id), by, now)
            .with("name", self.name.clone())
    }
}
