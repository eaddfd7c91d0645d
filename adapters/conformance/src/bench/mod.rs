//! What a check works with: the plugin in a worker, the plugin in a probe, and what the run has issued so far.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;
use yinqiao_ca_sdk::messages::{IdempotencyKey, Pending};
use yinqiao_ca_sdk::{AdapterError, Description, ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::probe::TableView;
use yinqiao_ca_worker::{
    AdapterHandle, AdapterSettings, CallOptions, Enforcement, HostServices, Library, Limits, LogLine,
    ProcessState, Sandbox, Submitted, WorkerProgram,
};
use zeroize::Zeroizing;

use crate::options::Options;
use crate::verdict::{Stop, failed, not_offered, skipped};

mod issued;
mod probing;

pub(crate) use issued::{Issued, serial_of};
pub(crate) use probing::{
    Opened, Survey, call_of, called, error_of, give_secrets, is_status, load, offer, open, open_raw,
    status_name, submit_call, table,
};

/// For one call of a plugin that is in order.
pub(crate) const CALL: Duration = Duration::from_secs(15);

/// What a check works with.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) library: Library,
    pub(crate) services: Arc<Services>,
    survey: Survey,
    /// The worker that most checks share; checks run one after the other.
    handle: AsyncMutex<Option<Arc<AdapterHandle>>>,
    /// The pair that most checks look at, or why there is none.
    pair: AsyncMutex<Option<Result<Arc<Issued>, Stop>>>,
    run: String,
    keys: AtomicU64,
}

impl Bench {
    pub(crate) async fn new(options: Options, library: Library) -> Self {
        let mut run = [0; 6];
        // Without randomness two runs may meet under one key, which the CA then says.
        let _ = getrandom::fill(&mut run);
        let services = Arc::new(Services { secrets: options.secrets.clone() });
        let survey = probing::survey(&options.probe, &library).await;
        Self {
            options,
            library,
            services,
            survey,
            handle: AsyncMutex::new(None),
            pair: AsyncMutex::new(None),
            run: hex::encode(run),
            keys: AtomicU64::new(0),
        }
    }

    /// The plugin's table, as far as it could be had.
    pub(crate) fn table(&self) -> Result<&TableView, Stop> {
        self.survey
            .table
            .as_ref()
            .map_err(|why| skipped(format!("the plugin has no table: {why}; see the group table")))
    }

    pub(crate) fn description(&self) -> Result<&Description, Stop> {
        self.survey
            .description
            .as_ref()
            .map_err(|why| skipped(format!("the plugin has no description: {why}; see the group describe")))
    }

    pub(crate) fn survey(&self) -> &Survey {
        &self.survey
    }

    pub(crate) fn offers(&self, bit: u64) -> bool {
        self.survey.table.as_ref().is_ok_and(|table| table.capabilities & bit != 0)
    }

    /// The operations that the plugin offers and that come back: an issue that does not has a check of its own.
    pub(crate) async fn sound_operations(&self) -> Vec<Operation> {
        let mut operations = self.operations();
        if operations.contains(&Operation::Issue) && self.pair().await.is_err() {
            operations.retain(|operation| *operation != Operation::Issue);
        }
        operations
    }

