//! Who confirms that a person is who they say.

use crate::account::{Enterprise, RealName};

/// What a check came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is so.
    Confirmed,
    /// It is not so; the text says to the person what does not match.
    Denied(String),
}

/// The one who checks does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the check could not be made: {0}")]
pub struct CheckUnavailable(pub String);

/// 实名认证: a register that knows names and ID numbers, and of whom an enterprise is represented. Called on a thread that
/// may block.
pub trait RealNameCheck: Send + Sync {
    /// Whether the number belongs to the name; for a legal-person user also whether this person represents the enterprise.
    ///
    /// # Errors
    /// When the register does not answer.
    fn check(&self, person: &RealName, enterprise: Option<&Enterprise>) -> Result<Verdict, CheckUnavailable>;
}

/// 实人认证: a comparison of the face before the camera with the register's picture. Called on a thread that may block.
pub trait FaceCheck: Send + Sync {
    /// Whether it is this person.
    ///
    /// # Errors
    /// When the comparison could not be made.
    fn check(&self, person: &RealName) -> Result<Verdict, CheckUnavailable>;

    /// Whether pages say that the camera is only pretended.
    fn is_pretended(&self) -> bool {
        false
    }
}

/// Confirms everybody: for demonstrations, where there is no register to ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credulous;

impl RealNameCheck for Credulous {
    fn check(&self, _: &RealName, _: Option<&Enterprise>) -> Result<Verdict, CheckUnavailable> {
        Ok(Verdict::Confirmed)
    }
}

impl FaceCheck for Credulous {
    fn check(&self, _: &RealName) -> Result<Verdict, CheckUnavailable> {
        Ok(Verdict::Confirmed)
    }

    fn is_pretended(&self) -> bool {
        true
    }
}
