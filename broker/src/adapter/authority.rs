//! One configured CA: its adapter's calls, its certificates and its newest revocation list.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dashmap::DashMap;
use tracing::{info, warn};
use uuid::Uuid;

use yinqiao_ca_sdk::messages::{
    AdapterError, CertificatePair, Empty, ErrorClass, IdempotencyKey, IssueRequest, IssuedSeal, LookupQuery,
    LookupReply, Operation, Reply, Request, RevocationReason, RevokeRequest, SealIssueRequest, Serial,
};
use yinqiao_ca_worker::{AdapterHandle, CallOptions, Submitted};
use yinqiao_gm::x509::chain::Usage;
use yinqiao_gm::x509::{Certificate, CertificateRevocationList};
use yinqiao_protocol::outcome::CertificateStatus;
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::trust::{Anchors, FetchedList, TrustError};
use crate::clock;

/// How long an issue may take, with all its tries.
const ISSUE_WITHIN: Duration = Duration::from_secs(30);
/// How long any other call may take.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Pause before a call is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// Seconds after which a CA's certificates are fetched again.
const ANCHORS_SECONDS: u32 = 3600;
/// Paths held in memory at most.
const MOST_PATHS: usize = 20_000;

/// Why a CA did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// No adapter of this name.
    #[error("no adapter is called \"{0}\": `yinqiao adapter list` shows those that are")]
    NotConfigured(String),
    /// Nothing was done; later it may work.
    #[error("the CA \"{authority}\" cannot be reached ({text}): try again in a moment, nothing is lost")]
    Unavailable {
        /// Name of the adapter.
        authority: String,
        /// What it says.
        text: String,
    },
    /// The CA may have acted; the same request finds out.
    #[error(
        "nobody knows yet whether the CA \"{authority}\" has acted ({text}): send the same request again"
    )]
    UnknownOutcome {
        /// Name of the adapter.
        authority: String,
        /// What it says.
        text: String,
    },
    /// It will never work.
    #[error("the CA \"{authority}\" refuses: {text}")]
    Refused {
        /// Name of the adapter.
        authority: String,
        /// What it says.
        text: String,
    },
    /// The CA does not offer it.
    #[error("the CA \"{authority}\" does not offer this: {text}")]
    NotSupported {
        /// Name of the adapter.
        authority: String,
        /// What it says.
        text: String,
    },
    /// Its answer makes no sense.
    #[error(
        "the adapter of the CA \"{authority}\" answers what cannot be: {text}; check it with `yinqiao adapter list`"
    )]
    Broken {
        /// Name of the adapter.
        authority: String,
        /// What is wrong.
        text: String,
    },
}

/// A certificate that is good now, with the path to its root.
#[derive(Clone, Debug)]
pub struct Checked {
    /// From its issuer up to and with the root.
    pub chain: Vec<Certificate>,
    /// What the newest revocation list says.
    pub status: CertificateStatus,
}

/// A CA.
pub struct Authority {
    name: String,
    handle: Arc<AdapterHandle>,
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

impl Authority {
    /// A CA whose adapter is running.
    pub fn new(name: String, handle: Arc<AdapterHandle>) -> Self {
        Self { name, handle, trust: RwLock::default(), paths: DashMap::new() }
    }

    /// Name of the adapter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The adapter, for health and statistics.
    pub fn handle(&self) -> &AdapterHandle {
        &self.handle
    }

    /// The CA's certificates, root last, DER.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let anchors = self.trust().anchors;
        anchors.intermediates.iter().chain(&anchors.roots).map(|c| c.der().to_vec()).collect()
    }

    /// SM3 of each root's DER.
    pub fn roots(&self) -> Vec<Sm3Hex> {
        self.trust().anchors.roots.iter().map(|root| Sm3Hex(root.fingerprint())).collect()
    }

    /// The newest revocation list, DER.
    pub fn certificate_revocation_list(&self) -> Option<Vec<u8>> {
        self.trust().lists.first().map(|fetched| fetched.list.der().to_vec())
    }

    /// Whether the newest revocation list may be relied on at `now`.
    pub fn has_fresh_list(&self, now: Timestamp) -> bool {
        self.trust().lists.first().is_some_and(|list| list.is_fresh(now))
    }

