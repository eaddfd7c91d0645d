//! A certificate as people see it.

use yinqiao_lifecycle::Actor;
use yinqiao_lifecycle::certificate::{self, Confirmed, Desired, Facts, HoldReason, Status};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::certificate::{
    CertificateRevocation, CertificateState, CertificateSuspension, CertificateView, ChangedBy,
    RevocationReason, SuspensionReason,
};

use crate::directory::CertificateRecord;

/// What is told of a certificate.
pub fn view(record: &CertificateRecord, now: Timestamp) -> CertificateView {
    let CertificateRecord { facts, standing, .. } = record;
    let declined = &standing.declined;
    let declined = [&declined.revoke, &declined.hold, &declined.unhold].into_iter().flatten().next();
    CertificateView {
        certificate_sm3: facts.sm3,
        holder: record.holder.clone(),
        user: facts.user,
        order: facts.order,
        certificate_authority: record.certificate_authority.clone(),
        signing_serial: facts.signing_serial.clone(),
        encryption_serial: Some(facts.encryption_serial.clone()).filter(|serial| !serial.is_empty()),
        issued_at: facts.issued_at,
        not_after: facts.not_after,
        state: match record.status(now) {
            Status::Active => CertificateState::Active,
            Status::Held => CertificateState::Suspended,
            Status::Revoked => CertificateState::Revoked,
            Status::Expired => CertificateState::Expired,
        },
        suspension: match &standing.desired {
            Desired::Held(hold) => Some(CertificateSuspension {
                reason: hold.reason.name().to_owned(),
                at: hold.at,
                by: changed_by(facts, &hold.by),
            }),
            Desired::Active | Desired::Revoked(_) => None,
        },
        revocation: standing.revocation().map(|revocation| CertificateRevocation {
            reason: reason_of(revocation.reason),
            at: revocation.at,
            by: changed_by(facts, &revocation.by),
            confirmed: standing.confirmed == Confirmed::Revoked,
        }),
        authority_pending: standing.next_operation().is_some(),
        authority_declined: declined.map(|declined| declined.reason.clone()),
        successor: standing.successor,
    }
}

fn changed_by(facts: &Facts, by: &Actor) -> ChangedBy {
    match by {
        Actor::User(user) if facts.enterprise.as_ref().is_some_and(|code| user.stands_for(code)) => {
            ChangedBy::LegalPerson
        }
        Actor::User(_) => ChangedBy::Holder,
        Actor::Operator { .. } => ChangedBy::Operator,
        Actor::System | Actor::PaymentProvider => ChangedBy::Broker,
    }
}

/// As the lifecycle calls it.
pub(super) const fn suspension_reason(reason: SuspensionReason) -> HoldReason {
    match reason {
        SuspensionReason::PhoneLost => HoldReason::PhoneLost,
        SuspensionReason::SuspectedMisuse => HoldReason::SuspectedMisuse,
        SuspensionReason::NotInUse => HoldReason::NotInUse,
    }
}

/// As the lifecycle calls it.
pub(super) const fn revocation_reason(reason: RevocationReason) -> certificate::RevocationReason {
    match reason {
        RevocationReason::AffiliationChanged => certificate::RevocationReason::AffiliationChanged,
        RevocationReason::CaCompromise => certificate::RevocationReason::CaCompromise,
        RevocationReason::CessationOfOperation => certificate::RevocationReason::CessationOfOperation,
        RevocationReason::KeyCompromise => certificate::RevocationReason::KeyCompromise,
        RevocationReason::PrivilegeWithdrawn => certificate::RevocationReason::PrivilegeWithdrawn,
        RevocationReason::Superseded => certificate::RevocationReason::Superseded,
        RevocationReason::Unspecified => certificate::RevocationReason::Unspecified,
    }
}

const fn reason_of(reason: certificate::RevocationReason) -> RevocationReason {
    match reason {
        certificate::RevocationReason::AffiliationChanged => RevocationReason::AffiliationChanged,
        certificate::RevocationReason::CaCompromise => RevocationReason::CaCompromise,
        certificate::RevocationReason::CessationOfOperation => RevocationReason::CessationOfOperation,
        certificate::RevocationReason::KeyCompromise => RevocationReason::KeyCompromise,
        certificate::RevocationReason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        certificate::RevocationReason::Superseded => RevocationReason::Superseded,
        certificate::RevocationReason::Unspecified => RevocationReason::Unspecified,
    }
}
