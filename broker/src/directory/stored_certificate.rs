//! How certificate pairs are stored and found, and how records from before they had a standing are read.

use serde::Deserialize;

use yinqiao_lifecycle::certificate::{Facts, RevocationReason, Standing, Status};
use yinqiao_lifecycle::{Job, JobKind};
use yinqiao_protocol::holder::Holder;
use yinqiao_protocol::{Base64, Timestamp};

use super::{CertificateRecord, Directory, NewCertificate};
use crate::records::{Aggregate, Index, IndexEntry, index_changes};
use crate::store::{Collection, RecordChange, StoreError, Write};

/// Records read at once from the store.
const PAGE: usize = 500;

impl Aggregate for CertificateRecord {
    const COLLECTION: Collection = Collection::Certificate;

    fn key(&self) -> Vec<u8> {
        self.facts.sm3.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        let Facts { issued_at, .. } = self.facts;
        let by_serial = |serial: &str| IndexEntry::plain(Index::CertificateBySerial, serial.as_bytes());
        let mut entries = vec![by_serial(&self.facts.signing_serial)];
        let encryption_serial = &self.facts.encryption_serial;
        if !encryption_serial.is_empty() && *encryption_serial != self.facts.signing_serial {
            entries.push(by_serial(encryption_serial));
        }
        if self.standing.is_hidden() {
            return entries;
        }
        if let Some(user) = &self.facts.user {
            entries.push(IndexEntry::falling(Index::CertificateByUser, user.as_bytes(), issued_at));
        }
        if let Some(code) = &self.facts.enterprise {
            let by_company =
                |value: &[u8]| IndexEntry::falling(Index::CertificateByEnterprise, value, issued_at);
            entries.push(by_company(code.as_str().as_bytes()));
            if let Some(user) = &self.facts.user {
                entries.push(by_company(&of_member(code.as_str(), user.as_bytes())));
            }
        }
        // One that is suspended is not looked at until it is resumed, and without a user nobody is to be reminded.
        let looked_at = self.facts.user.is_some() && self.status(issued_at) == Status::Active;
        if let Some(at) = self.standing.next_reminder_at(&self.facts, issued_at).filter(|_| looked_at) {
            entries.push(IndexEntry::rising(Index::CertificateByReminder, &[], at));
        }
        entries
    }
}

/// The value under which the index by company has the certificates of one member.
pub fn of_member(code: &str, user: &[u8; 16]) -> Vec<u8> {
    [code.as_bytes(), b"/", user].concat()
}

/// A record as it is stored, now or before standings were kept: then its facts are in its certificates, and it has at most a
/// revocation.
#[derive(Deserialize)]
pub(super) struct Stored {
    holder: Holder,
    certificate_authority: String,
    signing_certificate: Base64,
    encryption_certificate: Option<Base64>,
    device_key: Base64,
    facts: Option<Facts>,
    standing: Option<Standing>,
    issued_at: Option<Timestamp>,
    revocation: Option<StoredRevocation>,
}

#[derive(Deserialize)]
struct StoredRevocation {
    at: Timestamp,
    reason: String,
    confirmed: bool,
}

impl TryFrom<Stored> for CertificateRecord {
    type Error = yinqiao_gm::Error;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        if let Some(facts) = stored.facts {
            return Ok(Self {
                holder: stored.holder,
                certificate_authority: stored.certificate_authority,
                signing_certificate: stored.signing_certificate,
                encryption_certificate: stored.encryption_certificate,
                device_key: stored.device_key,
                facts,
                standing: stored.standing.unwrap_or_default(),
            });
        }
        let mut record = Self::new(NewCertificate {
            holder: stored.holder,
            user: None,
            order: None,
            certificate_authority: stored.certificate_authority,
            signing_certificate: stored.signing_certificate,
            encryption_certificate: stored.encryption_certificate,
            device_key: stored.device_key,
            issued_at: stored.issued_at.unwrap_or_default(),
        })?;
        if let Some(revocation) = stored.revocation {
            let reason = RevocationReason::ALL
                .into_iter()
                .find(|reason| format!("{reason:?}") == revocation.reason)
                .unwrap_or(RevocationReason::Unspecified);
            record.standing = Standing::revoked(reason, revocation.at, revocation.confirmed);
        }
        Ok(record)
    }
}

/// As much of a record as tells whether it is of the old form.
#[derive(Deserialize)]
struct Form {
    facts: Option<serde::de::IgnoredAny>,
}

impl Directory {
    /// Stores records of the old form anew, so that the index has them, with the job for a revocation that the CA has not
    /// confirmed: called once at start.
    ///
    /// # Errors
    /// When the store fails, or a record cannot be read.
    pub async fn renew_stored_certificates(&self, now: Timestamp) -> Result<(), StoreError> {
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(format!("certificate record: {error}"));
        let mut after = None;
        loop {
            let page = self.records.records(Collection::Certificate, Vec::new(), after, PAGE).await?;
            for stored in &page {
                let form: Form = serde_json::from_slice(&stored.value).map_err(corrupt)?;
                if form.facts.is_some() {
                    continue;
                }
                let record: CertificateRecord = serde_json::from_slice(&stored.value).map_err(corrupt)?;
                let mut changes =
                    vec![self.certificates.to_change(&stored.key, stored.version, Some(&record))?];
                changes.extend(index_changes(None, Some(&record)));
                if record.standing.next_operation().is_some() {
                    let job = Job::new(JobKind::Reconcile(record.facts.sm3), now);
                    let write = Write::Put(serde_json::to_vec(&job).map_err(corrupt)?);
                    changes.push(RecordChange {
                        collection: Job::COLLECTION,
                        key: job.key(),
                        expected: 0,
                        write,
                    });
                }
                self.records.change(changes).await?;
            }
            after = page.last().map(|stored| stored.key.clone());
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }
}
