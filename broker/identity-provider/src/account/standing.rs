//! The levels of assurance, in their order.

use serde::{Deserialize, Serialize};
use yinqiao_lifecycle::identity::{AssuranceLevel, IdNumber};
use yinqiao_protocol::Timestamp;

use crate::refusal::Refusal;

/// What a person says that they are called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RealName {
    /// As on the identity card.
    pub name: String,
    /// As on the identity card.
    pub id_number: IdNumber,
}

/// How well a person is known. A level is reached only from the one before it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// L1: the telephone number is confirmed.
    Registered,
    /// L2: they said who they are.
    Stated(RealName),
    /// L3: a register confirmed it.
    Confirmed {
        /// What was confirmed.
        person: RealName,
        /// When.
        at: Timestamp,
    },
    /// L4: their face was compared.
    FaceChecked {
        /// Whose face.
        person: RealName,
        /// When the register confirmed the person.
        confirmed_at: Timestamp,
        /// When the face was compared last.
        at: Timestamp,
    },
}

impl Standing {
    /// The level.
    #[must_use]
    pub fn level(&self) -> AssuranceLevel {
        match self {
            Self::Registered => AssuranceLevel::L1,
            Self::Stated(_) => AssuranceLevel::L2,
            Self::Confirmed { .. } => AssuranceLevel::L3,
            Self::FaceChecked { .. } => AssuranceLevel::L4,
        }
    }

    /// Name and ID number, from L2 on.
    #[must_use]
    pub fn person(&self) -> Option<&RealName> {
        match self {
            Self::Registered => None,
            Self::Stated(person) | Self::Confirmed { person, .. } | Self::FaceChecked { person, .. } => {
                Some(person)
            }
        }
    }

    /// When the face was compared, at L4.
    #[must_use]
    pub fn face_checked_at(&self) -> Option<Timestamp> {
        match self {
            Self::FaceChecked { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// To L2, or to other data at L2. What a register confirmed is not changed any more; the same data again changes nothing.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] from L3 on.
    pub fn state(&self, person: RealName) -> Result<Self, Refusal> {
        match self {
            Self::Registered | Self::Stated(_) => Ok(Self::Stated(person)),
            Self::Confirmed { person: known, .. } | Self::FaceChecked { person: known, .. }
                if *known == person =>
            {
                Ok(self.clone())
            }
            _ => Err(self.out_of_order(AssuranceLevel::L2)),
        }
    }

    /// Whom a register has to confirm for L3; `None` when it did before.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] before L2.
    pub fn to_confirm(&self) -> Result<Option<&RealName>, Refusal> {
        match self {
            Self::Registered => Err(self.out_of_order(AssuranceLevel::L3)),
            Self::Stated(person) => Ok(Some(person)),
            Self::Confirmed { .. } | Self::FaceChecked { .. } => Ok(None),
        }
    }

    /// To L3, when `person` is still the one whom the register confirmed.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] when it is not.
    pub fn confirm(&self, person: &RealName, at: Timestamp) -> Result<Self, Refusal> {
        match self {
            Self::Stated(stated) if stated == person => Ok(Self::Confirmed { person: person.clone(), at }),
            Self::Confirmed { person: known, .. } | Self::FaceChecked { person: known, .. }
                if known == person =>
            {
                Ok(self.clone())
            }
            _ => Err(self.out_of_order(AssuranceLevel::L3)),
        }
    }

    /// Whose face has to be compared for L4, or again at L4.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] before L3.
    pub fn to_look_at(&self) -> Result<&RealName, Refusal> {
        match self {
            Self::Registered | Self::Stated(_) => Err(self.out_of_order(AssuranceLevel::L4)),
            Self::Confirmed { person, .. } | Self::FaceChecked { person, .. } => Ok(person),
        }
    }

    /// To L4, or a later comparison at L4.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] before L3.
    pub fn face_checked(&self, at: Timestamp) -> Result<Self, Refusal> {
        match self {
            Self::Registered | Self::Stated(_) => Err(self.out_of_order(AssuranceLevel::L4)),
            Self::Confirmed { person, at: confirmed_at } | Self::FaceChecked { person, confirmed_at, .. } => {
                Ok(Self::FaceChecked { person: person.clone(), confirmed_at: *confirmed_at, at })
            }
        }
    }

    /// The next step, in words.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::Registered => "give name and ID number",
            Self::Stated(_) => "have name and ID number confirmed",
            Self::Confirmed { .. } => "have the face compared",
            Self::FaceChecked { .. } => "nothing is left to do",
        }
    }

    fn out_of_order(&self, step: AssuranceLevel) -> Refusal {
        Refusal::OutOfOrder { step, stands: self.level(), next: self.next() }
    }
}

#[cfg(test)]
mod tests {
    use AssuranceLevel::{L1, L2, L3, L4};
    use proptest::prelude::*;

    use super::*;

    fn person(name: &str) -> RealName {
        RealName { name: name.to_owned(), id_number: "11010519491231002X".parse().unwrap() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn other_data_are_taken_until_they_are_confirmed_and_not_after() {
        let stated = Standing::Registered.state(person("甲")).unwrap().state(person("乙")).unwrap();
        let confirmed = stated.confirm(&person("乙"), at(1)).unwrap();
        assert!(confirmed.state(person("甲")).is_err());
        assert_eq!(confirmed.state(person("乙")).unwrap(), confirmed);
    }

    #[test]
    fn a_confirmation_of_data_that_were_changed_meanwhile_does_not_count() {
        let stated = Standing::Stated(person("乙"));
        assert!(stated.confirm(&person("甲"), at(1)).is_err());
    }

    proptest! {
        /// Steps in any order: a level is reached from the one before it only, and no level is ever lost.
        #[test]
        fn no_level_is_skipped_or_lost(steps in prop::collection::vec(0..3_u8, 0..20)) {
            let mut standing = Standing::Registered;
            for (index, step) in steps.into_iter().enumerate() {
                let before = standing.level();
                let after = match step {
                    0 => standing.state(person("甲")),
                    1 => standing.confirm(&person("甲"), at(index as i64)),
                    _ => standing.face_checked(at(index as i64)),
                };
                let wanted = [L2, L3, L4][usize::from(step)];
                let possible = before >= wanted || AssuranceLevel::ALL[wanted as usize - 1] == before;
                prop_assert_eq!(after.is_ok(), possible);
                if let Ok(after) = after {
                    prop_assert_eq!(after.level(), before.max(wanted));
                    standing = after;
                } else {
                    prop_assert!(before >= L1);
                }
            }
        }
    }
}
