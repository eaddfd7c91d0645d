//! A seal that was made: who may use it, until it is revoked.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{SealApplicationId, SealId, Timestamp};

use crate::actor::{Actor, OperatorRole};
use crate::audit::AuditNote;
use crate::certificate::Facts;
use crate::identity::CreditCode;
use crate::job::{Job, JobKind};
use crate::step::Step;

use super::{SealRefusal as Refusal, Usage};

/// How a seal stands: the half of its record that changes. The default is that of a seal all of its company may use, so that
/// records without one read as such.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct SealStanding {
    /// The application that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<SealApplicationId>,
    /// Who may use it.
    pub usage: Usage,
    /// Where it stands.
    pub state: SealState,
}

/// Where a seal stands.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SealState {
    /// In use.
    #[default]
    Active,
    /// Revoked here; the CA is asked until it answers.
    Revoking(SealRevocation),
    /// Revoked here, and at the CA if it can.
    Revoked {
        /// Why.
        revocation: SealRevocation,
        /// When the CA answered.
        confirmed_at: Timestamp,
        /// What stands against it at the CA: "not supported by the CA", or what it said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        declined: Option<String>,
    },
}

/// A revocation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealRevocation {
    /// Why.
    pub reason: SealRevocationReason,
    /// Since when.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Actor,
}

/// Why a seal is revoked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealRevocationReason {
    /// No longer needed.
    NoLongerUsed,
    /// Somebody used it who should not.
    Misused,
    /// Another seal replaced it.
    Superseded,
    /// Its application had been cancelled.
    ApplicationCancelled,
    /// The company was deleted, or has another legal person.
    EnterpriseChanged,
}

/// What decisions need to know of a seal and never changes.
#[derive(Clone, Copy, Debug)]
pub struct SealFacts<'a> {
    /// Its name.
    pub id: SealId,
    /// Its company.
    pub enterprise: &'a CreditCode,
}

impl SealStanding {
    /// Whether it may be put on documents at all.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == SealState::Active
    }

    /// Whether the CA has to be asked to revoke it.
    #[must_use]
    pub fn is_revoking(&self) -> bool {
        matches!(self.state, SealState::Revoking(_))
    }

    /// Whether this certificate may put it on documents. Whether the certificate itself is good is another question.
    #[must_use]
    pub fn may_be_used_with(&self, seal: SealFacts<'_>, certificate: &Facts) -> bool {
        self.is_active()
            && certificate.enterprise.as_ref() == Some(seal.enterprise)
            && self.usage.admits(certificate)
    }

    /// Says who may use it. Only the legal person may.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::SealRevoked`].
    pub fn change_usage(
        &self,
        seal: SealFacts<'_>,
        usage: Usage,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        if !by.is_legal_person_of(seal.enterprise) {
            return Err(Refusal::NotFound);
        }
        if !self.is_active() {
            return Err(Refusal::SealRevoked);
        }
        if self.usage == usage {
            return Ok(Step::unchanged(self.clone()));
        }
        let note = match &usage {
            Usage::Company => note("seal.use", seal, by, now).with("who", "company"),
            Usage::Listed { users, certificates } => note("seal.use", seal, by, now)
                .with("users", users.len().to_string())
                .with("certificates", certificates.len().to_string()),
        };
        Ok(Step::change(Self { usage, ..self.clone() }, note))
    }

    /// Revokes it, for good. The legal person may, an operator, and the broker, whose own request changes nothing where it is
    /// revoked already, whatever the reason.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotAllowed`], [`Refusal::RevokedOtherwise`].
    pub fn revoke(
        &self,
        seal: SealFacts<'_>,
        reason: SealRevocationReason,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        match by {
            Actor::System | Actor::Operator { role: OperatorRole::Operator, .. } => {}
            Actor::User(user) if user.stands_for(seal.enterprise) => {}
            Actor::User(_) => return Err(Refusal::NotFound),
            Actor::Operator { .. } | Actor::PaymentProvider => return Err(Refusal::NotAllowed),
        }
        match &self.state {
            SealState::Active => {
                let state = SealState::Revoking(SealRevocation { reason, at: now, by: by.clone() });
                let note = note("seal.revoke", seal, by, now).with("reason", reason.name());
                Ok(Step::change(Self { state, ..self.clone() }, note)
                    .with_job(Job::new(JobKind::RevokeSeal(seal.id), now)))
            }
            SealState::Revoking(revocation) | SealState::Revoked { revocation, .. } => {
                if revocation.reason == reason || *by == Actor::System {
                    Ok(Step::unchanged(self.clone()))
                } else {
                    Err(Refusal::RevokedOtherwise)
                }
            }
        }
    }

    /// Takes the CA's answer: done, or `declined` with what stands against it. Changes nothing where none is awaited.
    #[must_use]
    pub fn confirm_revocation(
        &self,
        seal: SealFacts<'_>,
        declined: Option<String>,
        now: Timestamp,
    ) -> Step<Self> {
        let SealState::Revoking(revocation) = &self.state else {
            return Step::unchanged(self.clone());
        };
        let mut note = note("seal.confirm", seal, &Actor::System, now);
        if let Some(declined) = &declined {
            note = note.with("declined", declined);
        }
        let state = SealState::Revoked { revocation: revocation.clone(), confirmed_at: now, declined };
        Step::change(Self { state, ..self.clone() }, note)
    }
}

impl SealRevocationReason {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoLongerUsed => "no_longer_used",
            Self::Misused => "misused",
            Self::Superseded => "superseded",
            Self::ApplicationCancelled => "application_cancelled",
            Self::EnterpriseChanged => "enterprise_changed",
        }
    }
}

fn note(action: &str, seal: SealFacts<'_>, by: &Actor, now: Timestamp) -> AuditNote {
    AuditNote::new(action, format!("seal/{}", seal.id), by, now).with("enterprise", seal.enterprise.as_str())
}
