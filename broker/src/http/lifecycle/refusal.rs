//! How refusals of the lifecycle are told over HTTP.

use yinqiao_lifecycle::RefusalKind;
use yinqiao_lifecycle::cascade::CascadeRefusal;
use yinqiao_lifecycle::certificate::CertificateRefusal;
use yinqiao_lifecycle::enterprise::EnterpriseRefusal;
use yinqiao_lifecycle::membership::MembershipRefusal;
use yinqiao_lifecycle::operator::OperatorRefusal;
use yinqiao_lifecycle::order::OrderRefusal;
use yinqiao_lifecycle::recovery::RecoveryRefusal;
use yinqiao_lifecycle::seal::SealRefusal;

use crate::http::problem::{ApiError, Kind};

impl ApiError {
    /// The other side has not answered yet; it is asked again.
    pub fn awaits(what: &str) -> Self {
        Self::new(Kind::CertificateAuthorityPending, what)
    }
}

impl From<RefusalKind> for Kind {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::NotAllowed => Self::NotAllowed,
            RefusalKind::AssuranceTooLow => Self::AssuranceTooLow,
            RefusalKind::Conflict => Self::Conflict,
            RefusalKind::Invalid => Self::InvalidRequest,
            RefusalKind::NotFound => Self::NotFound,
        }
    }
}

macro_rules! told_by_its_class {
    ($($refusal:ty),+ $(,)?) => {
        $(
            impl From<$refusal> for ApiError {
                fn from(refusal: $refusal) -> Self {
                    Self::new(refusal.kind().into(), refusal.to_string())
                }
            }
        )+
    };
}

told_by_its_class!(
    CascadeRefusal,
    CertificateRefusal,
    EnterpriseRefusal,
    MembershipRefusal,
    OperatorRefusal,
    OrderRefusal,
    RecoveryRefusal,
    SealRefusal,
);
