//! An adapter, as the broker holds it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime;
use tokio::task::JoinHandle;
use yinqiao_ca_sdk::messages::{
    AdapterError, Cancellation, Health, IdempotencyKey, ListPage, ListQuery, LookupQuery, LookupReply,
};
use yinqiao_ca_sdk::{Operation, Request};

use super::call::{self, Admission, CallOptions, Submitted};
use super::connection::RawReply;
use super::health::HealthReport;
use super::output::Output;
use super::probe;
use super::reply;
use super::services::HostServices;
use super::settings::AdapterSettings;
use super::shared::{Phase, Shared};
use super::statistics::AdapterStatistics;
use super::supervisor::{self, Begin, Live, StartError};
use crate::message::{AdapterInfo, Function};

/// A started adapter. It is called from any thread and any runtime; its processes are supervised on the runtime that
/// started it. Dropping it kills them; [`Self::shutdown`] lets what is inside finish.
pub struct AdapterHandle {
    shared: Arc<Shared>,
    runtime: runtime::Handle,
    /// Taken by the one that shuts down.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl AdapterHandle {
    /// Starts the first process, waits until its plugin is open, starts the others, and keeps them running from then on.
    ///
    /// # Errors
    /// When the first process cannot be started or its plugin is refused. Later ends are repaired by restarts.
    ///
    /// Must run inside a tokio runtime with time and I/O.
    pub async fn start(
        settings: AdapterSettings,
        services: Arc<dyn HostServices>,
    ) -> Result<Arc<Self>, StartError> {
        let output = Arc::new(Output::new(settings.name.clone(), services));
        let opened = supervisor::establish(&settings, &output).await?;
        Ok(Self::assemble(Shared::new(settings, output), Ok(opened)))
    }

    /// As [`Self::start`], for a broker that shall run although one of its plugins does not: when the first process
    /// cannot be started or its plugin does not open, the handle is in the state `Restarting`, its calls end at once, and
    /// it comes up by itself as soon as the plugin opens. [`HealthReport::last_ending`] says what is wrong.
    ///
    /// # Errors
    /// When the plugin is refused for good ([`StartError::is_final`]): no restart would mend it.
    ///
    /// Must run inside a tokio runtime with time and I/O.
    pub async fn start_or_keep_trying(
        settings: AdapterSettings,
        services: Arc<dyn HostServices>,
    ) -> Result<Arc<Self>, StartError> {
        let output = Arc::new(Output::new(settings.name.clone(), services));
        match supervisor::establish(&settings, &output).await {
            Err(error) if error.is_final() => Err(error),
            first => Ok(Self::assemble(Shared::new(settings, output), first)),
        }
    }

    fn assemble(shared: Shared, first: Result<(Live, AdapterInfo), StartError>) -> Arc<Self> {
        let shared = Arc::new(shared);
        let mut first = Some(first);
        let supervisors = (0..shared.processes.len()).map(|index| {
            // Published before this returns: the first call finds a process.
            let begin = match first.take() {
                Some(Ok((live, info))) => Begin::With(supervisor::publish(&shared, index, live, info, false)),
                Some(Err(error)) => {
                    supervisor::not_started(&shared, index, &error);
                    Begin::AfterPause
                }
                None => Begin::AtOnce,
            };
            tokio::spawn(supervisor::supervise(shared.clone(), index, begin))
        });
        let mut tasks: Vec<_> = supervisors.collect();
        tasks.push(tokio::spawn(probe::run(shared.clone())));
        Arc::new(Self { shared, runtime: runtime::Handle::current(), tasks: Mutex::new(tasks) })
    }

    /// The adapter's name, as in its settings.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// What it was started with.
    #[must_use]
    pub fn settings(&self) -> &AdapterSettings {
        &self.shared.settings
    }

    /// What the plugin said of itself when it was opened for the first time. Until then, which only
    /// [`Self::start_or_keep_trying`] lets anybody see, its texts are empty and it offers nothing.
    #[must_use]
    pub fn info(&self) -> &AdapterInfo {
        self.shared.info.get().unwrap_or(&self.shared.unopened)
    }

