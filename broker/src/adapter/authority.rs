//! One configured CA: its adapter's calls, its certificates and its newest revocation list.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{info, warn};

use yinqiao_ca_sdk::messages::{
    CertificatePair, IdempotencyKey, IssueRequest, IssuedSeal, Reply, Request, SealIssueRequest,
};
use yinqiao_ca_worker::{AdapterHandle, BreakerState, ProcessState};

use super::catalogue::Entry;
use super::journal::Journal;
use super::known_root::{KnownRoots, RootError};
use super::operation::Patience;
use super::trouble::{Line, Trouble};
use super::trust::TrustStore;
use crate::clock;
use crate::store::StoreError;

/// Questions of everyone that are passed on to a CA at once.
const PUBLIC_TURNS: usize = 4;

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
    /// The CA has accepted it, and a person or a batch there must finish it; the same request finds out.
    #[error(
        "the CA \"{authority}\" has accepted the request and is not finished, a person there may have to approve it: send \
         the same request again later"
    )]
    Pending {
        /// Name of the adapter.
        authority: String,
        /// When to ask again.
        retry_after: Duration,
    },
    /// The CA may have acted, and its plugin has no way to find out.
    #[error(
        "nobody can say whether the CA \"{authority}\" has acted, and its adapter cannot look it up: ask the CA about the \
         operation {key}, then settle it with `yinqiao adapter settle {key} --not-done`"
    )]
    Unresolved {
        /// Name of the adapter.
        authority: String,
        /// What the CA knows the operation by.
        key: String,
    },
    /// Whatever was to come of it has come: the caller's own record says what.
    #[error("the request was finished in the meantime: send it again")]
    Over,
    /// The CA is another one than before.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The journal does not take it.
    #[error("{0}")]
    Journal(String),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
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

impl AuthorityError {
    /// Whether nothing was done and nothing will be, however often the same is asked.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NotSupported { .. })
    }
}

/// A CA.
pub struct Authority {
    name: String,
    /// Locked for a copy or an exchange, as `plugin`.
    entry: RwLock<Arc<Entry>>,
    /// Locked for a copy or an exchange, never across an await.
    plugin: RwLock<Result<Arc<AdapterHandle>, String>>,
    pub(super) journal: Arc<Journal>,
    pub(super) known_roots: Arc<KnownRoots>,
    trust: TrustStore,
    /// How many of everyone's questions are with the CA at once.
    public: Semaphore,
    /// Of calls that change something. Locked for a look, as the other one.
    calls: Mutex<Trouble>,
    /// Of the revocation list.
    list: Mutex<Trouble>,
}

impl Authority {
    /// A CA whose adapter runs, or why it does not.
    pub fn new(
        entry: Entry,
        plugin: Result<Arc<AdapterHandle>, String>,
        journal: Arc<Journal>,
        known_roots: Arc<KnownRoots>,
    ) -> Self {
        Self {
            name: entry.name.to_string(),
            trust: TrustStore::default(),
            public: Semaphore::new(PUBLIC_TURNS),
            calls: Mutex::default(),
            list: Mutex::default(),
            entry: RwLock::new(Arc::new(entry)),
            plugin: RwLock::new(plugin),
            journal,
            known_roots,
        }
    }

    /// Name of the adapter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the catalogue says of its adapter.
    pub fn entry(&self) -> Arc<Entry> {
        Arc::clone(&self.entry.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_entry(&self, entry: Entry) {
        *self.entry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(entry);
    }

    /// The adapter that takes calls now. Whoever holds it keeps its process from being drained: hold it for a call, no
    /// longer.
    ///
    /// # Errors
    /// [`AuthorityError::Unavailable`] when none runs.
    pub fn handle(&self) -> Result<Arc<AdapterHandle>, AuthorityError> {
        let plugin = self.plugin.read().unwrap_or_else(PoisonError::into_inner);
        plugin.clone().map_err(|text| AuthorityError::Unavailable { authority: self.name.clone(), text })
    }

    /// Whether a call would be made now: a process is ready and the circuit breaker closed.
    pub fn takes_calls(&self) -> bool {
        self.handle().is_ok_and(|handle| {
            let health = handle.health();
            health.state == ProcessState::Ready && health.breaker.state == BreakerState::Closed
        })
    }

    /// From now on calls go to `plugin`. Gives back what took them before.
    pub(super) fn switch(
        &self,
        plugin: Result<Arc<AdapterHandle>, String>,
    ) -> Result<Arc<AdapterHandle>, String> {
        std::mem::replace(&mut *self.plugin.write().unwrap_or_else(PoisonError::into_inner), plugin)
    }

    /// A turn to pass on a question of someone whom nobody knows; none when many others do.
    pub fn public_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.public.try_acquire().ok()
    }

    /// A call that changes something fails, and is made again.
    pub(super) fn call_fails(&self, error: &AuthorityError) {
        let line = self.calls.lock().unwrap_or_else(PoisonError::into_inner).fails(clock::now());
        if let Some(Line::Fails { since, untold }) = line {
            warn!(adapter = self.name, %error, %since, untold, "asking the CA again");
        }
    }

    /// Such a call has succeeded.
    pub(super) fn call_works(&self) {
        let line = self.calls.lock().unwrap_or_else(PoisonError::into_inner).works();
        self.tell_of_end(line);
    }

    /// The CA has answered a question.
    pub(super) fn answers(&self) {
        let line = self.calls.lock().unwrap_or_else(PoisonError::into_inner).answers(clock::now());
        self.tell_of_end(line);
    }

    fn tell_of_end(&self, line: Option<Line>) {
        if let Some(Line::Works { since }) = line {
            info!(adapter = self.name, %since, "the CA does what it is asked for again");
        }
    }

    /// Fetching its revocation list fails.
    pub(super) fn list_fails(&self, error: &AuthorityError) {
        let line = self.list.lock().unwrap_or_else(PoisonError::into_inner).fails(clock::now());
        if let Some(Line::Fails { since, untold }) = line {
            warn!(adapter = self.name, %error, %since, untold, "no revocation list");
        }
    }

    /// Its revocation list was fetched.
    pub(super) fn list_comes(&self) {
        let line = self.list.lock().unwrap_or_else(PoisonError::into_inner).works();
        if let Some(Line::Works { since }) = line {
            info!(adapter = self.name, %since, "the revocation list comes again");
        }
    }

    /// What the CA vouches for, and what it has revoked.
    pub fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Has a certificate pair issued. The same key gives the same pair, whatever breaks in between.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn issue(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        request: IssueRequest,
        patience: Patience,
    ) -> Result<CertificatePair, AuthorityError> {
        match self.carry_out(key, &Request::Issue(request), patience).await? {
            Reply::Pair(pair) => Ok(pair),
            _ => Err(self.unexpected_reply()),
        }
    }

    /// Has a seal made. As [`Authority::issue`].
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub async fn issue_seal(
        self: &Arc<Self>,
        key: &IdempotencyKey,
        request: SealIssueRequest,
        patience: Patience,
    ) -> Result<IssuedSeal, AuthorityError> {
        match self.carry_out(key, &Request::SealIssue(request), patience).await? {
            Reply::Seal(seal) => Ok(seal),
            _ => Err(self.unexpected_reply()),
        }
    }

    /// The result of the operation is stored where it belongs.
    ///
    /// # Errors
    /// When the store fails; the operation is then only remembered longer than it need be.
    pub async fn conclude(&self, key: &IdempotencyKey) -> Result<(), AuthorityError> {
        Ok(self.journal.conclude(key, clock::now()).await?)
    }
}
