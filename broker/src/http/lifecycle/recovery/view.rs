//! A recovery as people see it.

use yinqiao_lifecycle::recovery::{self, CONSENTS};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::recovery::{RecoveryState, RecoveryView};

use crate::lifecycle::recovery::RecoveryRecord;

/// What everybody who may see it is told: not the key.
pub(super) fn view(record: &RecoveryRecord, now: Timestamp) -> RecoveryView {
    let recovery = &record.recovery;
    let (state, reason) = match &recovery.state {
        recovery::RecoveryState::AwaitingConsent { .. } if !recovery.is_open(now) => {
            (RecoveryState::Expired, None)
        }
        recovery::RecoveryState::AwaitingConsent { .. } => (RecoveryState::AwaitingConsent, None),
        recovery::RecoveryState::Recovering { .. } => (RecoveryState::Recovering, None),
        recovery::RecoveryState::Done { .. } => (RecoveryState::Done, None),
        recovery::RecoveryState::Failed { reason, .. } => (RecoveryState::Failed, Some(reason)),
        recovery::RecoveryState::Rejected { reason, .. } => (RecoveryState::Rejected, Some(reason)),
        recovery::RecoveryState::Withdrawn { .. } => (RecoveryState::Withdrawn, None),
        recovery::RecoveryState::Expired { .. } => (RecoveryState::Expired, None),
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    RecoveryView {
        recovery: recovery.id,
        certificate_sm3: recovery.certificate,
        encryption_serial: recovery.encryption_serial.clone(),
        user: recovery.holder,
        holder_name: record.holder_name.clone(),
        requested_at: recovery.requested_at,
        consent_until: recovery.consent_until,
        state,
        consents: count(recovery.consents().len()),
        consents_needed: count(CONSENTS),
        reason: reason.cloned(),
        key: None,
    }
}
