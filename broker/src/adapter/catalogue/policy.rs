//! Who may change the catalogue.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::consent::{ConsentError, OperatorKey, Operators};

/// Hours that operators have to consent, where nothing else is said: a week.
const CHANGE_EXPIRES_HOURS: u32 = 168;

/// `[policy]` in the catalogue's file. It covers adding, pinning, upgrading, configuring, rolling back and enabling an
/// adapter, and itself; never disabling and removing, which one person can always do at once.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How many operators must consent to a change before it takes effect. 0: whoever runs the command decides alone;
    /// 2: two persons (双人). Default: 0.
    pub consents: usize,
    /// Whether a library is taken only with a passed report of the conformance kit (`yinqiao adapter check`) that is bound
    /// to its digests. Default: false.
    pub require_report: bool,
    /// Hours after which a change that was not consented to is void, 1 to 8,760. Default: 168.
    pub change_expires_hours: u32,
    /// Who may consent: each with a name and `public_key`, as `yinqiao operator key new` prints it.
    #[serde(rename = "operator", skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorKey>,
}

/// A policy that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// About the operators.
    #[error(transparent)]
    Operators(#[from] ConsentError),
    /// A time out of bounds.
    #[error("change_expires_hours is 1 to 8,760")]
    Expiry,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            consents: 0,
            require_report: false,
            change_expires_hours: CHANGE_EXPIRES_HOURS,
            operators: Vec::new(),
        }
    }
}

impl Policy {
    /// Checks it whole.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn check(&self) -> Result<Operators, PolicyError> {
        if !(1..=8760).contains(&self.change_expires_hours) {
            return Err(PolicyError::Expiry);
        }
        Ok(Operators::new(&self.operators, self.consents)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_needs_as_many_operators_as_consents_and_time_to_consent() {
        let read = |text: &str| toml::from_str::<Policy>(text).unwrap().check();
        assert!(read("").is_ok());
        assert!(matches!(read("consents = 2"), Err(PolicyError::Operators(_))));
        assert!(matches!(read("change_expires_hours = 0"), Err(PolicyError::Expiry)));
        assert!(toml::from_str::<Policy>("concents = 2").is_err());
    }
}
