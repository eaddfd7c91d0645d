//! What is known of one CA's certificates and of the status of its holders' certificates.

use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;

use yinqiao_gm::x509::chain::{Path, Usage};
use yinqiao_gm::x509::{AnyCertificate, AnyRevocationList, RevocationReason, RevokedEntry};
use yinqiao_protocol::outcome::CertificateStatus;
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::list::HeldList;
use super::ocsp::OcspCache;
use super::{Anchors, FetchedList, TrustError};

/// Paths held in memory at most.
const MOST_PATHS: usize = 20_000;

/// Anchors, revocation lists, OCSP answers and verified paths of one CA.
#[derive(Default)]
pub struct TrustStore {
    /// Locked for a copy or an exchange, never across an await.
    trust: RwLock<Arc<Trust>>,
    /// Paths by SM3 of the leaf and its usage, so that a path's signatures are verified once; each with the generation of the
    /// anchors that it was found among, and of no use under others.
    paths: DashMap<(Sm3Hex, Usage), (u64, Arc<Path>)>,
    pub(super) ocsp: OcspCache,
    /// One fetch by URL at a time, and when each address was asked last.
    pub(super) by_url: tokio::sync::Mutex<std::collections::HashMap<String, Timestamp>>,
}

#[derive(Clone, Default)]
struct Trust {
    anchors: Arc<Anchors>,
    /// Rises whenever the anchors are others.
    generation: u64,
    anchors_fetched_at: Timestamp,
    /// One for each issuer and scope, the newest first.
    lists: Vec<HeldList>,
}

impl Trust {
    fn take(&mut self, fetched: FetchedList) {
        let place = self.lists.iter().position(|held| held.is_of_kind(&fetched.list));
        match (place, fetched.list.is_delta()) {
            (Some(place), true) => self.lists[place].take_delta(fetched),
            // A delta says nothing without its complete list.
            (None, true) => {}
            (Some(place), false) => {
                let mut held = self.lists.remove(place);
                held.take_base(fetched);
                self.lists.insert(0, held);
            }
            (None, false) => self.lists.insert(0, HeldList::new(fetched)),
        }
    }

    fn list_for(&self, certificate: &AnyCertificate) -> Option<&HeldList> {
        self.lists.iter().find(|held| held.speaks_of(certificate))
    }
}

