//! Asks an adapter whose breaker is open whether it works again: one question at a time, at nobody's cost.

use std::sync::Arc;

use tokio::runtime::Handle;
use yinqiao_ca_sdk::LogLevel;
use yinqiao_ca_sdk::messages::Health;

use super::breaker::Verdict;
use super::call::{self, Admission, CallOptions, Request};
use super::reply;
use super::shared::{Phase, Shared};
use crate::message::Function;

/// Probes whenever it is due, until the adapter is stopped.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut phase = shared.phase.subscribe();
    tokio::select! {
        _ = phase.wait_for(|phase| *phase > Phase::Running) => {}
        () = probe_for_ever(&shared) => {}
    }
}

async fn probe_for_ever(shared: &Arc<Shared>) {
    let runtime = Handle::current();
    loop {
        // Without a process there is nothing to ask; it is asked as soon as there is one.
        shared.gate.begin_probe_when_due(|| shared.pool.any_ready()).await;
        let request = Request {
            function: Function::Health,
            operation: None,
            idempotency_key: String::new(),
            document: Vec::new(),
            options: CallOptions::within(shared.settings.limits.probe),
        };
        let health = call::make(&runtime, shared, request, Admission::Probe, reply::answered::<Health>).await;
        let (verdict, why) = match health {
            Ok(_) => (Verdict::Success, None),
            Err(error) => (call::verdict(&error), Some(call::in_words(&error))),
        };
        if shared.gate.probe_ended(verdict, why) {
            shared.output.own(LogLevel::Info, "its health is good again; calls are made");
        }
    }
}
