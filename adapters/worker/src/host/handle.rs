//! An adapter, as the broker holds it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use yinqiao_ca_abi::capability;
use yinqiao_ca_sdk::messages::{
    AdapterError, Cancellation, ErrorClass, Health, IdempotencyKey, ListPage, ListQuery, LookupQuery,
    LookupReply,
};
use yinqiao_ca_sdk::{Operation, Request};

use super::call::{self, CallOptions, Submitted};
use super::connection::RawReply;
use super::output::Output;
use super::services::HostServices;
use super::settings::AdapterSettings;
use super::shared::{HealthReport, ProcessState, Shared};
use super::supervisor::{self, StartError};
use crate::message::{AdapterInfo, Function, ToWorker};

/// A started adapter. It is called from any thread and any runtime; its worker is supervised on the runtime that started
/// it. Dropping it kills the worker; [`Self::shutdown`] lets what is inside finish.
pub struct AdapterHandle {
    shared: Arc<Shared>,
    info: AdapterInfo,
    runtime: runtime::Handle,
    /// Taken by the one that shuts down.
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl AdapterHandle {
    /// Starts a worker, waits until its plugin is open, and keeps it running from then on.
    ///
    /// # Errors
    /// When the first worker cannot be started or its plugin is refused. Later ends are repaired by restarts.
    ///
    /// Must run inside a tokio runtime with time and I/O.
    pub async fn start(
        settings: AdapterSettings,
        services: Arc<dyn HostServices>,
    ) -> Result<Arc<Self>, StartError> {
        let output = Arc::new(Output::new(settings.name.clone(), services));
        let (live, info) = supervisor::establish(&settings, &output).await?;
        let shared = Arc::new(Shared {
            settings,
            output,
            present: watch::Sender::new(None),
            threads: Arc::new(Semaphore::new(info.concurrency as usize)),
            concurrency: info.concurrency,
            stopping: watch::Sender::new(false),
            next_call: AtomicU64::new(1),
            waiting: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            process_id: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            kills: AtomicU64::new(0),
            unknown_outcomes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            last_ending: Mutex::new(None),
        });
        supervisor::publish(&shared, &live);
        let supervisor = tokio::spawn(supervisor::supervise(shared.clone(), live));
        let runtime = runtime::Handle::current();
        Ok(Arc::new(Self { shared, info, runtime, supervisor: Mutex::new(Some(supervisor)) }))
    }

    /// What the plugin said of itself when it was loaded.
    #[must_use]
    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }

    /// Bits of `yinqiao_ca_abi::capability`.
    #[must_use]
    pub fn capabilities(&self) -> u64 {
        self.info.capabilities
    }

    /// Whether the plugin offers an operation.
    #[must_use]
    pub fn offers(&self, operation: Operation) -> bool {
        self.info.capabilities & operation.capability() != 0
    }