impl TrustStore {
    /// The CA's certificates, root last, DER.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let anchors = &self.read().anchors;
        anchors.intermediates.iter().chain(&anchors.roots).map(|c| c.der().to_vec()).collect()
    }

    /// The newest revocation list, DER.
    pub fn certificate_revocation_list(&self) -> Option<Vec<u8>> {
        self.read().lists.first().map(|held| held.base().der().to_vec())
    }

    /// Whether the newest revocation list may be relied on at `now`.
    pub fn has_fresh_list(&self, now: Timestamp) -> bool {
        self.read().lists.first().is_some_and(|list| list.is_fresh(now))
    }

    /// Since when there is no fresh list: the end of the last one, or `now` where there never was one.
    pub fn without_list_since(&self, now: Timestamp) -> Timestamp {
        self.read().lists.first().map_or(now, HeldList::ends)
    }

    /// The path of a certificate.
    ///
    /// # Errors
    /// [`TrustError::NotValidNow`] or [`TrustError::NotTrusted`].
    pub(super) fn path(
        &self,
        certificate: &AnyCertificate,
        usage: Usage,
        now: Timestamp,
    ) -> Result<Arc<Path>, TrustError> {
        self.path_under(&self.read(), certificate, usage, now)
    }

    /// The anchors may have changed since `trust` was read: what is found among them is kept under their generation.
    fn path_under(
        &self,
        trust: &Trust,
        certificate: &AnyCertificate,
        usage: Usage,
        now: Timestamp,
    ) -> Result<Arc<Path>, TrustError> {
        let key = (Sm3Hex(certificate.fingerprint()), usage);
        if let Some(kept) = self.paths.get(&key)
            && kept.0 == trust.generation
            && kept.1.certificates().iter().all(|certificate| certificate.is_valid_at(now.seconds()))
        {
            return Ok(Arc::clone(&kept.1));
        }
        let path = Arc::new(trust.anchors.path(certificate, usage, now)?);
        if self.paths.len() >= MOST_PATHS {
            self.paths.clear();
        }
        self.paths.insert(key, (trust.generation, Arc::clone(&path)));
        Ok(path)
    }

    /// The status by the list that speaks of the certificate; `None` without a fresh one.
    ///
    /// # Errors
    /// [`TrustError::Revoked`], [`TrustError::Held`].
    pub(super) fn status_by_list(
        &self,
        certificate: &AnyCertificate,
        now: Timestamp,
    ) -> Result<Option<CertificateStatus>, TrustError> {
        let trust = self.read();
        let list = trust.list_for(certificate).filter(|list| list.is_fresh(now));
        list.map(|list| list.status(certificate, now)).transpose()
    }

    /// What the newest list that speaks of a certificate has against it, fresh or not.
    pub(super) fn entry_of_list(&self, certificate: &AnyCertificate) -> Option<RevokedEntry> {
        self.read().list_for(certificate)?.entry(certificate)
    }

    /// Since when and why a certificate is revoked by the newest list that speaks of it, fresh or not; one that is only held
    /// is not revoked.
    pub fn revoked_by_list(&self, certificate: &AnyCertificate) -> Option<RevokedEntry> {
        self.entry_of_list(certificate).filter(|entry| entry.reason != RevocationReason::CertificateHold)
    }

    /// The next check of a certificate asks its responder anew.
    pub fn forget_answer_about(&self, certificate: &AnyCertificate) {
        self.ocsp.forget(certificate);
    }

    /// Whether a list is held that speaks of the certificate, fresh or not.
    pub(super) fn has_list_for(&self, certificate: &AnyCertificate) -> bool {
        self.read().list_for(certificate).is_some()
    }

    /// Whether the list that speaks of the certificate may be relied on at `now`.
    pub(super) fn has_fresh_list_for(&self, certificate: &AnyCertificate, now: Timestamp) -> bool {
        self.read().list_for(certificate).is_some_and(|list| list.is_fresh(now))
    }

    /// Where the delta to the certificate's list is published, by the list or the certificate, when no fresh one is held.
    pub(super) fn missing_delta(&self, certificate: &AnyCertificate, now: Timestamp) -> Vec<String> {
        match self.read().list_for(certificate) {
            Some(list) if !list.has_fresh_delta(now) => {
                let mut addresses = list.base().freshest_crl().to_vec();
                addresses.extend(certificate.freshest_crl().unwrap_or_default());
                addresses.dedup();
                addresses
            }
            _ => Vec::new(),
        }
    }

    /// Knows nothing any more.
    pub fn forget(&self) {
        self.change(|trust| *trust = Trust { generation: trust.generation + 1, ..Trust::default() });
        self.paths.clear();
        self.ocsp.clear();
    }

    /// The anchors are old: the next refresh fetches them again.
    pub fn expire_anchors(&self) {
        self.change(|trust| trust.anchors_fetched_at = Timestamp::default());
        self.ocsp.clear();
    }

    /// When the anchors were fetched.
    pub(super) fn anchors_fetched_at(&self) -> Timestamp {
        self.read().anchors_fetched_at
    }

    /// Whether a certificate of this CA signed the list.
    pub(super) fn knows_issuer_of(&self, list: &AnyRevocationList) -> bool {
        self.read().anchors.issuer_of(list).is_some()
    }

    /// Puts new anchors in the place of the old ones.
    pub(super) fn take_anchors(&self, anchors: Anchors, now: Timestamp) {
        self.change(|trust| {
            trust.anchors = Arc::new(anchors);
            trust.generation += 1;
            trust.anchors_fetched_at = now;
        });
        self.paths.clear();
    }

    /// Takes a verified list, unless a newer one of its issuer is held.
    pub(super) fn take_list(&self, fetched: FetchedList) {
        self.change(|trust| trust.take(fetched));
    }

    fn read(&self) -> Arc<Trust> {
        Arc::clone(&self.trust.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Trust)) {
        change(Arc::make_mut(&mut self.trust.write().unwrap_or_else(PoisonError::into_inner)));
    }
}
