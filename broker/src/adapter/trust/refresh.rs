//! Fetches what a CA vouches for and what it has revoked: by its adapter, or at the addresses that certificates name.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::MutexGuard;
use tracing::{debug, warn};

use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::{Empty, Reply, Request};
use yinqiao_ca_worker::CallOptions;
use yinqiao_gm::x509::{AnyCertificate, AnyRevocationList};
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::fetch::{Sent, fetch};
use super::{Anchors, FetchedList};
use crate::adapter::{Authority, AuthorityError};
use crate::clock;

/// How long a health answer may take.
const PROBE_WITHIN: Duration = Duration::from_secs(5);
/// Seconds after which a CA's certificates are fetched again.
const ANCHORS_SECONDS: u32 = 3600;
/// An address that gave nothing usable is not asked again for so many seconds.
const SAME_ADDRESS_SECONDS: u32 = 15;
/// The same for a delta list.
const DELTA_ADDRESS_SECONDS: u32 = 60;
/// Addresses held in memory at most.
const MOST_ADDRESSES: usize = 1_000;

impl Authority {
    /// Gets the CA's certificates where they are old, and its newest revocation list where the adapter offers one.
    ///
    /// # Errors
    /// When the adapter gives none, or gives what does not verify or is out of date.
    pub async fn refresh(&self) -> Result<(), AuthorityError> {
        let old = self.trust().anchors_fetched_at().plus_seconds(ANCHORS_SECONDS) <= clock::now();
        if old {
            self.refresh_anchors().await?;
        }
        let handle = self.handle()?;
        if !handle.offers(Operation::Crl) {
            // Its holders' status comes when it is needed; whether it can come is told by its health.
            let health = handle.probe(&CallOptions::within(PROBE_WITHIN)).await;
            return health.map(drop).map_err(|error| self.failed(error));
        }
        drop(handle);
        let Reply::Crl(crl) = self.ask(Request::Crl(Empty {})).await? else {
            return Err(self.unexpected_reply());
        };
        let list = AnyRevocationList::from_der(crl.crl.as_bytes())
            .map_err(|e| self.broken(format!("revocation list: {e}")))?;
        if !self.trust().knows_issuer_of(&list) {
            // The CA may have a new key.
            self.refresh_anchors().await?;
        }
        let broken = |reason: String| self.broken(format!("revocation list: {reason}"));
        self.take_list(list).map_err(broken)?;
        match crl.delta {
            Some(delta) => AnyRevocationList::from_der(delta.as_bytes())
                .map_err(|error| error.to_string())
                .and_then(|delta| self.take_list(delta))
                .map_err(broken),
            None => Ok(()),
        }
    }

    async fn refresh_anchors(&self) -> Result<(), AuthorityError> {
        let reply = self.ask(Request::CaCertificates(Empty {})).await?;
        let Reply::CaCertificates(certificates) = reply else { return Err(self.unexpected_reply()) };
        let mut found = certificates
            .certificates
            .iter()
            .map(|der| AnyCertificate::from_der(der.as_bytes()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| self.broken(format!("CA certificate: {e}")))?;
        let own_roots = Anchors::new(found.iter().cloned()).roots;
        if own_roots.is_empty() {
            return Err(self.broken("no root among the CA certificates".into()));
        }
        let roots: Vec<Sm3Hex> = own_roots.iter().map(|root| Sm3Hex(root.fingerprint())).collect();
        let entry = self.entry();
        self.known_roots.check(self.name(), &roots, entry.accept_new_root).await?;
        match Anchors::read_files(&entry.trust.anchors) {
            Ok(further) => found.extend(further),
            Err(reason) => {
                warn!(adapter = self.name(), %reason, "the CA goes without its further certificates")
            }
        }
        self.trust().take_anchors(Anchors::new(found), clock::now());
        Ok(())
    }

    /// Fetches the list of the certificate's issuer, and the delta to it, from the addresses in the certificate and the
    /// list, where no fresh ones are held. What fails is logged; the lack of a list shows in the status.
    pub(super) async fn fetch_list_for(&self, certificate: &AnyCertificate, now: Timestamp) {
        let trust = self.trust();
        if !trust.has_fresh_list_for(certificate, now) {
            for url in certificate.crl_distribution_points().unwrap_or_default() {
                if trust.has_fresh_list_for(certificate, now) {
                    break;
                }
                self.fetch_list(&url, now).await;
            }
        }
        // The complete list is good without its delta: nobody queues for one.
        for url in trust.missing_delta(certificate, now) {
            if let Ok(asked) = trust.by_url.try_lock() {
                self.fetch_list_alone(&url, asked, DELTA_ADDRESS_SECONDS, now).await;
            }
        }
    }

    /// One at a time, and no address again and again.
    async fn fetch_list(&self, url: &str, now: Timestamp) {
        let asked = self.trust().by_url.lock().await;
        self.fetch_list_alone(url, asked, SAME_ADDRESS_SECONDS, now).await;
    }

    async fn fetch_list_alone(
        &self,
        url: &str,
        mut asked: MutexGuard<'_, HashMap<String, Timestamp>>,
        again_after: u32,
        now: Timestamp,
    ) {
        if asked.get(url).is_some_and(|last| now < last.plus_seconds(again_after)) {
            return;
        }
        if asked.len() >= MOST_ADDRESSES {
            asked.clear();
        }
        asked.insert(url.to_owned(), now);
        let taken = match fetch(url, Sent::Nothing).await {
            Ok(der) => AnyRevocationList::from_der(&der)
                .map_err(|error| error.to_string())
                .and_then(|list| self.take_list(list)),
            Err(reason) => Err(reason.to_string()),
        };
        match taken {
            Ok(()) => debug!(adapter = self.name(), url, "revocation list fetched"),
            Err(reason) => warn!(adapter = self.name(), url, reason, "no revocation list"),
        }
    }

    fn take_list(&self, list: AnyRevocationList) -> Result<(), String> {
        if !self.trust().knows_issuer_of(&list) {
            return Err("it is not signed by a certificate of this CA".to_owned());
        }
        let fetched = FetchedList { list: Arc::new(list), fetched_at: clock::now() };
        if !fetched.is_fresh(fetched.fetched_at) {
            return Err("it is past its next update".to_owned());
        }
        self.trust().take_list(fetched);
        Ok(())
    }
}
