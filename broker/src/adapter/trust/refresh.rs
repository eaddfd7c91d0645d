//! Fetches what a CA vouches for and what it has revoked, by its adapter.

use std::sync::Arc;

use yinqiao_ca_sdk::messages::{Empty, Reply, Request};
use yinqiao_gm::x509::{Certificate, CertificateRevocationList};

use super::{Anchors, FetchedList};
use crate::adapter::{Authority, AuthorityError};
use crate::clock;

/// Seconds after which a CA's certificates are fetched again.
const ANCHORS_SECONDS: u32 = 3600;

impl Authority {
    /// Gets the CA's newest revocation list, and its certificates where they are old or do not fit the list.
    ///
    /// # Errors
    /// When the adapter gives none, or gives what does not verify or is out of date.
    pub async fn refresh(&self) -> Result<(), AuthorityError> {
        let now = clock::now();
        let old = self.trust().anchors_fetched_at().plus_seconds(ANCHORS_SECONDS) <= now;
        if old {
            self.refresh_anchors().await?;
        }
        let reply = self.ask(Request::Crl(Empty {})).await?;
        let Reply::Crl(crl) = reply else { return Err(self.unexpected_reply()) };
        let list = CertificateRevocationList::from_der(crl.crl.as_bytes())
            .map_err(|e| self.broken(format!("revocation list: {e}")))?;
        if !self.trust().knows_issuer_of(&list) {
            // The CA may have a new key.
            self.refresh_anchors().await?;
        }
        if !self.trust().knows_issuer_of(&list) {
            return Err(self.broken("the revocation list is not signed by a certificate of this CA".into()));
        }
        let fetched = FetchedList { list: Arc::new(list), fetched_at: clock::now() };
        if !fetched.is_fresh(fetched.fetched_at) {
            return Err(self.broken("the revocation list is past its next update".into()));
        }
        self.trust().take_list(fetched);
        Ok(())
    }

    async fn refresh_anchors(&self) -> Result<(), AuthorityError> {
        let reply = self.ask(Request::CaCertificates(Empty {})).await?;
        let Reply::CaCertificates(certificates) = reply else { return Err(self.unexpected_reply()) };
        let certificates = certificates
            .certificates
            .iter()
            .map(|der| Certificate::from_der(der.as_bytes()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| self.broken(format!("CA certificate: {e}")))?;
        let anchors = Anchors::new(certificates);
        if anchors.roots.is_empty() {
            return Err(self.broken("no root among the CA certificates".into()));
        }
        self.trust().take_anchors(anchors, clock::now());
        Ok(())
    }
}
