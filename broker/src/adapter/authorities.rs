//! All CAs of this broker, and their coming and going while it serves.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tracing::{error, info, warn};
use yinqiao_ca_worker::{AdapterHandle, AdapterSlot, CallOptions};

use super::catalogue::Entry;
use super::journal::Journal;
use super::known_root::{KnownRoots, RootError};
use super::outage::Outages;
use super::plugin::{self, PluginError};
use super::supervisor::{self, refresh};
use super::{Authority, AuthorityError};
use crate::clock;
use crate::store::Records;

/// How long a new version's first health answer may take.
const PROBE_WITHIN: Duration = Duration::from_secs(10);
/// How long an old version may take to finish what it began.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);

/// Why an adapter was not installed, or not upgraded.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Its plugin does not start.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The CA behind it is another.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The new version runs, but its CA gives nothing.
    #[error("the new version of the adapter \"{name}\" is not healthy ({text}); the old one goes on")]
    Unhealthy {
        /// Which.
        name: String,
        /// What it says.
        text: String,
    },
    /// There is nothing of this name.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// All CAs that are enabled, in the order of the catalogue: the first is the default.
pub struct Authorities {
    /// Locked for a copy or an exchange, never across an await.
    present: RwLock<Vec<Arc<Authority>>>,
    /// One change at a time.
    changing: Mutex<()>,
    /// One round of trying again at a time.
    trying_again: Mutex<()>,
    journal: Arc<Journal>,
    known_roots: Arc<KnownRoots>,
    outages: Arc<Outages>,
}

/// A plugin that runs and belongs to the CA that it belonged to.
struct Started {
    handle: Arc<AdapterHandle>,
    /// The CA with this plugin alone.
    candidate: Authority,
    /// What came of asking it for its certificates and its revocation list.
    refreshed: Result<(), AuthorityError>,
}

impl Authorities {
    /// None yet.
    pub fn new(records: &Arc<dyn Records>, outages: Arc<Outages>) -> Self {
        Self {
            present: RwLock::default(),
            changing: Mutex::default(),
            trying_again: Mutex::default(),
            journal: Arc::new(Journal::new(records)),
            known_roots: Arc::new(KnownRoots::new(records)),
            outages,
        }
    }

    /// One by its name.
    ///
    /// # Errors
    /// [`AuthorityError::NotConfigured`].
    pub fn get(&self, name: &str) -> Result<Arc<Authority>, AuthorityError> {
        let found = self.read().iter().find(|authority| authority.name() == name).cloned();
        found.ok_or_else(|| AuthorityError::NotConfigured(name.to_owned()))
    }

    /// All, in order.
    pub fn all(&self) -> Vec<Arc<Authority>> {
        self.read().clone()
    }

    /// Operations that are under way, pending or in doubt.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Starts an adapter and takes its CA in. One that is new and does not start is taken in all the same, without a plugin:
    /// the supervisor tries again. One that was there stays as it was.
    ///
    /// # Errors
    /// Why it does not run.
    pub async fn install(&self, entry: &Entry) -> Result<(), InstallError> {
        let _one_at_a_time = self.changing.lock().await;
        match self.get(entry.name.as_str()) {
            Ok(authority) => self.install_again(&authority, entry).await,
            Err(_) => self.install_new(entry).await,
        }
    }

    async fn install_new(&self, entry: &Entry) -> Result<(), InstallError> {
        match self.start(entry).await {
            Ok(started) => {
                let authority = Arc::new(started.candidate);
                self.write().push(Arc::clone(&authority));
                supervisor::note(&authority, &self.outages, started.refreshed).await;
                Ok(())
            }
            Err(reason) => {
                self.write().push(Arc::new(self.authority(entry, Err(reason.to_string()))));
                Err(reason)
            }
        }
    }

    async fn install_again(&self, authority: &Authority, entry: &Entry) -> Result<(), InstallError> {
        let started = self.start(entry).await?;
        self.take_over(authority, entry, started.handle).await;
        Ok(())
    }

    /// Starts another version, or the same with another configuration, beside the one that runs; it takes over when it is
    /// healthy, and the old one finishes what it began. No call fails.
    ///
    /// # Errors
    /// Why the old one goes on.
    pub async fn upgrade(&self, entry: &Entry) -> Result<(), InstallError> {
        let _one_at_a_time = self.changing.lock().await;
        let authority = self.get(entry.name.as_str())?;
        if authority.handle().is_err() {
            return self.install_again(&authority, entry).await;
        }
        let Started { handle, refreshed, .. } = self.start(entry).await?;
        if let Err(text) = answers(&handle, refreshed).await {
            handle.shutdown().await;
            return Err(InstallError::Unhealthy { name: entry.name.to_string(), text });
        }
        info!(adapter = %entry.name, version = %handle.info().version, "a new version takes over");
        self.take_over(&authority, entry, handle).await;
        Ok(())
    }

