//! How refusals of the lifecycle are told over HTTP.

use yinqiao_lifecycle::RefusalKind;

use crate::http::problem::{ApiError, Kind};

impl ApiError {
    /// The other side has not answered yet; it is asked again.
    pub fn awaits(what: &str) -> Self {
        Self::new(Kind::CertificateAuthorityPending, what)
    }

    /// A decision's refusal: its class, and what stands against the command.
    pub fn refused(kind: RefusalKind, refusal: &impl std::fmt::Display) -> Self {
        let kind = match kind {
            RefusalKind::NotAllowed => Kind::NotAllowed,
            RefusalKind::AssuranceTooLow => Kind::AssuranceTooLow,
            RefusalKind::Conflict => Kind::Conflict,
            RefusalKind::Invalid => Kind::InvalidRequest,
            RefusalKind::NotFound => Kind::NotFound,
        };
        Self::new(kind, refusal.to_string())
    }
}
