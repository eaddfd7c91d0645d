//! One configured CA: its adapter's calls, its certificates and its newest revocation list.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};
use uuid::Uuid;

use yinqiao_ca_sdk::messages::{
    AdapterError, CertificatePair, ErrorClass, IdempotencyKey, IssueRequest, IssuedSeal, LookupQuery,
    LookupReply, Operation, Reply, Request, RevocationReason, RevokeRequest, SealIssueRequest, Serial,
};
use yinqiao_ca_worker::{AdapterHandle, CallOptions, Submitted};
use yinqiao_gm::x509::Certificate;

use super::trust::TrustStore;

/// How long an issue may take, with all its tries.
const ISSUE_WITHIN: Duration = Duration::from_secs(30);
/// How long any other call may take.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Pause before a call is tried again.
const PAUSE: Duration = Duration::from_millis(200);

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

/// A CA.
pub struct Authority {
    name: String,
    handle: Arc<AdapterHandle>,
    trust: TrustStore,
}

impl Authority {
    /// A CA whose adapter is running.
    pub fn new(name: String, handle: Arc<AdapterHandle>) -> Self {
        Self { trust: TrustStore::new(name.clone()), name, handle }
    }

    /// Name of the adapter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The adapter, for health and statistics.
    pub fn handle(&self) -> &AdapterHandle {
        &self.handle
    }

    /// What the CA vouches for, and what it has revoked.
    pub fn trust(&self) -> &TrustStore {
        &self.trust
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
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, AuthorityError> {
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

    pub(super) fn unexpected_reply(&self) -> AuthorityError {
        self.broken("the reply is to another operation".into())
    }

    pub(super) fn broken(&self, text: String) -> AuthorityError {
        AuthorityError::Broken { authority: self.name.clone(), text }
    }
}
