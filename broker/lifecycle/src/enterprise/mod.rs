//! A company: its data, its legal person, its end.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::holder::HolderKind;
use yinqiao_protocol::{CascadeId, Timestamp, UserId};

use crate::actor::{Actor, OperatorRole, UserActor};
use crate::audit::AuditNote;
use crate::cascade::CascadeKind;
use crate::identity::CreditCode;
use crate::refusal::RefusalKind;
use crate::step::Step;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

/// Characters of a name, an address or a contact at most.
const LONGEST: usize = 200;

/// A company as it is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Enterprise {
    /// 统一社会信用代码
    pub code: CreditCode,
    /// What may be edited.
    pub data: Data,
    /// Who stands for it.
    pub legal_person: UserId,
    /// Who wants to stand for it from now on, and was confirmed as such by the identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Successor>,
    /// How the last such wish was decided, until somebody has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<SuccessionDecision>,
    /// Where it is in its life.
    pub state: State,
    /// When it was registered (again).
    pub since: Timestamp,
}

/// What may be edited of a company.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Data {
    /// As registered, 1 to 200 characters.
    pub name: String,
    /// Up to 200 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Who is called, and where; up to 200 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
}

/// A change of the legal person that waits for a decision.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Successor {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub requested_at: Timestamp,
}

/// A decision on a change of the legal person. The same one again changes nothing, though its maker may lead the company no
/// more.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SuccessionDecision {
    /// Who had asked.
    pub user: UserId,
    /// Whether it was agreed to.
    pub approved: bool,
    /// Who decided.
    pub by: Actor,
}

/// Where a company is in its life.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// In use.
    Active,
    /// Everything of it is being revoked and removed.
    Deleting {
        /// By which removal.
        cascade: CascadeId,
        /// Since when.
        at: Timestamp,
    },
    /// Nothing is left of it.
    Deleted {
        /// Since when.
        at: Timestamp,
    },
}

/// Why a command is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EnterpriseRefusal {
    /// Only its legal person.
    #[error("only the company's legal person may do this")]
    NotTheLegalPerson,
    /// Only its legal person or staff.
    #[error(
        "only the company's present legal person or an operator of the trading centre may decide on this"
    )]
    NotADecider,
    /// Not a legal-person user of this company.
    #[error(
        "the identity provider does not confirm you as legal person of this company: sign in as its legal person"
    )]
    NotConfirmed,
    /// It is registered with another legal person.
    #[error(
        "the company is registered with another legal person: ask for a change of the legal person, which the present one \
         or an operator approves"
    )]
    OtherLegalPerson,
    /// It stands for it already.
    #[error("you are the company's legal person already")]
    AlreadyLegalPerson,
    /// No change waits.
    #[error(
        "no change of the legal person waits for a decision: it was withdrawn, or decided by somebody else"
    )]
    NoSuccessor,
    /// Someone else asks already.
    #[error("another person has asked to become the company's legal person: that has to be decided first")]
    OtherSuccessor,
    /// It ends.
    #[error("the company is being deleted")]
    Deleting,
    /// There is none (any more).
    #[error("the company is not registered (any more)")]
    Gone,
    /// A text does not fit.
    #[error("{0} has {1} to 200 characters and no control characters")]
    Text(&'static str, u8),
}

impl EnterpriseRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NotTheLegalPerson | Self::NotADecider | Self::NotConfirmed => RefusalKind::NotAllowed,
            Self::OtherLegalPerson
            | Self::AlreadyLegalPerson
            | Self::NoSuccessor
            | Self::OtherSuccessor
            | Self::Deleting => RefusalKind::Conflict,
            Self::Gone => RefusalKind::NotFound,
            Self::Text(..) => RefusalKind::Invalid,
        }
    }
}

type Outcome = Result<Step<Enterprise>, EnterpriseRefusal>;