    /// Takes a CA out, and ends its plugin when what it began is finished.
    ///
    /// # Errors
    /// [`AuthorityError::NotConfigured`].
    pub async fn stop(&self, name: &str) -> Result<(), AuthorityError> {
        let _one_at_a_time = self.changing.lock().await;
        let authority = self.get(name)?;
        self.write().retain(|present| present.name() != name);
        self.replace(&authority, &authority.entry(), Err("its adapter is disabled".to_owned()));
        if let Err(reason) = self.outages.ends(name, clock::now()).await {
            error!(adapter = name, %reason, "the end of an outage could not be stored");
        }
        info!(adapter = name, "adapter stopped");
        Ok(())
    }

    /// Puts the CAs into the order of `names`; those that are not named come last.
    pub fn arrange(&self, names: &[String]) {
        let place = |authority: &Arc<Authority>| names.iter().position(|name| name == authority.name());
        self.write().sort_by_key(|authority| place(authority).unwrap_or(usize::MAX));
    }

    /// Tries those again that do not run, one after the other; only one round of it runs at a time.
    pub async fn start_those_that_do_not_run(&self) {
        let Ok(_only_round) = self.trying_again.try_lock() else { return };
        for authority in self.all() {
            let _one_at_a_time = self.changing.lock().await;
            // It may have been taken out, mended or changed in the meantime.
            let present = self.get(authority.name()).is_ok_and(|present| Arc::ptr_eq(&present, &authority));
            let Err(before) = authority.handle() else { continue };
            if !present {
                continue;
            }
            match self.install_again(&authority, &authority.entry()).await {
                Ok(()) => info!(adapter = authority.name(), "the adapter runs again"),
                Err(reason) if before.to_string().contains(&reason.to_string()) => {}
                Err(reason) => {
                    error!(adapter = authority.name(), %reason, "the adapter does not run");
                    let _was_not_running = authority.switch(Err(reason.to_string()));
                }
            }
        }
    }

    /// Ends all plugins, once nobody calls any more.
    pub async fn shut_down(&self) {
        for authority in self.all() {
            if let Ok(handle) = authority.switch(Err("the broker is shutting down".to_owned())) {
                handle.shutdown().await;
            }
        }
    }

    /// Starts a plugin; one whose CA is not the one that it was is ended again. A CA that cannot be reached now is not
    /// another one.
    async fn start(&self, entry: &Entry) -> Result<Started, InstallError> {
        let handle = plugin::start(entry).await?;
        let candidate = self.authority(entry, Ok(Arc::clone(&handle)));
        match candidate.refresh().await {
            Err(AuthorityError::Root(reason)) => {
                handle.shutdown().await;
                Err(reason.into())
            }
            refreshed => Ok(Started { handle, candidate, refreshed }),
        }
    }

    /// From now on `handle` takes the calls, and says what the CA vouches for.
    async fn take_over(&self, authority: &Authority, entry: &Entry, handle: Arc<AdapterHandle>) {
        self.replace(authority, entry, Ok(handle));
        refresh(authority, &self.outages).await;
    }

    fn authority(&self, entry: &Entry, plugin: Result<Arc<AdapterHandle>, String>) -> Authority {
        Authority::new(entry.clone(), plugin, Arc::clone(&self.journal), Arc::clone(&self.known_roots))
    }

    /// Switches, and drains what took the calls before.
    fn replace(&self, authority: &Authority, entry: &Entry, plugin: Result<Arc<AdapterHandle>, String>) {
        authority.set_entry(entry.clone());
        authority.trust().expire_anchors();
        if let Ok(old) = authority.switch(plugin) {
            let name = entry.name.to_string();
            tokio::spawn(async move { drain(&name, old).await });
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Arc<Authority>>> {
        self.present.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Vec<Arc<Authority>>> {
        self.present.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a new version may take over: its CA answers, and gives what it must.
async fn answers(handle: &AdapterHandle, refreshed: Result<(), AuthorityError>) -> Result<(), String> {
    handle.probe(&CallOptions::within(PROBE_WITHIN)).await.map_err(|error| error.to_string())?;
    refreshed.map_err(|error| error.to_string())
}

/// Ends the old version when nobody holds it for a call any more.
async fn drain(name: &str, old: Arc<AdapterHandle>) {
    match AdapterSlot::drain(old, DRAIN_WITHIN).await {
        Ok(()) => info!(adapter = name, "the old version has ended"),
        Err(in_use) => {
            warn!(adapter = name, reason = %in_use, "the old version is ended with calls inside");
            in_use.handle.shutdown().await;
        }
    }
}