    /// Whether the plugin was ever opened by this handle, so that [`Self::info`] is its own.
    #[must_use]
    pub fn was_opened(&self) -> bool {
        self.shared.info.get().is_some()
    }

    /// Bits of `yinqiao_ca_abi::capability`; none until the plugin is opened for the first time.
    #[must_use]
    pub fn capabilities(&self) -> u64 {
        self.info().capabilities
    }

    /// Whether the plugin offers an operation.
    #[must_use]
    pub fn offers(&self, operation: Operation) -> bool {
        self.capabilities() & operation.capability() != 0
    }

    /// How the adapter and its processes are, without asking the plugin.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.shared.health()
    }

    /// What it has done so far. Reading costs some microseconds and disturbs no call.
    #[must_use]
    pub fn statistics(&self) -> AdapterStatistics {
        self.shared.statistics()
    }

    /// Asks the plugin whether its CA works.
    ///
    /// # Errors
    /// The class says what is wrong.
    pub async fn probe(&self, options: &CallOptions) -> Result<Health, AdapterError> {
        self.call(Function::Health, None, "", Vec::new(), options, reply::answered).await
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
        let (operation, document) = (request.operation(), request.to_json()?);
        let read = |shared: &Shared, raw| reply::submitted(shared, operation, raw);
        self.call(Function::Submit, Some(operation), key.as_str(), document, options, read).await
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
        let read = |shared: &Shared, raw| reply::submitted(shared, operation, raw);
        self.call(Function::Poll, Some(operation), "", token.into(), options, read).await
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
        self.call(Function::Lookup, None, "", document(query)?, options, reply::answered).await
    }

    /// Withdraws a pending operation.
    ///
    /// # Errors
    /// Unknown outcome when the worker ended inside.
    pub async fn cancel(&self, token: &str, options: &CallOptions) -> Result<Cancellation, AdapterError> {
        self.call(Function::Cancel, None, "", token.into(), options, reply::answered).await
    }

    /// What was issued, page by page.
    ///
    /// # Errors
    /// When the CA cannot tell.
    pub async fn list(&self, query: &ListQuery, options: &CallOptions) -> Result<ListPage, AdapterError> {
        self.call(Function::List, None, "", document(query)?, options, reply::answered).await
    }

    /// Takes no more calls, lets those that wait or are inside finish, closes the plugin and ends its processes; kills
    /// those that take longer than the limit.
    pub async fn shutdown(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        if tasks.is_empty() {
            return;
        }
        self.shared.advance(Phase::Draining);
        let limit = self.shared.settings.limits.close;
        let _drained = tokio::time::timeout(limit, self.shared.pool.drained()).await;
        self.shared.advance(Phase::Closing);
        self.shared.pool.close();
        for task in tasks {
            // The supervisors keep the limit for closing; a task that panicked has ended too.
            let _ = task.await;
        }
        self.shared.advance(Phase::Stopped);
    }

    async fn call<T>(
        &self,
        function: Function,
        operation: Option<Operation>,
        idempotency_key: &str,
        document: Vec<u8>,
        options: &CallOptions,
        read: impl FnOnce(&Shared, RawReply) -> Result<T, AdapterError>,
    ) -> Result<T, AdapterError> {
        let idempotency_key = idempotency_key.to_owned();
        let request =
            call::Request { function, operation, idempotency_key, document, options: options.clone() };
        call::make(&self.runtime, &self.shared, request, Admission::Call, read).await
    }
}

impl Drop for AdapterHandle {
    fn drop(&mut self) {
        self.shared.advance(Phase::Dropped);
        self.shared.pool.close();
    }
}

fn document(query: &impl serde::Serialize) -> Result<Vec<u8>, AdapterError> {
    serde_json::to_vec(query)
        .map_err(|error| AdapterError::permanent(format!("the query cannot be written: {error}")))
}