impl Enterprise {
    /// Registers the company of a legal-person user at the first sign-in, or again after it was deleted. One that is
    /// registered with the same person stays as it is.
    ///
    /// # Errors
    /// When it is registered with somebody else, or being deleted.
    pub fn register(before: Option<&Self>, user: &UserActor, name: &str, now: Timestamp) -> Outcome {
        let code = confirmed(user)?;
        match before.map(|before| (before, &before.state)) {
            Some((_, State::Deleting { .. })) => return Err(EnterpriseRefusal::Deleting),
            Some((before, State::Active)) if before.legal_person == user.id => {
                return Ok(Step::unchanged(before.clone()));
            }
            Some((_, State::Active)) => return Err(EnterpriseRefusal::OtherLegalPerson),
            None | Some((_, State::Deleted { .. })) => {}
        }
        let enterprise = Self {
            code,
            data: Data { name: name.to_owned(), ..Data::default() },
            legal_person: user.id,
            successor: None,
            decided: None,
            state: State::Active,
            since: now,
        };
        let note = enterprise.note("register", &Actor::User(user.clone()), now);
        Ok(Step::change(enterprise, note))
    }

    /// Whether it is in use.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether the actor is its legal person now.
    #[must_use]
    pub fn is_led_by(&self, actor: &Actor) -> bool {
        actor.is_user(self.legal_person) && actor.is_legal_person_of(&self.code)
    }

    /// Refuses what is only for companies in use.
    ///
    /// # Errors
    /// When it ends, or has ended.
    pub fn require_active(&self) -> Result<(), EnterpriseRefusal> {
        match self.state {
            State::Active => Ok(()),
            State::Deleting { .. } => Err(EnterpriseRefusal::Deleting),
            State::Deleted { .. } => Err(EnterpriseRefusal::Gone),
        }
    }

    /// Changes its data.
    ///
    /// # Errors
    /// When it is not the legal person's wish, a text does not fit, or the company ends.
    pub fn edit(&self, data: Data, by: &Actor, now: Timestamp) -> Outcome {
        self.require_active()?;
        if !self.is_led_by(by) {
            return Err(EnterpriseRefusal::NotTheLegalPerson);
        }
        data.check()?;
        if data == self.data {
            return Ok(Step::unchanged(self.clone()));
        }
        let note = self.note("edit", by, now);
        Ok(Step::change(Self { data, ..self.clone() }, note))
    }

    /// A legal-person user whom the identity provider confirms asks to take the place of the present one.
    ///
    /// # Errors
    /// When it is that one already, somebody else asks, or the company ends.
    pub fn request_succession(&self, by: &UserActor, now: Timestamp) -> Outcome {
        self.require_active()?;
        if confirmed(by)? != self.code {
            return Err(EnterpriseRefusal::NotConfirmed);
        }
        if self.legal_person == by.id {
            return Err(EnterpriseRefusal::AlreadyLegalPerson);
        }
        match &self.successor {
            Some(successor) if successor.user == by.id => return Ok(Step::unchanged(self.clone())),
            Some(_) => return Err(EnterpriseRefusal::OtherSuccessor),
            None => {}
        }
        let successor = Some(Successor { user: by.id, requested_at: now });
        let note = self.note("request-succession", &Actor::User(by.clone()), now);
        Ok(Step::change(Self { successor, decided: None, ..self.clone() }, note))
    }

    /// The one who asks takes it back.
    ///
    /// # Errors
    /// When that one does not ask.
    pub fn withdraw_succession(&self, by: &Actor, now: Timestamp) -> Outcome {
        match &self.successor {
            Some(successor) if by.is_user(successor.user) => {
                let note = self.note("withdraw-succession", by, now);
                Ok(Step::change(Self { successor: None, ..self.clone() }, note))
            }
            _ => Err(EnterpriseRefusal::NoSuccessor),
        }
    }

