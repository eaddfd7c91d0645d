//! A CA's revocation list with the delta over it, as they were fetched.

use std::sync::Arc;

use yinqiao_gm::x509::{AnyCertificate, AnyRevocationList, RevocationReason, RevokedEntry};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::outcome::{CertificateStatus, Status, StatusSource};

use super::{TrustError, seconds};

/// A verified list with the time it was fetched.
#[derive(Clone, Debug)]
pub struct FetchedList {
    /// Its signature is good.
    pub list: Arc<AnyRevocationList>,
    /// When it came.
    pub fetched_at: Timestamp,
}

/// What is held of one issuer and scope: a complete list, and the newest delta to it.
#[derive(Clone, Debug)]
pub(super) struct HeldList {
    base: FetchedList,
    delta: Option<FetchedList>,
}

impl FetchedList {
    /// Whether it may still be relied on.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.seconds() < self.list.next_update()
    }

    fn replaces(&self, held: &Self) -> bool {
        self.list.this_update() >= held.list.this_update()
    }
}

impl HeldList {
    /// Of a complete list.
    pub(super) fn new(base: FetchedList) -> Self {
        Self { base, delta: None }
    }

    /// Whether a list is of the same issuer and scope.
    pub(super) fn is_of_kind(&self, list: &AnyRevocationList) -> bool {
        self.base.list.issuer() == list.issuer() && self.base.list.scope() == list.scope()
    }

    /// Whether it speaks of a certificate.
    pub(super) fn speaks_of(&self, certificate: &AnyCertificate) -> bool {
        self.base.list.status(certificate).is_ok()
    }

    /// Takes a complete list, unless a newer one is held: lists may overtake each other on their way, and a revocation
    /// must never be undone.
    pub(super) fn take_base(&mut self, fetched: FetchedList) {
        if fetched.replaces(&self.base) {
            self.base = fetched;
            self.delta = self.delta.take().filter(|delta| self.base.list.with_delta(&delta.list).is_ok());
        }
    }

    /// Takes a delta, unless it does not go with the complete list, or a newer one is held.
    pub(super) fn take_delta(&mut self, fetched: FetchedList) {
        let newer = self.delta.as_ref().is_none_or(|held| fetched.replaces(held));
        if newer && self.base.list.with_delta(&fetched.list).is_ok() {
            self.delta = Some(fetched);
        }
    }

    /// The complete list.
    pub(super) fn base(&self) -> &AnyRevocationList {
        &self.base.list
    }

    /// Whether the complete list may still be relied on.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.base.is_fresh(now)
    }

    /// Whether the delta may still be relied on.
    pub(super) fn has_fresh_delta(&self, now: Timestamp) -> bool {
        self.delta.as_ref().is_some_and(|delta| delta.is_fresh(now))
    }

    /// When the complete list can no longer be relied on.
    pub(super) fn ends(&self) -> Timestamp {
        seconds(self.base.list.next_update())
    }

    /// What the newest of what is held says of a certificate, fresh or not: a delta that is past its time still tells what
    /// was revoked then.
    pub(super) fn entry(&self, certificate: &AnyCertificate) -> Option<RevokedEntry> {
        let by_base = self.base.list.entry(certificate.serial());
        match self.delta.as_ref().and_then(|delta| delta.list.entry(certificate.serial())) {
            Some(entry) if entry.reason == RevocationReason::RemoveFromCrl => None,
            Some(entry) => Some(entry),
            None => by_base,
        }
    }

    /// The status of a certificate of the list's issuer and scope.
    ///
    /// # Errors
    /// [`TrustError::Revoked`], [`TrustError::Held`].
    pub(super) fn status(
        &self,
        certificate: &AnyCertificate,
        now: Timestamp,
    ) -> Result<CertificateStatus, TrustError> {
        if let Some(entry) = self.entry(certificate) {
            return Err(TrustError::listed(certificate, entry));
        }
        let (newest, source) = match &self.delta {
            Some(delta) if delta.is_fresh(now) => (delta, StatusSource::DeltaCrl),
            _ => (&self.base, StatusSource::Crl),
        };
        Ok(CertificateStatus {
            status: Status::Good,
            source,
            this_update: seconds(newest.list.this_update()),
            next_update: seconds(newest.list.next_update()),
            fetched_at: newest.fetched_at,
        })
    }
}