    /// Since when there is no fresh list: the end of the last one, or `now` where there never was one.
    pub fn without_list_since(&self, now: Timestamp) -> Timestamp {
        self.trust().lists.first().map_or(now, FetchedList::ends)
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
        let trust = self.trust();
        let chain = self.path(&trust.anchors, certificate, usage, now)?;
        // A list speaks for the certificates of its own issuer only.
        let list = trust
            .lists
            .iter()
            .find(|list| list.list.issuer() == certificate.issuer() && list.is_fresh(now))
            .ok_or_else(|| TrustError::StatusUnavailable { authority: self.name.clone() })?;
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

    /// Gets the CA's newest revocation list, and its certificates where they are old or do not fit the list.
    ///
    /// # Errors
    /// When the adapter gives none, or gives what does not verify or is out of date.
    pub async fn refresh(&self) -> Result<(), AuthorityError> {
        let now = clock::now();
        let old = self.trust().anchors_fetched_at.plus_seconds(ANCHORS_SECONDS) <= now;
        if old {
            self.refresh_anchors().await?;
        }
        let reply = self.ask(Request::Crl(Empty {})).await?;
        let Reply::Crl(crl) = reply else { return Err(self.unexpected_reply()) };
        let list = CertificateRevocationList::from_der(crl.crl.as_bytes())
            .map_err(|e| self.broken(format!("revocation list: {e}")))?;
        if self.trust().anchors.issuer_of(&list).is_none() {
            // The CA may have a new key.
            self.refresh_anchors().await?;
        }
        if self.trust().anchors.issuer_of(&list).is_none() {
            return Err(self.broken("the revocation list is not signed by a certificate of this CA".into()));
        }
        let fetched = FetchedList { list: Arc::new(list), fetched_at: clock::now() };
        if !fetched.is_fresh(fetched.fetched_at) {
            return Err(self.broken("the revocation list is past its next update".into()));
        }
        self.change_trust(|trust| trust.take(fetched));
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
        self.change_trust(|trust| {
            trust.anchors = Arc::new(anchors);
            trust.anchors_fetched_at = clock::now();
        });
        self.paths.clear();
        Ok(())
    }

    /// Has a certificate pair issued. The same key gives the same pair, whatever breaks in between: after a lost answer
    /// the CA is asked what became of the key before anything is submitted again.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn issue(
        &self,
        key: &IdempotencyKey,
        request: IssueRequest,
    ) -> Result<CertificatePair, AuthorityError> {
        match self.submit_once(key, Request::Issue(request)).await? {
            Reply::Pair(pair) => Ok(pair),
            _ => Err(self.unexpected_reply()),
        }
    }

    /// Has a seal made. As [`Authority::issue`].
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn issue_seal(
        &self,
        key: &IdempotencyKey,
        request: SealIssueRequest,
    ) -> Result<IssuedSeal, AuthorityError> {
        match self.submit_once(key, Request::SealIssue(request)).await? {
            Reply::Seal(seal) => Ok(seal),
            _ => Err(self.unexpected_reply()),
        }
    }