    /// The present legal person or an operator decides. With approval the former one's certificates for this company and
    /// the seals in a person's name have to go: the caller starts that removal, [`Self::cascade_of_succession`]. The same
    /// decision again changes nothing.
    ///
    /// # Errors
    /// When nobody asks, or the actor may not decide.
    pub fn decide_succession(&self, user: UserId, approve: bool, by: &Actor, now: Timestamp) -> Outcome {
        self.require_active()?;
        let again = self.decided.as_ref().filter(|made| (made.user, made.approved) == (user, approve));
        let may_decide = self.is_led_by(by) || by.has_role(OperatorRole::Operator);
        if !may_decide && !again.is_some_and(|made| made.by.is_same_user(by)) {
            return Err(EnterpriseRefusal::NotADecider);
        }
        if again.is_some() {
            return Ok(Step::unchanged(self.clone()));
        }
        if self.successor.as_ref().is_none_or(|successor| successor.user != user) {
            return Err(EnterpriseRefusal::NoSuccessor);
        }
        let action = if approve { "approve-succession" } else { "reject-succession" };
        let note = self.note(action, by, now).with("successor", user.to_string());
        let legal_person = if approve { user } else { self.legal_person };
        let decided = Some(SuccessionDecision { user, approved: approve, by: by.clone() });
        Ok(Step::change(Self { legal_person, successor: None, decided, ..self.clone() }, note))
    }

    /// Whether the last change of the legal person that was asked for was decided by this user.
    #[must_use]
    pub fn had_succession_decided_by(&self, user: UserId) -> bool {
        self.decided.as_ref().is_some_and(|made| made.by.is_user(user))
    }

    /// What has to go after `former` is no longer the legal person.
    #[must_use]
    pub fn cascade_of_succession(&self, former: UserId) -> CascadeKind {
        CascadeKind::ChangeLegalPerson { enterprise: self.code.clone(), former }
    }

    /// Begins to delete the company with everything that it has. Asked again it stays the same removal.
    ///
    /// # Errors
    /// When it is not the legal person's wish, or it is gone.
    pub fn delete(&self, cascade: CascadeId, by: &Actor, now: Timestamp) -> Outcome {
        match self.state {
            State::Deleted { .. } => return Err(EnterpriseRefusal::Gone),
            _ if !self.is_led_by(by) => return Err(EnterpriseRefusal::NotTheLegalPerson),
            State::Deleting { .. } => return Ok(Step::unchanged(self.clone())),
            State::Active => {}
        }
        let note = self.note("delete", by, now).with("cascade", cascade.to_string());
        let state = State::Deleting { cascade, at: now };
        Ok(Step::change(Self { state, successor: None, ..self.clone() }, note))
    }

    /// The last step of its removal.
    ///
    /// # Errors
    /// When it is not being deleted.
    pub fn conclude_deletion(&self, now: Timestamp) -> Outcome {
        match self.state {
            State::Deleting { .. } => {
                let note = self.note("deleted", &Actor::System, now);
                Ok(Step::change(Self { state: State::Deleted { at: now }, ..self.clone() }, note))
            }
            State::Deleted { .. } => Ok(Step::unchanged(self.clone())),
            State::Active => Err(EnterpriseRefusal::Gone),
        }
    }

    fn note(&self, verb: &str, by: &Actor, now: Timestamp) -> AuditNote {
        AuditNote::new(&format!("enterprise.{verb}"), format!("enterprise/{}", self.code), by, now)
    }
}

impl Data {
    fn check(&self) -> Result<(), EnterpriseRefusal> {
        for (field, text, least) in
            [("name", &self.name, 1), ("address", &self.address, 0), ("contact", &self.contact, 0)]
        {
            let fits = (usize::from(least)..=LONGEST).contains(&text.chars().count());
            if !fits || text.chars().any(char::is_control) || text.trim() != text {
                return Err(EnterpriseRefusal::Text(field, least));
            }
        }
        Ok(())
    }
}

/// The company that the identity provider confirms a legal-person user for.
fn confirmed(user: &UserActor) -> Result<CreditCode, EnterpriseRefusal> {
    match (&user.enterprise, user.kind) {
        (Some(code), HolderKind::LegalPerson) => Ok(code.clone()),
        _ => Err(EnterpriseRefusal::NotConfirmed),
    }
}
