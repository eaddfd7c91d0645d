//! All CAs of this broker, and their coming and going while it serves.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tracing::{error, info, warn};
use yinqiao_ca_worker::{AdapterHandle, AdapterSlot, CallOptions};

use super::catalogue::Entry;
use super::journal::Journal;
use super::known_root::{self, RootError};
use super::outage::Outages;
use super::plugin::{self, PluginError};
use super::supervisor::refresh;
use super::{Authority, AuthorityError};
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
    journal: Arc<Journal>,
    records: Arc<dyn Records>,
    outages: Arc<Outages>,
}

impl Authorities {
    /// None yet.
    pub fn new(records: Arc<dyn Records>, outages: Arc<Outages>) -> Self {
        let journal = Arc::new(Journal::new(&records));
        Self { present: RwLock::default(), changing: Mutex::default(), journal, records, outages }
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

    /// Starts an adapter and takes its CA in. Where it does not start it is taken in all the same, without a plugin: the
    /// supervisor tries again.
    ///
    /// # Errors
    /// Why it does not run.
    pub async fn install(&self, entry: &Entry) -> Result<(), InstallError> {
        let _one_at_a_time = self.changing.lock().await;
        let started = self.start(entry).await;
        let plugin = match &started {
            Ok(handle) => Ok(Arc::clone(handle)),
            Err(reason) => Err(reason.to_string()),
        };
        let authority = match self.get(entry.name.as_str()) {
            Ok(authority) => {
                self.replace(&authority, entry, plugin);
                authority
            }
            Err(_) => {
                let journal = Arc::clone(&self.journal);
                let authority = Arc::new(Authority::new(entry.clone(), plugin, journal));
                self.write().push(Arc::clone(&authority));
                authority
            }
        };
        started?;
        refresh(&authority, &self.outages).await;
        known_root::check(&self.records, &authority, entry.accept_new_root).await.inspect_err(|reason| {
            // Nothing of a CA that is not the one it was may be trusted.
            authority.trust().forget();
            self.replace(&authority, entry, Err(reason.to_string()));
        })?;
        Ok(())
    }

    /// Starts another version, or the same with another configuration, beside the one that runs; it takes over when it is
    /// healthy, and the old one finishes what it began. No call fails.
    ///
    /// # Errors
    /// Why the old one goes on.
    pub async fn upgrade(&self, entry: &Entry) -> Result<(), InstallError> {
        let authority = self.get(entry.name.as_str())?;
        if authority.handle().is_err() {
            return self.install(entry).await;
        }
        let _one_at_a_time = self.changing.lock().await;
        let handle = self.start(entry).await?;
        if let Err(refusal) = self.inspect(entry, &handle).await {
            handle.shutdown().await;
            return Err(refusal);
        }
        info!(adapter = %entry.name, version = %handle.info().version, "a new version takes over");
        self.replace(&authority, entry, Ok(handle));
        refresh(&authority, &self.outages).await;
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
        info!(adapter = name, "adapter stopped");
        Ok(())
    }

    /// Puts the CAs into the order of `names`; those that are not named come last.
    pub fn arrange(&self, names: &[String]) {
        let place = |authority: &Arc<Authority>| names.iter().position(|name| name == authority.name());
        self.write().sort_by_key(|authority| place(authority).unwrap_or(usize::MAX));
    }

    /// Tries those again that do not run.
    pub async fn start_those_that_do_not_run(&self) {
        for authority in self.all() {
            let Err(before) = authority.handle() else { continue };
            match self.install(&authority.entry()).await {
                Ok(()) => info!(adapter = authority.name(), "the adapter runs again"),
                Err(reason) if before.to_string().contains(&reason.to_string()) => {}
                Err(reason) => error!(adapter = authority.name(), %reason, "the adapter does not run"),
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

    async fn start(&self, entry: &Entry) -> Result<Arc<AdapterHandle>, PluginError> {
        plugin::start(entry).await
    }

    /// Whether a new version may take over: its CA answers, and is the same CA.
    async fn inspect(&self, entry: &Entry, handle: &Arc<AdapterHandle>) -> Result<(), InstallError> {
        let unhealthy = |text: String| InstallError::Unhealthy { name: entry.name.to_string(), text };
        handle
            .probe(&CallOptions::within(PROBE_WITHIN))
            .await
            .map_err(|error| unhealthy(error.to_string()))?;
        let candidate = Authority::new(entry.clone(), Ok(Arc::clone(handle)), Arc::clone(&self.journal));
        candidate.refresh().await.map_err(|error| unhealthy(error.to_string()))?;
        Ok(known_root::check(&self.records, &candidate, entry.accept_new_root).await?)
    }

    /// Switches, and drains what took the calls before.
    fn replace(&self, authority: &Authority, entry: &Entry, plugin: Result<Arc<AdapterHandle>, String>) {
        authority.set_entry(entry.clone());
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