    /// Revokes a certificate with the other one of its pair, and gets the new revocation list.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn revoke(
        &self,
        key: &IdempotencyKey,
        certificate: &Certificate,
        reason: RevocationReason,
    ) -> Result<(), AuthorityError> {
        let serial = Serial::from_octets(certificate.serial().as_bytes())
            .map_err(|e| self.broken(format!("serial number: {e}")))?;
        let request = Request::Revoke(RevokeRequest { serial, reason, pair: true });
        self.submit_once(key, request).await?;
        self.refresh().await
    }

    async fn submit_once(&self, key: &IdempotencyKey, request: Request) -> Result<Reply, AuthorityError> {
        let operation = request.operation();
        let give_up = tokio::time::Instant::now() + ISSUE_WITHIN;
        let mut look_up_first = true;
        loop {
            let left = give_up.saturating_duration_since(tokio::time::Instant::now());
            if look_up_first {
                match self.look_up(key, operation, left.min(CALL_WITHIN)).await {
                    Ok(Some(reply)) => return Ok(reply),
                    Ok(None) => look_up_first = false,
                    Err(error) => self.wait_or_give_up(error, give_up).await?,
                }
                continue;
            }
            match self.submit(request.clone(), key, left).await {
                Err(error @ (AuthorityError::Unavailable { .. } | AuthorityError::UnknownOutcome { .. })) => {
                    look_up_first = true;
                    self.wait_or_give_up(error, give_up).await?;
                }
                result => return result,
            }
        }
    }

    async fn wait_or_give_up(
        &self,
        error: AuthorityError,
        give_up: tokio::time::Instant,
    ) -> Result<(), AuthorityError> {
        if tokio::time::Instant::now() + PAUSE >= give_up {
            return Err(error);
        }
        match error {
            AuthorityError::Unavailable { .. } | AuthorityError::UnknownOutcome { .. } => {
                warn!(adapter = %self.name, %error, "asking the CA again");
                tokio::time::sleep(PAUSE).await;
                Ok(())
            }
            error => Err(error),
        }
    }

    async fn look_up(
        &self,
        key: &IdempotencyKey,
        operation: Operation,
        within: Duration,
    ) -> Result<Option<Reply>, AuthorityError> {
        let query = LookupQuery::IdempotencyKey(key.clone());
        match self.handle.lookup(&query, &CallOptions::within(within)).await {
            Ok(LookupReply::Absent) => Ok(None),
            Ok(LookupReply::Pending { .. }) => Err(self.still_at_it()),
            Ok(LookupReply::Done { operation: done, reply }) if done == operation => {
                info!(adapter = %self.name, %operation, "the CA had done it before");
                Reply::parse(operation, reply.get().as_bytes())
                    .map(Some)
                    .map_err(|e| self.broken(e.to_string()))
            }
            Ok(LookupReply::Done { operation: done, .. }) => {
                Err(self.broken(format!("the key of an {operation} is that of an {done}")))
            }
            // A CA without lookup answers by the idempotency of its submit.
            Err(AdapterError { class: ErrorClass::NotSupported, .. }) => Ok(None),
            Err(failure) => Err(self.failed(failure)),
        }
    }

    /// A question that changes nothing.
    async fn ask(&self, request: Request) -> Result<Reply, AuthorityError> {
        let key = IdempotencyKey::try_from(Uuid::new_v4().to_string())
            .map_err(|e| self.broken(format!("idempotency key: {e}")))?;
        self.submit(request, &key, CALL_WITHIN).await
    }

    async fn submit(
        &self,
        request: Request,
        key: &IdempotencyKey,
        within: Duration,
    ) -> Result<Reply, AuthorityError> {
        match self.handle.submit(&request, key, &CallOptions::within(within)).await {
            Ok(Submitted::Done { reply, .. }) => Ok(*reply),
            Ok(Submitted::Pending(_)) => Err(self.still_at_it()),
            Err(failure) => Err(self.failed(failure)),
        }
    }

    fn still_at_it(&self) -> AuthorityError {
        AuthorityError::UnknownOutcome { authority: self.name.clone(), text: "the CA is still at it".into() }
    }

    fn failed(&self, failure: AdapterError) -> AuthorityError {
        let (authority, text) = (self.name.clone(), failure.text);
        match failure.class {
            ErrorClass::Retryable
            | ErrorClass::Unhealthy
            | ErrorClass::Limit
            | ErrorClass::Authentication => AuthorityError::Unavailable { authority, text },
            ErrorClass::Permanent => AuthorityError::Refused { authority, text },
            ErrorClass::NotSupported => AuthorityError::NotSupported { authority, text },
            ErrorClass::UnknownOutcome => AuthorityError::UnknownOutcome { authority, text },
        }
    }

    fn unexpected_reply(&self) -> AuthorityError {
        self.broken("the reply is to another operation".into())
    }

    fn broken(&self, text: String) -> AuthorityError {
        AuthorityError::Broken { authority: self.name.clone(), text }
    }

    fn trust(&self) -> Trust {
        self.trust.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change_trust(&self, change: impl FnOnce(&mut Trust)) {
        change(&mut self.trust.write().unwrap_or_else(PoisonError::into_inner));
    }
}
