//! What is known of one CA's certificates and revocations, and the answer whether a certificate of it is good now.

use std::sync::{Arc, PoisonError, RwLock};

use dashmap::DashMap;

use yinqiao_gm::x509::chain::Usage;
use yinqiao_gm::x509::{Certificate, CertificateRevocationList};
use yinqiao_protocol::outcome::CertificateStatus;
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::{Anchors, FetchedList, TrustError};

/// Paths held in memory at most.
const MOST_PATHS: usize = 20_000;

/// A certificate that is good now, with the path to its root.
#[derive(Clone, Debug)]
pub struct Checked {
    /// From its issuer up to and with the root.
    pub chain: Vec<Certificate>,
    /// What the newest revocation list says.
    pub status: CertificateStatus,
}

/// Anchors, revocation lists and verified paths of one CA.
pub struct TrustStore {
    /// Name of the adapter.
    authority: String,
    /// Locked for a copy or an exchange, never across an await.
    trust: RwLock<Trust>,
    /// Paths by SM3 of the leaf and its usage, so that a path's signatures are verified once.
    paths: DashMap<(Sm3Hex, Usage), Vec<Certificate>>,
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
}

impl TrustStore {
    /// Nothing is known yet.
    pub fn new(authority: String) -> Self {
        Self { authority, trust: RwLock::default(), paths: DashMap::new() }
    }

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

    /// Whether `certificate` is good at `now`.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn check(
        &self,
        certificate: &Certificate,
        usage: Usage,
        now: Timestamp,
    ) -> Result<Checked, TrustError> {
        let trust = self.read();
        let chain = self.path(&trust.anchors, certificate, usage, now)?;
        // A list speaks for the certificates of its own issuer only.
        let list = trust
            .lists
            .iter()
            .find(|list| list.list.issuer() == certificate.issuer() && list.is_fresh(now))
            .ok_or_else(|| TrustError::StatusUnavailable { authority: self.authority.clone() })?;
        Ok(Checked { chain, status: list.status(certificate)? })
    }

    fn path(
        &self,
        anchors: &Anchors,
        certificate: &Certificate,
        usage: Usage,
        now: Timestamp,
    ) -> Result<Vec<Certificate>, TrustError> {
        let key = (Sm3Hex(certificate.fingerprint()), usage);
        if let Some(path) = self.paths.get(&key)
            && certificate.is_valid_at(now.seconds())
            && path.iter().all(|issuer| issuer.is_valid_at(now.seconds()))
        {
            return Ok(path.clone());
        }
        let path = anchors.path(certificate, usage, now)?;
        if self.paths.len() >= MOST_PATHS {
            self.paths.clear();
        }
        self.paths.insert(key, path.clone());
        Ok(path)
    }

    /// Knows nothing any more.
    pub fn forget(&self) {
        self.change(|trust| *trust = Trust::default());
        self.paths.clear();
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
