//! How well an identity provider knows a person.

use serde::{Deserialize, Serialize};

/// The levels, each on top of the one before.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum AssuranceLevel {
    /// A telephone number is confirmed.
    L1,
    /// Name and ID number are given.
    L2,
    /// Name and ID number are confirmed: 实名认证.
    L3,
    /// The face was compared: 实人认证.
    L4,
}

impl AssuranceLevel {
    /// From the lowest to the highest.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::L3, Self::L4];

    /// What certificate functions need.
    pub const FOR_CERTIFICATES: Self = Self::L4;

    /// What the level says of a person, in words that follow "the identity provider has".
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::L1 => "the telephone number confirmed",
            Self::L2 => "name and ID number",
            Self::L3 => "name and ID number confirmed (实名认证)",
            Self::L4 => "the face compared (实人认证)",
        }
    }

    /// The levels that are still to be reached for `wanted`.
    #[must_use]
    pub fn missing_for(self, wanted: Self) -> Vec<Self> {
        Self::ALL.into_iter().filter(|level| self < *level && *level <= wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::AssuranceLevel::*;

    #[test]
    fn the_missing_levels_are_those_between() {
        assert_eq!(L2.missing_for(L4), [L3, L4]);
        assert_eq!(L4.missing_for(L4), []);
        assert_eq!(L4.missing_for(L1), []);
    }
}
