//! Who is registered, and how well they are known.

mod password;
mod registration;
mod standing;
mod user_name;

pub use password::{HashCost, Password, PasswordHash};
pub use registration::{Registration, RegistrationFields, name_rule};
pub use standing::{RealName, Standing};
pub use user_name::UserName;

use serde::{Deserialize, Serialize};
use yinqiao_lifecycle::identity::{CreditCode, PhoneNumber};
use yinqiao_protocol::Timestamp;

/// An enterprise, as the one who registers for it says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Enterprise {
    /// Its registered name.
    pub name: String,
    /// 统一社会信用代码
    pub code: CreditCode,
}

/// For whom a user acts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// 个人用户: for themselves, and for the enterprises that they join elsewhere.
    Person,
    /// 法人用户: as the legal representative of this enterprise.
    LegalPerson(Enterprise),
}

/// The kind alone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// 个人用户
    Person,
    /// 法人用户
    LegalPerson,
}

impl UserKind {
    /// As claims and forms have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::LegalPerson => "legal_person",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Person, Self::LegalPerson].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A registered user, as stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `sub`: 32 hexadecimal digits, random, never given twice.
    pub subject: String,
    /// For whom they act.
    pub user: User,
    /// What they sign in as.
    pub user_name: UserName,
    /// What their password hashes to.
    pub password: PasswordHash,
    /// Confirmed by a code. One account of each kind per number.
    pub phone: PhoneNumber,
    /// When.
    pub registered_at: Timestamp,
    /// How well they are known.
    pub standing: Standing,
}

impl Account {
    /// The kind of user.
    #[must_use]
    pub fn kind(&self) -> UserKind {
        match self.user {
            User::Person => UserKind::Person,
            User::LegalPerson(_) => UserKind::LegalPerson,
        }
    }

    /// The enterprise, of a legal person.
    #[must_use]
    pub fn enterprise(&self) -> Option<&Enterprise> {
        match &self.user {
            User::Person => None,
            User::LegalPerson(enterprise) => Some(enterprise),
        }
    }
}
