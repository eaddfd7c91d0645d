//! Who belongs to a company beside its legal person: staff who carry certificates in its name.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::{CascadeId, Timestamp, UserId};

use crate::actor::{Actor, UserActor};
use crate::audit::AuditNote;
use crate::enterprise::Enterprise;
use crate::identity::{AssuranceLevel, CreditCode, IdNumber};
use crate::refusal::RefusalKind;
use crate::step::Step;
use crate::user::User;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

/// Characters of a department or a reason at most.
const LONGEST: usize = 200;

/// One person in one company.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Membership {
    /// Which company.
    pub enterprise: CreditCode,
    /// Who.
    pub user: UserId,
    /// What the person writes of the place there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub department: String,
    /// When it was last applied for.
    pub applied_at: Timestamp,
    /// How it stands.
    pub state: State,
}

/// How a membership stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The person waits.
    Applied,
    /// The person belongs to the company.
    Active {
        /// Since when.
        since: Timestamp,
    },
    /// The company said no.
    Rejected {
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The person took the application back.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
    /// The person's certificates of this company are being revoked.
    Removing {
        /// By which removal.
        cascade: CascadeId,
        /// Since when.
        at: Timestamp,
    },
    /// The person belonged to the company.
    Removed {
        /// Until when.
        at: Timestamp,
    },
}

/// Why a command is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MembershipRefusal {
    /// Only the company's legal person.
    #[error("only the company's legal person may do this")]
    NotTheLegalPerson,
    /// Only the person concerned.
    #[error("only the person who applied may do this")]
    NotTheApplicant,
    /// A legal-person user stands for a company and joins none.
    #[error("a legal-person user stands for a company and joins no other: apply with a personal account")]
    LegalPersonsDoNotJoin,
    /// The person belongs to it.
    #[error("the person belongs to the company already")]
    AlreadyMember,
    /// No application waits.
    #[error("no application of this person waits: it was withdrawn, or decided before")]
    NoApplication,
    /// Not a member.
    #[error("the person does not belong to the company (any more)")]
    NotAMember,
    /// The removal is not over.
    #[error("the person is just being removed from the company: wait until that is over")]
    BeingRemoved,
    /// One answer for all reasons, so that nobody finds out who is registered.
    #[error(
        "nobody with this name and ID number can be added: the person must register, complete verification up to level \
         L4, and apply to join this company; name and ID number must be as on the identity card"
    )]
    NobodyToAdd,
    /// A text does not fit.
    #[error("{0} has {1} to 200 characters and no control characters")]
    Text(&'static str, u8),
}

impl MembershipRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NotTheLegalPerson | Self::NotTheApplicant | Self::LegalPersonsDoNotJoin => {
                RefusalKind::NotAllowed
            }
            Self::AlreadyMember | Self::NoApplication | Self::BeingRemoved => RefusalKind::Conflict,
            Self::NotAMember => RefusalKind::NotFound,
            Self::NobodyToAdd | Self::Text(..) => RefusalKind::Invalid,
        }
    }
}

type Outcome = Result<Step<Membership>, MembershipRefusal>;

impl Membership {
    /// A person applies to join; again after the company said no, or the person left.
    ///
    /// # Errors
    /// When the person belongs to it, or is just being removed.
    pub fn apply(
        before: Option<&Self>,
        enterprise: &CreditCode,
        department: &str,
        by: &UserActor,
        now: Timestamp,
    ) -> Outcome {
        if by.kind == HolderKind::LegalPerson {
            return Err(MembershipRefusal::LegalPersonsDoNotJoin);
        }
        check_text("department", department, 0)?;
        match before.map(|before| (before, &before.state)) {
            Some((before, State::Applied)) if before.department == department => {
                return Ok(Step::unchanged(before.clone()));
            }
            Some((_, State::Active { .. })) => return Err(MembershipRefusal::AlreadyMember),
            Some((_, State::Removing { .. })) => return Err(MembershipRefusal::BeingRemoved),
            None | Some(_) => {}
        }
        let membership = Self {
            enterprise: enterprise.clone(),
            user: by.id,
            department: department.to_owned(),
            applied_at: now,
            state: State::Applied,
        };
        let note = membership.note("apply", &Actor::User(by.clone()), now);
        Ok(Step::change(membership, note))
    }

