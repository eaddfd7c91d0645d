//! A person who signs in, as the identity provider says who that is.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::holder::{Enterprise, HolderKind};
use yinqiao_protocol::{HolderId, Timestamp, UserId};

mod claims;
mod level;
mod session;
#[cfg(test)]
mod tests;

pub use claims::{ClaimError, Claims};
pub use level::LevelMissing;
pub use session::{DeviceSession, SessionRefusal, Tokens};

use crate::actor::{Actor, UserActor};
use crate::audit::AuditNote;
use crate::identity::{AssuranceLevel, CreditCode, IdNumber, PhoneNumber};
use crate::step::Step;

/// A user as it is stored. Only the identity provider's word changes it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct User {
    /// Names the user. The certificates' holder has the same 16 octets.
    pub id: UserId,
    /// The provider that knows this person.
    pub issuer: String,
    /// What the provider calls this person.
    pub subject: String,
    /// Personal or legal-person user; never changes.
    pub kind: HolderKind,
    /// From level L2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From level L2 on; never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_number: Option<IdNumber>,
    /// The confirmed telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// How well the provider knows this person.
    pub level: AssuranceLevel,
    /// The company that a legal-person user stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<StandsFor>,
    /// First sign-in.
    pub since: Timestamp,
    /// Last sign-in.
    pub last_sign_in: Timestamp,
    /// Sessions of an earlier epoch are over.
    #[serde(default)]
    pub session_epoch: u32,
}

/// A company with the code under which it is registered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StandsFor {
    /// 统一社会信用代码
    pub code: CreditCode,
    /// As registered.
    pub name: String,
}

/// Why a sign-in is refused although the provider vouches for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UserRefusal {
    /// Another ID number than before under the same account.
    #[error(
        "the identity provider gives another ID number for this account than before: an account is one person's, ask the \
         trading centre"
    )]
    OtherPerson,
    /// A person became a legal person, or the other way round.
    #[error(
        "the identity provider says another kind of user than before: register the other kind as an account of its own"
    )]
    OtherKind,
}

impl User {
    /// A user who signs in for the first time.
    #[must_use]
    pub fn register(id: UserId, claims: &Claims, now: Timestamp) -> Step<Self> {
        let user = Self {
            id,
            issuer: claims.issuer.clone(),
            subject: claims.subject.clone(),
            kind: claims.kind,
            name: claims.name.clone(),
            id_number: claims.id_number.clone(),
            phone: claims.phone.clone(),
            level: claims.level,
            enterprise: claims.enterprise.clone(),
            since: now,
            last_sign_in: now,
            session_epoch: 0,
        };
        let note = AuditNote::new("user.register", user.audit_subject(), &user.as_actor(), now)
            .with("level", format!("{:?}", user.level));
        Step::change(user, note)
    }

    /// A user who signs in again.
    ///
    /// # Errors
    /// When the provider speaks of somebody else.
    pub fn sign_in(&self, claims: &Claims, now: Timestamp) -> Result<Step<Self>, UserRefusal> {
        if claims.kind != self.kind {
            return Err(UserRefusal::OtherKind);
        }
        if let (Some(before), Some(said)) = (&self.id_number, &claims.id_number)
            && before != said
        {
            return Err(UserRefusal::OtherPerson);
        }
        let next = Self {
            name: claims.name.clone().or_else(|| self.name.clone()),
            id_number: claims.id_number.clone().or_else(|| self.id_number.clone()),
            phone: claims.phone.clone(),
            level: claims.level,
            enterprise: claims.enterprise.clone(),
            last_sign_in: now,
            ..self.clone()
        };
        let mut note = AuditNote::new("user.sign-in", self.audit_subject(), &next.as_actor(), now);
        if next.level != self.level {
            note = note
                .with("level", format!("{:?}", next.level))
                .with("level-before", format!("{:?}", self.level));
        }
        if next.name != self.name {
            note = note.with("name", "changed");
        }
        if next.enterprise != self.enterprise {
            let code = next.enterprise.as_ref().map(|company| company.code.to_string());
            note = note.with("enterprise", code.unwrap_or_default());
        }
        Ok(Step::change(next, note))
    }

    /// Ends all sessions of this user.
    #[must_use]
    pub fn end_sessions(&self, by: &Actor, now: Timestamp) -> Step<Self> {
        let next = Self { session_epoch: self.session_epoch.saturating_add(1), ..self.clone() };
        Step::change(next, AuditNote::new("user.end-sessions", self.audit_subject(), by, now))
    }

    /// The user as one who acts.
    #[must_use]
    pub fn actor(&self) -> UserActor {
        UserActor {
            id: self.id,
            kind: self.kind,
            enterprise: self.enterprise.as_ref().map(|company| company.code.clone()),
            level: self.level,
        }
    }

    /// What certificates of this user name.
    #[must_use]
    pub fn holder_id(&self) -> HolderId {
        HolderId::from_bytes(*self.id.as_bytes())
    }

    /// The company that a legal-person user stands for, as the protocol has it.
    #[must_use]
    pub fn stands_for(&self) -> Option<Enterprise> {
        self.enterprise.as_ref().map(|company| Enterprise {
            name: company.name.clone(),
            unified_social_credit_code: company.code.to_string(),
        })
    }

    fn as_actor(&self) -> Actor {
        Actor::User(self.actor())
    }

    fn audit_subject(&self) -> String {
        format!("user/{}", self.id)
    }
}
