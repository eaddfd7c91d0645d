//! Seals and applications as people see them.

use yinqiao_gm::seal::SesSeal;
use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::seal::{self, SealApplication, SealRevocationReason, Usage};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::certificate::ChangedBy;
use yinqiao_protocol::seal::{
    self as told, SealApplicationView, SealRevocation, SealState, SealUsage, SealUsers, SealView,
};

use crate::directory::SealRecord;
use crate::http::problem::{ApiError, Kind};
use crate::records::seals;

/// An application as it is shown.
pub(super) fn application_view(application: &SealApplication) -> SealApplicationView {
    use yinqiao_lifecycle::seal::SealApplicationState as State;
    let (decided_at, seal, reason) = match &application.state {
        State::UnderReview => (None, None, None),
        State::Made { seal, at } => (Some(*at), Some(*seal), None),
        State::Rejected { reason, at } => (Some(*at), None, Some(reason.clone())),
        State::Cancelled { at, .. } => (Some(*at), None, None),
    };
    SealApplicationView {
        application: application.id,
        enterprise: application.enterprise.to_string(),
        kind: application.kind,
        name: application.name.clone(),
        picture: application.picture.sm3,
        width_mm: application.picture.width_mm,
        height_mm: application.picture.height_mm,
        certificate_authority: application.certificate_authority.clone(),
        usage: usage_view(&application.usage),
        replaces: application.replaces,
        applied_at: application.applied_at,
        state: seals::told(&application.state),
        decided_at,
        seal,
        reason,
        authority_pending: application.awaits().is_some(),
    }
}

/// A seal as it is shown; `with_usage` tells who may use it.
///
/// # Errors
/// When the seal in the store cannot be read.
pub(super) fn seal_view(record: &SealRecord, with_usage: bool, now: Timestamp) -> Result<SealView, ApiError> {
    let seal = SesSeal::from_der(record.der.as_slice()).map_err(broken)?;
    let at = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    let valid_until = at(seal.valid_until());
    let state = match &record.standing.state {
        seal::SealState::Active if valid_until < now => SealState::Expired,
        seal::SealState::Active => SealState::Active,
        seal::SealState::Revoking(_) | seal::SealState::Revoked { .. } => SealState::Revoked,
    };
    Ok(SealView {
        seal: record.id,
        enterprise: record.enterprise.clone(),
        kind: record.kind,
        name: record.name.clone(),
        authority_seal_id: seal.id().to_owned(),
        certificate_authority: record.certificate_authority.clone(),
        application: record.standing.application,
        made_at: record.made_at,
        valid_from: at(seal.valid_from()),
        valid_until,
        width_mm: seal.picture().width_mm,
        height_mm: seal.picture().height_mm,
        usage: with_usage.then(|| usage_view(&record.standing.usage)),
        state,
        revocation: revocation_view(&record.standing.state),
    })
}

fn revocation_view(state: &seal::SealState) -> Option<SealRevocation> {
    let (revocation, confirmed, declined) = match state {
        seal::SealState::Active => return None,
        seal::SealState::Revoking(revocation) => (revocation, false, None),
        seal::SealState::Revoked { revocation, declined, .. } => (revocation, true, declined.clone()),
    };
    Some(SealRevocation {
        reason: match revocation.reason {
            SealRevocationReason::NoLongerUsed => told::SealRevocationReason::NoLongerUsed,
            SealRevocationReason::Misused => told::SealRevocationReason::Misused,
            SealRevocationReason::Superseded => told::SealRevocationReason::Superseded,
            SealRevocationReason::ApplicationCancelled => told::SealRevocationReason::ApplicationCancelled,
            SealRevocationReason::EnterpriseChanged => told::SealRevocationReason::EnterpriseChanged,
        },
        at: revocation.at,
        by: match &revocation.by {
            Actor::User(_) => ChangedBy::LegalPerson,
            Actor::Operator { .. } => ChangedBy::Operator,
            Actor::System | Actor::PaymentProvider => ChangedBy::Broker,
        },
        confirmed,
        declined,
    })
}

fn usage_view(usage: &Usage) -> SealUsage {
    match usage {
        Usage::Company => SealUsage::default(),
        Usage::Listed { users, certificates } => {
            SealUsage { who: SealUsers::Listed, users: users.clone(), certificates: certificates.clone() }
        }
    }
}

/// As the lifecycle calls it.
///
/// # Errors
/// When everybody may use it, and some are named.
pub(super) fn usage(told: &SealUsage) -> Result<Usage, ApiError> {
    let SealUsage { who, users, certificates } = told;
    match who {
        SealUsers::Listed => Ok(Usage::listed(users.iter().copied(), certificates.clone())),
        SealUsers::Company if users.is_empty() && certificates.is_empty() => Ok(Usage::Company),
        SealUsers::Company => Err(ApiError::new(
            Kind::InvalidRequest,
            "users and certificates name those who may use the seal alone: send \"who\": \"listed\" with them",
        )),
    }
}

/// What is said of a seal in the store that cannot be read.
pub(super) fn broken(error: impl std::fmt::Display) -> ApiError {
    ApiError::new(Kind::Internal, format!("a stored seal cannot be read: {error}"))
}
