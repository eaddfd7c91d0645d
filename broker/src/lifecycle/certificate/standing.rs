//! What is in force, and what CAs say by themselves.

use tracing::warn;

use yinqiao_gm::x509::{Certificate, RevocationReason as Listed};
use yinqiao_lifecycle::certificate::{Desired, RevocationReason, Status};
use yinqiao_protocol::{Sm3Hex, Timestamp};

use crate::adapter::{Authorities, TrustError};
use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::message::{self, Notice};
use crate::records::Repository;

/// Records read at once from the store.
const PAGE: usize = 500;

/// Whether a certificate is in force as far as the broker knows, without asking its CA.
///
/// # Errors
/// [`TrustError::Revoked`], [`TrustError::Held`], [`TrustError::NotValidNow`].
pub fn check_standing(record: &CertificateRecord, now: Timestamp) -> Result<(), TrustError> {
    let subject = record.holder.name.clone();
    match record.status(now) {
        Status::Active => Ok(()),
        Status::Expired => Err(TrustError::NotValidNow { subject }),
        Status::Held => {
            let at = match &record.standing.desired {
                Desired::Held(hold) => hold.at,
                Desired::Active | Desired::Revoked(_) => now,
            };
            Err(TrustError::Held { subject, at })
        }
        Status::Revoked => {
            let revocation = record.standing.revocation();
            Err(TrustError::Revoked {
                subject,
                at: revocation.map_or(now, |revocation| revocation.at),
                reason: revocation.map_or(Listed::Unspecified, |revocation| listed(revocation.reason)),
            })
        }
    }
}

/// Notes that the CA has a certificate as revoked, whoever asked it to.
///
/// # Errors
/// When the store fails.
pub async fn found_revoked(repository: &Repository, sm3: &Sm3Hex, reason: Listed) -> Result<(), ApiError> {
    repository
        .transact(async |transaction| {
            let Some(found) = transaction.get::<CertificateRecord>(sm3.as_bytes()).await? else {
                return Ok(());
            };
            let record = &found.value;
            let step = record.standing.found_revoked(&record.facts, told(reason), transaction.now());
            if let Some(user) = record.facts.user.filter(|_| !record.standing.is_revoked()) {
                let notice = Notice::CertificateBlocked { certificate: *sm3, revoked: true };
                let recipient = message::to_user(repository, user).await?;
                message::write(transaction, recipient, notice)?;
            }
            transaction.take(Some(&found), step.map(|next| record.standing_so(next)))?;
            Ok(())
        })
        .await
}

/// Looks whether CAs have revoked certificates by themselves, by the lists at hand: so that who looks at their certificates
/// sees it before a session is refused.
///
/// # Errors
/// When the store fails.
pub async fn look_for_revocations(
    repository: &Repository,
    authorities: &Authorities,
) -> Result<(), ApiError> {
    let now = repository.clock().now();
    let mut after = None;
    loop {
        let page = repository.scan::<CertificateRecord>(after, PAGE).await?;
        for record in page.iter().map(|found| &found.value) {
            if matches!(record.status(now), Status::Revoked | Status::Expired) {
                continue;
            }
            let Ok(authority) = authorities.get(&record.certificate_authority) else { continue };
            for der in std::iter::once(&record.signing_certificate).chain(&record.encryption_certificate) {
                let entry = Certificate::from_der(der.as_slice())
                    .ok()
                    .and_then(|certificate| authority.trust().revoked_by_list(&certificate));
                if let Some(entry) = entry {
                    warn!(certificate = %record.facts.sm3, "its CA has revoked a certificate by itself");
                    found_revoked(repository, &record.facts.sm3, entry.reason).await?;
                    break;
                }
            }
        }
        after = page.last().map(|found| found.value.facts.sm3.as_bytes().to_vec());
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

/// In the words of revocation lists.
const fn listed(reason: RevocationReason) -> Listed {
    match reason {
        RevocationReason::AffiliationChanged => Listed::AffiliationChanged,
        RevocationReason::CaCompromise => Listed::CaCompromise,
        RevocationReason::CessationOfOperation => Listed::CessationOfOperation,
        RevocationReason::KeyCompromise => Listed::KeyCompromise,
        RevocationReason::PrivilegeWithdrawn => Listed::PrivilegeWithdrawn,
        RevocationReason::Superseded => Listed::Superseded,
        RevocationReason::Unspecified => Listed::Unspecified,
    }
}

/// In the lifecycle's words.
const fn told(reason: Listed) -> RevocationReason {
    match reason {
        Listed::AffiliationChanged => RevocationReason::AffiliationChanged,
        Listed::CaCompromise | Listed::AaCompromise => RevocationReason::CaCompromise,
        Listed::CessationOfOperation => RevocationReason::CessationOfOperation,
        Listed::KeyCompromise => RevocationReason::KeyCompromise,
        Listed::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        Listed::Superseded => RevocationReason::Superseded,
        Listed::Unspecified | Listed::CertificateHold | Listed::RemoveFromCrl => {
            RevocationReason::Unspecified
        }
    }
}
