//! The entry to certificate functions.

use super::User;
use crate::identity::AssuranceLevel;

/// The identity provider does not know the person well enough.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LevelMissing {
    /// What is still to be reached, in order.
    pub missing: Vec<AssuranceLevel>,
}

impl User {
    /// Whether this user may have certificates.
    ///
    /// # Errors
    /// Which levels are missing.
    pub fn require_level(&self, wanted: AssuranceLevel) -> Result<(), LevelMissing> {
        let missing = self.level.missing_for(wanted);
        if missing.is_empty() { Ok(()) } else { Err(LevelMissing { missing }) }
    }
}

impl std::error::Error for LevelMissing {}

impl std::fmt::Display for LevelMissing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steps: Vec<_> =
            self.missing.iter().map(|level| format!("{level:?}, {}", level.meaning())).collect();
        write!(
            f,
            "certificates need level {:?} at the identity provider; still missing: {}",
            AssuranceLevel::FOR_CERTIFICATES,
            steps.join("; ")
        )
    }
}
