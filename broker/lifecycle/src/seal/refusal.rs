//! Why a seal or the application for one stays as it is.

use crate::refusal::RefusalKind;

/// What stands against a command, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealRefusal {
    /// Another company's.
    #[error("there is no such seal or application in your company")]
    NotFound,
    /// Not the legal person.
    #[error("only the company's legal person applies for seals, changes and revokes them")]
    NotAllowed,
    /// The broker's own.
    #[error("only the broker itself does this")]
    OnlyTheBroker,
    /// The company is being deleted, or is.
    #[error("the company is being deleted: it gets no more seals")]
    EnterpriseGone,
    /// The name.
    #[error("a seal's name has 1 to 100 characters and no control characters")]
    Name,
    /// The size.
    #[error("a seal's picture is 1 to 200 mm wide and high")]
    Size,
    /// The reason of a rejection.
    #[error("a reason has 1 to 200 characters and no control characters")]
    Reason,
    /// One at a time.
    #[error(
        "an application for a seal of this kind and name is under review: cancel it first, or wait for it"
    )]
    AlreadyPending,
    /// The seal to be replaced.
    #[error("the seal to be replaced is of another kind: replace a seal by one of its kind")]
    OtherKind,
    /// The seal is gone.
    #[error("the seal is revoked, which is final: apply for a new one")]
    SealRevoked,
    /// Revoked for another reason.
    #[error("the seal was revoked already, for another reason")]
    RevokedOtherwise,
    /// Too late to cancel or to judge.
    #[error("the application is {0}")]
    Over(&'static str),
}

impl SealRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::NotAllowed | Self::OnlyTheBroker => RefusalKind::NotAllowed,
            Self::Name | Self::Size | Self::Reason | Self::OtherKind => RefusalKind::Invalid,
            Self::EnterpriseGone
            | Self::AlreadyPending
            | Self::SealRevoked
            | Self::RevokedOtherwise
            | Self::Over(_) => RefusalKind::Conflict,
        }
    }
}