    /// The operations that the plugin offers.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        Operation::ALL.iter().copied().filter(|operation| self.offers(operation.capability())).collect()
    }

    pub(crate) fn configuration(&self) -> Result<&Value, Stop> {
        self.options.configuration.as_ref().ok_or_else(|| skipped("needs --config"))
    }

    /// A new idempotency key; no other run has it.
    pub(crate) fn key(&self, what: &str) -> Result<IdempotencyKey, Stop> {
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        format!("kit-{}-{what}-{number}", self.run)
            .try_into()
            .map_err(|error| skipped(format!("the kit itself failed: {error}")))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
    }

    /// The worker that most checks share, opened with the given configuration.
    pub(crate) async fn handle(&self) -> Result<Arc<AdapterHandle>, Stop> {
        let mut shared = self.handle.lock().await;
        if let Some(handle) = &*shared
            && handle.health().restarts == 0
            && handle.health().state == ProcessState::Ready
        {
            return Ok(handle.clone());
        }
        *shared = None;
        let handle = self.start(self.configuration()?.clone(), self.services.clone()).await.map_err(
            |stop| match stop {
                Stop::Failed(why) => skipped(format!("the plugin does not open: {why}; see open.opens")),
                stop => stop,
            },
        )?;
        *shared = Some(handle.clone());
        Ok(handle)
    }

    /// The next check begins with a worker of its own.
    pub(crate) async fn let_go(&self) {
        *self.handle.lock().await = None;
    }

    /// How the worker that checks share ended, if it did since it was started; a check that ends one must not.
    pub(crate) async fn ended_by_itself(&self) -> Option<String> {
        let mut shared = self.handle.lock().await;
        let health = shared.as_ref()?.health();
        if health.restarts == 0 && health.state == ProcessState::Ready {
            return None;
        }
        *shared = None;
        health.last_ending.map(|ending| ending.to_string())
    }

    /// A worker of the check's own.
    pub(crate) async fn start(
        &self,
        configuration: Value,
        services: Arc<Services>,
    ) -> Result<Arc<AdapterHandle>, Stop> {
        let sandbox = Sandbox { enforcement: Enforcement::Off, ..Sandbox::default() };
        self.start_with(self.settings(configuration, sandbox), services).await
    }

    pub(crate) async fn start_with(
        &self,
        settings: AdapterSettings,
        services: Arc<Services>,
    ) -> Result<Arc<AdapterHandle>, Stop> {
        AdapterHandle::start(settings, services).await.map_err(|error| failed(error.to_string()))
    }

    pub(crate) fn settings(&self, configuration: Value, sandbox: Sandbox) -> AdapterSettings {
        AdapterSettings {
            name: "conformance".to_owned(),
            library: self.library.clone(),
            configuration,
            worker: self.options.worker.clone(),
            limits: Limits {
                first_restart: Duration::from_millis(20),
                last_restart: Duration::from_millis(100),
                // The kit measures by itself, and asks on after failures.
                resident_memory: None,
                cpu_percent: None,
                breaker_failures: u32::MAX,
                ..Limits::default()
            },
            sandbox,
        }
    }

    /// Runs an operation to its end: a pending one is polled until it is decided.
    pub(crate) async fn run(
        &self,
        handle: &AdapterHandle,
        request: &Request,
        key: &IdempotencyKey,
    ) -> Result<Decided, AdapterError> {
        let operation = request.operation();
        let mut submitted = handle.submit(request, key, &within(CALL)).await?;
        let until = tokio::time::Instant::now() + self.options.pending;
        loop {
            match submitted {
                Submitted::Done { reply, document } => {
                    return Ok(Decided::Done { reply: *reply, document });
                }
                Submitted::Pending(pending) if tokio::time::Instant::now() >= until => {
                    return Ok(Decided::Pending(pending));
                }
                Submitted::Pending(pending) => {
                    tokio::time::sleep(Duration::from_millis(pending.retry_after_ms.clamp(10, 1000))).await;
                    submitted = handle.poll(operation, &pending.token, &within(CALL)).await?;
                }
            }
        }
    }

    /// As [`Self::run`], where the operation must be done: an error fails the check, one that waits skips it.
    pub(crate) async fn done(
        &self,
        handle: &AdapterHandle,
        request: &Request,
        key: &IdempotencyKey,
    ) -> Result<(Reply, Vec<u8>), Stop> {
        let operation = request.operation();
        match self.run(handle, request, key).await {
            Ok(Decided::Done { reply, document }) => Ok((reply, document)),
            Ok(Decided::Pending(_)) => Err(skipped(format!(
                "the operation {operation} is not decided after {:?}: let the CA decide, or raise --pending",
                self.options.pending
            ))),
            Err(error) if error.class == ErrorClass::NotSupported => Err(not_offered(format!(
                "with this configuration, the operation {operation} is not supported: {}",
                error.text
            ))),
            Err(error) => Err(failed(format!("the operation {operation} failed: {error}"))),
        }
    }

    pub(crate) fn program(&self) -> &WorkerProgram {
        &self.options.probe
    }
}

/// What an operation came to.
pub(crate) enum Decided {
    Done { reply: Reply, document: Vec<u8> },
    Pending(Pending),
}

pub(crate) fn within(timeout: Duration) -> CallOptions {
    CallOptions { timeout, trace_id: "conformance".to_owned() }
}

/// The secrets of a run. What is logged is looked at in probes, where it is not masked.
pub(crate) struct Services {
    secrets: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl HostServices for Services {
    fn log(&self, _: LogLine<'_>) {}

    fn secret(&self, _: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.secrets.get(name).cloned()
    }
}
