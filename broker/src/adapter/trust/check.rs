//! The answer whether a certificate is good now, with where it comes from and how fresh it is.

use std::sync::Arc;

use tracing::warn;

use yinqiao_gm::x509::chain::{Path, Usage};
use yinqiao_gm::x509::{AnyCertificate, Certificate, RevokedEntry};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::outcome::{CertificateStatus, Status, StatusSource};

use super::fetch::is_fetchable;
use super::{TrustError, name_of, seconds};
use crate::adapter::Authority;
use crate::adapter::catalogue::{EntryTrust, Issuers, Source, Unknown};

/// A certificate that is good now, with the path to its root.
#[derive(Clone, Debug)]
pub struct Checked {
    /// From the certificate up to and with the root.
    pub path: Arc<Path>,
    /// What is known of it.
    pub status: CertificateStatus,
}

impl Checked {
    /// From its issuer up to and with the root.
    pub fn chain(&self) -> &[AnyCertificate] {
        &self.path.certificates()[1..]
    }
}

impl Authority {
    /// Whether `certificate` is good at `now`. May ask the CA.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub async fn check(
        &self,
        certificate: &Certificate,
        usage: Usage,
        now: Timestamp,
    ) -> Result<Checked, TrustError> {
        let path = self.trust().path(certificate, usage, now)?;
        let issuer = path.certificates().get(1).unwrap_or(certificate);
        let entry = self.entry();
        let status = self.status(certificate, issuer, &entry.trust, now).await?;
        for (ca, issuer) in path.links().skip(1) {
            self.check_issuer(certificate, (ca, issuer), &entry.trust, now).await?;
        }
        Ok(Checked { path, status })
    }

    /// Whether a CA certificate in the path of `certificate`, with its issuer, may stand there.
    pub(super) async fn check_issuer(
        &self,
        certificate: &Certificate,
        (ca, issuer): (&AnyCertificate, &AnyCertificate),
        rules: &EntryTrust,
        now: Timestamp,
    ) -> Result<(), TrustError> {
        let revoked = |entry: RevokedEntry| TrustError::IssuerRevoked {
            subject: name_of(certificate),
            issuer: name_of(ca),
            at: seconds(entry.revoked_at),
        };
        if rules.fetch_by_url {
            self.fetch_list_for(ca, now).await;
        }
        if let Some(entry) = self.trust().entry_of_list(ca) {
            return Err(revoked(entry));
        }
        for source in &rules.sources {
            let known = match source {
                Source::Crl => self.trust().has_fresh_list_for(ca, now),
                Source::Ocsp if self.has_responder_for(ca, rules) => {
                    match self.status_by_ocsp(ca, issuer, now).await {
                        Ok(status) => status.is_some(),
                        Err(refusal) => {
                            return Err(self.trust().ocsp.entry(ca).map_or(refusal, revoked));
                        }
                    }
                }
                Source::Ocsp => false,
            };
            if known {
                return Ok(());
            }
        }
        // What is known to be revoked is not unknown, however old the news.
        if let Some(entry) = self.trust().ocsp.entry(ca) {
            return Err(revoked(entry));
        }
        let must_be_known = match rules.issuers {
            Issuers::All => true,
            Issuers::Published => rules.sources.iter().any(|source| self.is_published(ca, source, rules)),
        };
        match rules.unknown {
            Unknown::Refuse if must_be_known => Err(TrustError::IssuerStatusUnavailable {
                authority: self.name().to_owned(),
                issuer: name_of(ca),
            }),
            Unknown::Refuse | Unknown::Accept => Ok(()),
        }
    }

    /// Whether a CA certificate's status is published where this source of it can be had: a list that is held, or an address from
    /// which the broker fetches.
    fn is_published(&self, ca: &AnyCertificate, source: &Source, rules: &EntryTrust) -> bool {
        let fetched = |addresses: Vec<String>| {
            rules.fetch_by_url && addresses.iter().any(|address| is_fetchable(address))
        };
        match source {
            Source::Crl => self.trust().has_list_for(ca) || ca.crl_distribution_points().is_ok_and(fetched),
            Source::Ocsp => ca.authority_info_access().is_ok_and(|addresses| fetched(addresses.ocsp)),
        }
    }

    /// Whether anybody is there to be asked about a CA certificate: its own CA by the address in it, or, where every CA's status must be
    /// known, the adapter.
    fn has_responder_for(&self, ca: &AnyCertificate, rules: &EntryTrust) -> bool {
        let named = ca.authority_info_access().is_ok_and(|addresses| !addresses.ocsp.is_empty());
        (rules.fetch_by_url && named) || rules.issuers == Issuers::All
    }

    /// Whether `certificate` leads to this CA's roots with a key for signing, whatever its status.
    ///
    /// # Errors
    /// [`TrustError::NotValidNow`], [`TrustError::NotTrusted`].
    pub fn vouches_for(&self, certificate: &Certificate, now: Timestamp) -> Result<(), TrustError> {
        self.trust().path(certificate, Usage::Signing, now).map(drop)
    }

    async fn status(
        &self,
        certificate: &Certificate,
        issuer: &AnyCertificate,
        rules: &EntryTrust,
        now: Timestamp,
    ) -> Result<CertificateStatus, TrustError> {
        for source in &rules.sources {
            let known = match source {
                Source::Crl => {
                    if rules.fetch_by_url {
                        self.fetch_list_for(certificate, now).await;
                    }
                    self.trust().status_by_list(certificate, now)?
                }
                Source::Ocsp => self.status_by_ocsp(certificate, issuer, now).await?,
            };
            if let Some(status) = known {
                return Ok(status);
            }
        }
        // What is known to be revoked is not unknown, however old the news.
        let listed = self.trust().entry_of_list(certificate);
        if let Some(entry) = listed.or_else(|| self.trust().ocsp.entry(certificate)) {
            return Err(TrustError::listed(certificate, entry));
        }
        match rules.unknown {
            Unknown::Refuse => Err(TrustError::StatusUnavailable { authority: self.name().to_owned() }),
            Unknown::Accept => {
                warn!(adapter = self.name(), "a certificate of unknown status is accepted, as configured");
                Ok(CertificateStatus {
                    status: Status::Unknown,
                    source: StatusSource::None,
                    this_update: now,
                    next_update: now,
                    fetched_at: now,
                })
            }
        }
    }
}
