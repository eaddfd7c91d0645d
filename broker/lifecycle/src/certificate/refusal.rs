//! Why a certificate stays as it is.

use crate::refusal::RefusalKind;

/// What stands against a command, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateRefusal {
    /// Neither the holder's nor of the legal person's company, or deleted.
    #[error("there is no such certificate among yours")]
    NotFound,
    /// Another power, or none.
    #[error(
        "certificates are suspended, resumed and revoked by their holder, the company's legal person, or an operator"
    )]
    NotAllowed,
    /// Only the cascade hides and only the broker confirms.
    #[error("only the broker itself does this, as part of a removal")]
    OnlyTheBroker,
    /// Another one suspended it.
    #[error(
        "somebody else suspended this certificate: ask the company's legal person or the trading centre to resume it"
    )]
    SuspendedByOther,
    /// A reason that this one can't give.
    #[error("the reason {0} is not yours to give: choose another")]
    ReasonNotYours(&'static str),
    /// Final.
    #[error("this certificate is revoked ({0}), which is final: order a new one")]
    Revoked(&'static str),
    /// Over.
    #[error("this certificate has expired: order a new one")]
    Expired,
    /// The CA lacks it.
    #[error("its CA does not end suspensions: revoke the certificate and order a new one")]
    CannotResume,
    /// To be hidden while it could still be used.
    #[error("this certificate is neither revoked nor expired: revoke it first")]
    StillGood,
    /// To be hidden before the CA knows.
    #[error("the CA has not confirmed the revocation yet: wait for it")]
    NotConfirmed,
}

impl CertificateRefusal {
    /// Its class.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::NotAllowed | Self::OnlyTheBroker | Self::SuspendedByOther => RefusalKind::NotAllowed,
            Self::ReasonNotYours(_) => RefusalKind::Invalid,
            Self::Revoked(_) | Self::Expired | Self::CannotResume | Self::StillGood | Self::NotConfirmed => {
                RefusalKind::Conflict
            }
        }
    }
}
