//! Why a recovery stays as it is.

use crate::refusal::RefusalKind;

/// What stands against a command, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecoveryRefusal {
    /// Not the holder's.
    #[error("there is no such certificate or recovery among yours")]
    NotFound,
    /// Another power.
    #[error("only a security officer of the trading centre consents to a key recovery or rejects it")]
    NotAllowed,
    /// The job's own.
    #[error("only the broker itself does this")]
    OnlyTheBroker,
    /// Not a point.
    #[error("the phone's public key has 65 bytes, 04 and two coordinates: send that of the new phone")]
    DeviceKey,
    /// Reasons are shown to the holder.
    #[error("a reason has 1 to 200 characters and no control characters")]
    Reason,
    /// One at a time.
    #[error("another recovery of this certificate's key is open: withdraw it first")]
    AlreadyOpen,
    /// Too late.
    #[error("this recovery is {0}: the holder may ask for a new one")]
    Over(&'static str),
    /// The CA is asked already.
    #[error("both consents are there and the CA is asked already")]
    Recovering,
    /// Nothing to fetch.
    #[error("the key is not there yet: this recovery is {0}")]
    NotDone(&'static str),
    /// Another phone.
    #[error("the key was recovered for another phone: fetch it with that one, or ask for a new recovery")]
    OtherDevice,
}

impl RecoveryRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::NotAllowed | Self::OnlyTheBroker | Self::OtherDevice => RefusalKind::NotAllowed,
            Self::DeviceKey | Self::Reason => RefusalKind::Invalid,
            Self::AlreadyOpen | Self::Over(_) | Self::Recovering | Self::NotDone(_) => RefusalKind::Conflict,
        }
    }
}