    /// Whether the person belongs to the company now.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    /// Whether the person belongs to the company, is just leaving it, or waits to be let in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Applied | State::Active { .. } | State::Removing { .. })
    }

    /// The person takes the application back.
    ///
    /// # Errors
    /// When none waits.
    pub fn withdraw(&self, by: &Actor, now: Timestamp) -> Outcome {
        if !by.is_user(self.user) {
            return Err(MembershipRefusal::NotTheApplicant);
        }
        match self.state {
            State::Applied => Ok(self.to(State::Withdrawn { at: now }, "withdraw", by, now)),
            State::Withdrawn { .. } => Ok(Step::unchanged(self.clone())),
            _ => Err(MembershipRefusal::NoApplication),
        }
    }

    /// The legal person lets the person in.
    ///
    /// # Errors
    /// When no application waits.
    pub fn approve(&self, company: &Enterprise, by: &Actor, now: Timestamp) -> Outcome {
        require_legal_person(company, by)?;
        match self.state {
            State::Applied => Ok(self.to(State::Active { since: now }, "approve", by, now)),
            State::Active { .. } => Ok(Step::unchanged(self.clone())),
            _ => Err(MembershipRefusal::NoApplication),
        }
    }

    /// The legal person does not let the person in.
    ///
    /// # Errors
    /// When no application waits.
    pub fn reject(&self, company: &Enterprise, reason: &str, by: &Actor, now: Timestamp) -> Outcome {
        require_legal_person(company, by)?;
        check_text("reason", reason, 1)?;
        match &self.state {
            State::Applied => {
                let state = State::Rejected { reason: reason.to_owned(), at: now };
                Ok(self.to(state, "reject", by, now))
            }
            State::Rejected { reason: before, .. } if before == reason => Ok(Step::unchanged(self.clone())),
            _ => Err(MembershipRefusal::NoApplication),
        }
    }

    /// Whether a legal person who gives name and ID number means this membership's person. Whatever is missing, the answer
    /// is the same.
    ///
    /// # Errors
    /// [`MembershipRefusal::NobodyToAdd`]
    pub fn find<'a>(
        found: Option<(&'a User, &'a Self)>,
        name: &str,
        id_number: &IdNumber,
    ) -> Result<&'a Self, MembershipRefusal> {
        let (user, membership) = found.ok_or(MembershipRefusal::NobodyToAdd)?;
        let is_meant = user.name.as_deref() == Some(name)
            && user.id_number.as_ref() == Some(id_number)
            && user.level >= AssuranceLevel::FOR_CERTIFICATES
            && matches!(membership.state, State::Applied | State::Active { .. });
        if is_meant { Ok(membership) } else { Err(MembershipRefusal::NobodyToAdd) }
    }

    /// Begins to remove the person: by the legal person, or the person leaves. Asked again it stays the same removal.
    ///
    /// # Errors
    /// When the person does not belong to the company.
    pub fn remove(&self, company: &Enterprise, cascade: CascadeId, by: &Actor, now: Timestamp) -> Outcome {
        if !company.is_led_by(by) && !by.is_user(self.user) {
            return Err(MembershipRefusal::NotTheLegalPerson);
        }
        match self.state {
            State::Active { .. } => {
                let step = self.to(State::Removing { cascade, at: now }, "remove", by, now);
                Ok(step)
            }
            State::Removing { .. } => Ok(Step::unchanged(self.clone())),
            _ => Err(MembershipRefusal::NotAMember),
        }
    }

    /// The last step of the removal: of this person, or of the whole company.
    #[must_use]
    pub fn end(&self, now: Timestamp) -> Step<Self> {
        match self.state {
            State::Removed { .. } | State::Rejected { .. } | State::Withdrawn { .. } => {
                Step::unchanged(self.clone())
            }
            State::Applied | State::Active { .. } | State::Removing { .. } => {
                self.to(State::Removed { at: now }, "removed", &Actor::System, now)
            }
        }
    }

    fn to(&self, state: State, verb: &str, by: &Actor, now: Timestamp) -> Step<Self> {
        Step::change(Self { state, ..self.clone() }, self.note(verb, by, now))
    }

    fn note(&self, verb: &str, by: &Actor, now: Timestamp) -> AuditNote {
        let subject = format!("membership/{}/{}", self.enterprise, self.user);
        AuditNote::new(&format!("membership.{verb}"), subject, by, now)
    }
}

fn require_legal_person(company: &Enterprise, by: &Actor) -> Result<(), MembershipRefusal> {
    if company.is_led_by(by) { Ok(()) } else { Err(MembershipRefusal::NotTheLegalPerson) }
}

fn check_text(field: &'static str, text: &str, least: u8) -> Result<(), MembershipRefusal> {
    let fits = (usize::from(least)..=LONGEST).contains(&text.chars().count());
    if fits && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(MembershipRefusal::Text(field, least))
    }
}