    /// How the process is, without asking the plugin.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        let shared = &self.shared;
        let process_id = u32::try_from(shared.process_id.load(Ordering::Relaxed)).ok().filter(|id| *id != 0);
        let state = if shared.stopped.load(Ordering::Relaxed) {
            ProcessState::Stopped
        } else if shared.present.borrow().is_some() {
            ProcessState::Ready
        } else {
            ProcessState::Restarting
        };
        HealthReport {
            state,
            process_id,
            restarts: shared.restarts.load(Ordering::Relaxed),
            kills: shared.kills.load(Ordering::Relaxed),
            unknown_outcomes: shared.unknown_outcomes.load(Ordering::Relaxed),
            inside: shared.inside.load(Ordering::Relaxed),
            waiting: shared.waiting.load(Ordering::Relaxed),
            last_ending: shared.last_ending.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Asks the plugin whether its CA works.
    ///
    /// # Errors
    /// The class says what is wrong.
    pub async fn probe(&self, options: &CallOptions) -> Result<Health, AdapterError> {
        let raw = self.call(Function::Health, None, "", Vec::new(), options).await?;
        call::answered(&self.shared, &raw)
    }

    /// Runs one operation. Journal it first: after an unknown outcome, or a crash of the broker, only
    /// [`Self::lookup`] with the same key can tell what happened.
    ///
    /// # Errors
    /// Unknown outcome when the worker ended or was killed inside an operation that changes something; every other
    /// class promises that nothing was done.
    pub async fn submit(
        &self,
        request: &Request,
        key: &IdempotencyKey,
        options: &CallOptions,
    ) -> Result<Submitted, AdapterError> {
        let operation = request.operation();
        if !self.offers(operation) {
            return Err(AdapterError::not_supported(operation));
        }
        let document = request.to_json()?;
        let raw = self.call(Function::Submit, Some(operation), key.as_str(), document, options).await?;
        call::submitted(&self.shared, operation, raw)
    }

    /// What became of a pending operation.
    ///
    /// # Errors
    /// As [`Self::submit`], without unknown outcomes of this call itself.
    pub async fn poll(
        &self,
        operation: Operation,
        token: &str,
        options: &CallOptions,
    ) -> Result<Submitted, AdapterError> {
        self.require(capability::CA_CAN_POLL, "poll")?;
        let raw = self.call(Function::Poll, Some(operation), "", token.into(), options).await?;
        call::submitted(&self.shared, operation, raw)
    }

    /// What the CA knows of an idempotency key or a serial number.
    ///
    /// # Errors
    /// When it is not certain.
    pub async fn lookup(
        &self,
        query: &LookupQuery,
        options: &CallOptions,
    ) -> Result<LookupReply, AdapterError> {
        self.require(capability::CA_CAN_LOOKUP, "lookup")?;
        let raw = self.call(Function::Lookup, None, "", document(query)?, options).await?;
        call::answered(&self.shared, &raw)
    }

    /// Withdraws a pending operation.
    ///
    /// # Errors
    /// Unknown outcome when the worker ended inside.
    pub async fn cancel(&self, token: &str, options: &CallOptions) -> Result<Cancellation, AdapterError> {
        self.require(capability::CA_CAN_CANCEL, "cancel")?;
        let raw = self.call(Function::Cancel, None, "", token.into(), options).await?;
        call::answered(&self.shared, &raw)
    }

    /// What was issued, page by page.
    ///
    /// # Errors
    /// When the CA cannot tell.
    pub async fn list(&self, query: &ListQuery, options: &CallOptions) -> Result<ListPage, AdapterError> {
        self.require(capability::CA_CAN_LIST, "list")?;
        let raw = self.call(Function::List, None, "", document(query)?, options).await?;
        call::answered(&self.shared, &raw)
    }

    /// Takes no more calls, lets those that wait or are inside finish, closes the plugin and ends the worker; kills it
    /// when that takes longer than the limit.
    pub async fn shutdown(&self) {
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(supervisor) = supervisor else { return };
        self.shared.stopping.send_replace(true);
        let limit = self.shared.settings.limits.close;
        // The semaphore is fair: the calls that wait come first.
        let _drained =
            tokio::time::timeout(limit, self.shared.threads.acquire_many(self.shared.concurrency)).await;
        self.shared.threads.close();
        let present = self.shared.present.borrow().clone();
        if let Some(connection) = &present {
            // A frame without content always fits.
            let _ = connection.send(0, &ToWorker::Close);
        }
        let mut supervisor = supervisor;
        if tokio::time::timeout(limit, &mut supervisor).await.is_err() {
            if let Some(connection) = &present {
                connection.kill(format!("it did not close within {limit:?}"));
            }
            // Ends now that its worker does.
            let _ = supervisor.await;
        }
    }

    fn require(&self, bit: u64, function: &str) -> Result<(), AdapterError> {
        if self.info.capabilities & bit != 0 {
            return Ok(());
        }
        let text = format!("the adapter {} does not offer {function}", self.info.name);
        Err(AdapterError::new(ErrorClass::NotSupported, text))
    }

    async fn call(
        &self,
        function: Function,
        operation: Option<Operation>,
        idempotency_key: &str,
        document: Vec<u8>,
        options: &CallOptions,
    ) -> Result<RawReply, AdapterError> {
        let idempotency_key = idempotency_key.to_owned();
        let request =
            call::Request { function, operation, idempotency_key, document, options: options.clone() };
        call::make(&self.runtime, &self.shared, request).await
    }
}

impl Drop for AdapterHandle {
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
        self.shared.threads.close();
        if let Some(connection) = self.shared.present.borrow().as_ref() {
            connection.kill("the broker let it go".to_owned());
        }
    }
}

fn document(query: &impl serde::Serialize) -> Result<Vec<u8>, AdapterError> {
    serde_json::to_vec(query)
        .map_err(|error| AdapterError::permanent(format!("the query cannot be written: {error}")))
}
