//! What is known of one CA's certificates and of the status of its holders' certificates.

use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;

use yinqiao_gm::x509::chain::{Path, Usage};
use yinqiao_gm::x509::{AnyCertificate, CertificateRevocationList};
use yinqiao_protocol::outcome::CertificateStatus;
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::ocsp::OcspCache;
use super::{Anchors, FetchedList, TrustError};

/// Paths held in memory at most.
const MOST_PATHS: usize = 20_000;

/// Anchors, revocation lists, OCSP answers and verified paths of one CA.
#[derive(Default)]
pub struct TrustStore {
    /// Locked for a copy or an exchange, never across an await.
    trust: RwLock<Trust>,
    /// Paths by SM3 of the leaf and its usage, so that a path's signatures are verified once.
    paths: DashMap<(Sm3Hex, Usage), Arc<Path>>,
    pub(super) ocsp: OcspCache,
    /// One fetch by URL at a time, and when each address was asked last.
    pub(super) by_url: tokio::sync::Mutex<std::collections::HashMap<String, Timestamp>>,
}

#[derive(Clone, Default)]
struct Trust {
    anchors: Arc<Anchors>,
    anchors_fetched_at: Timestamp,
    /// One for each issuer, the newest first.
    lists: Vec<FetchedList>,
}

impl Trust {
    /// Puts a list in the place of its issuer's last one, unless that one is newer: lists may overtake each other on
    /// their way, and a revocation must never be undone.
    fn take(&mut self, fetched: FetchedList) {
        let same_issuer = |held: &FetchedList| held.list.issuer() == fetched.list.issuer();
        let newer = |held: &FetchedList| held.list.this_update() > fetched.list.this_update();
        if self.lists.iter().any(|held| same_issuer(held) && newer(held)) {
            return;
        }
        self.lists.retain(|held| !same_issuer(held));
        self.lists.insert(0, fetched);
    }

    fn list_of(&self, issuer: &AnyCertificate) -> Option<&FetchedList> {
        self.lists.iter().find(|held| held.list.issuer() == issuer.subject())
    }
}

impl TrustStore {
    /// The CA's certificates, root last, DER.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let anchors = self.read().anchors;
        anchors.intermediates.iter().chain(&anchors.roots).map(|c| c.der().to_vec()).collect()
    }

    /// SM3 of each root's DER.
    pub fn roots(&self) -> Vec<Sm3Hex> {
        self.read().anchors.roots.iter().map(|root| Sm3Hex(root.fingerprint())).collect()
    }

    /// The newest revocation list, DER.
    pub fn certificate_revocation_list(&self) -> Option<Vec<u8>> {
        self.read().lists.first().map(|fetched| fetched.list.der().to_vec())
    }

    /// Whether the newest revocation list may be relied on at `now`.
    pub fn has_fresh_list(&self, now: Timestamp) -> bool {
        self.read().lists.first().is_some_and(|list| list.is_fresh(now))
    }

    /// Since when there is no fresh list: the end of the last one, or `now` where there never was one.
    pub fn without_list_since(&self, now: Timestamp) -> Timestamp {
        self.read().lists.first().map_or(now, FetchedList::ends)
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
        let key = (Sm3Hex(certificate.fingerprint()), usage);
        if let Some(path) = self.paths.get(&key)
            && path.certificates().iter().all(|certificate| certificate.is_valid_at(now.seconds()))
        {
            return Ok(Arc::clone(&path));
        }
        let anchors = self.read().anchors;
        let path = Arc::new(anchors.path(certificate, usage, now)?);
        if self.paths.len() >= MOST_PATHS {
            self.paths.clear();
        }
        self.paths.insert(key, Arc::clone(&path));
        Ok(path)
    }

    /// The status by the issuer's list; `None` without a fresh one. A list speaks for the certificates of its own issuer
    /// only.
    ///
    /// # Errors
    /// [`TrustError::Revoked`].
    pub(super) fn status_by_list(
        &self,
        certificate: &AnyCertificate,
        issuer: &AnyCertificate,
        now: Timestamp,
    ) -> Result<Option<CertificateStatus>, TrustError> {
        let trust = self.read();
        let list = trust.list_of(issuer).filter(|list| list.is_fresh(now));
        list.map(|list| list.status(certificate)).transpose()
    }

    /// Since when a certificate is revoked by the newest list of its issuer, fresh or not.
    pub(super) fn revoked_by_list(
        &self,
        certificate: &AnyCertificate,
        issuer: &AnyCertificate,
    ) -> Option<Timestamp> {
        self.read().list_of(issuer)?.revoked_at(certificate)
    }

    /// Whether the list of the certificate's issuer may be relied on at `now`.
    pub(super) fn has_fresh_list_for(&self, certificate: &AnyCertificate, now: Timestamp) -> bool {
        let of_issuer = |held: &&FetchedList| held.list.issuer() == certificate.issuer();
        self.read().lists.iter().find(of_issuer).is_some_and(|list| list.is_fresh(now))
    }

    /// Knows nothing any more.
    pub fn forget(&self) {
        self.change(|trust| *trust = Trust::default());
        self.paths.clear();
        self.ocsp.clear();
    }

    /// When the anchors were fetched.
    pub(super) fn anchors_fetched_at(&self) -> Timestamp {
        self.read().anchors_fetched_at
    }

    /// Whether a certificate of this CA signed the list.
    pub(super) fn knows_issuer_of(&self, list: &CertificateRevocationList) -> bool {
        self.read().anchors.issuer_of(list).is_some()
    }

    /// Puts new anchors in the place of the old ones.
    pub(super) fn take_anchors(&self, anchors: Anchors, now: Timestamp) {
        self.change(|trust| {
            trust.anchors = Arc::new(anchors);
            trust.anchors_fetched_at = now;
        });
        self.paths.clear();
    }

    /// Takes a verified list, unless a newer one of its issuer is held.
    pub(super) fn take_list(&self, fetched: FetchedList) {
        self.change(|trust| trust.take(fetched));
    }

    fn read(&self) -> Trust {
        self.trust.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Trust)) {
        change(&mut self.trust.write().unwrap_or_else(PoisonError::into_inner));
    }
}
