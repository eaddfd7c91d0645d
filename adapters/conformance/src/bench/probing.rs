//! The plugin in a probe, led to the step that a check begins at.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use yinqiao_ca_abi::{abi, ca_adapter, ca_host, status};
use yinqiao_ca_sdk::{AdapterError, Description, ErrorClass};
use yinqiao_ca_worker::probe::{
    Answer, Called, Function, Octets, Offer, Probe, ProbeEnd, RawCall, Result as Answered, Step, TableAnswer,
    TableView,
};
use yinqiao_ca_worker::{Library, WorkerProgram};

use super::{Bench, CALL};
use crate::verdict::{Stop, While as _, failed, skipped};

/// For loading and asking for the table.
const LOAD: Duration = Duration::from_secs(15);

/// What a plugin says of itself, or why it does not.
pub(crate) struct Survey {
    pub(crate) table: Result<TableView, String>,
    pub(crate) description: Result<Description, String>,
}

/// A probe with an opened instance.
pub(crate) struct Opened {
    pub(crate) probe: Probe,
    pub(crate) instance: usize,
}

/// The room and version that a host of this kit offers.
pub(crate) const fn offer() -> Offer {
    Offer {
        room: size_of::<ca_adapter>() as u32,
        host_major: abi::CA_ABI_MAJOR,
        host_minor: abi::CA_ABI_MINOR,
        host_size: size_of::<ca_host>() as u32,
    }
}

pub(super) async fn survey(program: &WorkerProgram, library: &Library) -> Survey {
    let table = async {
        let mut probe = Probe::start(program, library).map_err(|error| error.to_string())?;
        load(&mut probe).await.map_err(words)?;
        let answer = table(&mut probe, offer()).await.map_err(words)?;
        let view = answer.table.ok_or_else(|| match answer.status {
            status::CA_OK => "ca_adapter_get wrote beyond its room".to_owned(),
            status => format!("ca_adapter_get returned {}", status_name(status)),
        })?;
        Ok((probe, view))
    };
    let (mut probe, view) = match table.await {
        Ok(found) => found,
        Err(why) => return Survey { table: Err(why), description: Err("there is no table".to_owned()) },
    };
    let description = async {
        let described = called(probe.step(&Step::Describe, CALL).await.map_err(|end| end.to_string())?)?;
        if described.status != status::CA_OK {
            return Err(format!("describe returned {}", status_name(described.status)));
        }
        serde_json::from_slice(&described.document.0).map_err(|error| error.to_string())
    };
    Survey { description: description.await, table: Ok(view) }
}

impl Bench {
    /// A probe that has loaded the library, with the run's secrets.
    pub(crate) async fn loaded(&self) -> Result<Probe, Stop> {
        let mut probe = Probe::start(self.program(), &self.library)?;
        load(&mut probe).await.map_err(|stop| match stop {
            Stop::Failed(why) => skipped(format!("{why}; see library.loads")),
            stop => stop,
        })?;
        let secrets = self.options.secrets.iter().map(|(name, value)| (name.clone(), value.to_vec().into()));
        give_secrets(&mut probe, secrets.collect()).await?;
        Ok(probe)
    }

    /// A probe that has the plugin's table.
    pub(crate) async fn ready(&self) -> Result<Probe, Stop> {
        self.table()?;
        let mut probe = self.loaded().await?;
        table(&mut probe, offer()).await?;
        Ok(probe)
    }

    /// A probe with an instance of the given configuration.
    pub(crate) async fn opened(&self) -> Result<Opened, Stop> {
        let configuration = self.configuration()?;
        let mut probe = self.ready().await?;
        let opened = open(&mut probe, configuration).await.during("open")?;
        match opened.instance {
            Some(instance) if opened.status == status::CA_OK => Ok(Opened { probe, instance }),
            _ => Err(skipped(format!("the plugin does not open: {}; see open.opens", error_of(&opened)))),
        }
    }
}

impl Opened {
    /// Calls a function; the process ending inside it fails the check.
    pub(crate) async fn call(&mut self, call: RawCall, what: &str) -> Result<Called, Stop> {
        self.call_with(call, what).await.map(|(called, _)| called)
    }

    /// As [`Self::call`], with what was done with the host.
    pub(crate) async fn call_with(&mut self, call: RawCall, what: &str) -> Result<(Called, Answer), Stop> {
        let call = RawCall { instance: self.instance, ..call };
        let answer = self.probe.step(&Step::Call(call), CALL).await.during(what)?;
        let called = called(answer.clone()).map_err(failed)?;
        Ok((called, answer))
    }
}

/// A call of submit with nothing special.
pub(crate) fn submit_call(operation: u32, key: &str, document: &[u8]) -> RawCall {
    RawCall {
        operation,
        idempotency_key: key.as_bytes().to_vec().into(),
        ..call_of(Function::Submit, document)
    }
}

/// A call of another function with nothing special.
pub(crate) fn call_of(function: Function, document: &[u8]) -> RawCall {
    RawCall {
        function,
        operation: 0,
        instance: 0,
        idempotency_key: Octets::default(),
        document: Some(document.to_vec().into()),
        timeout_ms: CALL.as_millis() as u64,
        cancel_after_ms: None,
    }
}

pub(crate) async fn give_secrets(probe: &mut Probe, secrets: BTreeMap<String, Octets>) -> Result<(), Stop> {
    probe.step(&Step::Secrets { secrets }, LOAD).await.during("preparing the probe").map(drop)
}

pub(crate) async fn load(probe: &mut Probe) -> Result<(), Stop> {
    match probe.step(&Step::Load, LOAD).await.during("loading the library")?.result {
        Answered::Impossible { reason } => Err(failed(reason)),
        _ => Ok(()),
    }
}

pub(crate) async fn table(probe: &mut Probe, offer: Offer) -> Result<TableAnswer, Stop> {
    match probe.step(&Step::Table(offer), LOAD).await.during("ca_adapter_get")?.result {
        Answered::Table(answer) => Ok(*answer),
        other => Err(failed(format!("ca_adapter_get: {other:?}"))),
    }
}

pub(crate) async fn open(probe: &mut Probe, configuration: &Value) -> Result<Called, ProbeEnd> {
    open_raw(probe, configuration.to_string().as_bytes()).await
}

pub(crate) async fn open_raw(probe: &mut Probe, configuration: &[u8]) -> Result<Called, ProbeEnd> {
    let step = Step::Open { configuration: configuration.to_vec().into() };
    called(probe.step(&step, CALL).await?).map_err(ProbeEnd::Broken)
}

pub(crate) fn called(answer: Answer) -> Result<Called, String> {
    match answer.result {
        Answered::Called(called) => Ok(called),
        Answered::Impossible { reason } => Err(reason),
        other => Err(format!("an unexpected answer: {other:?}")),
    }
}

/// The error behind a status, in words.
pub(crate) fn error_of(called: &Called) -> String {
    match called.status {
        status::CA_OK | status::CA_PENDING => status_name(called.status),
        status => {
            let error = AdapterError::from_status(status, &called.document.0, ErrorClass::Unhealthy);
            format!("{} ({})", status_name(status), error.text)
        }
    }
}

/// The header's name of a status.
pub(crate) fn status_name(status: i32) -> String {
    match status {
        status::CA_OK => "CA_OK".to_owned(),
        status::CA_PENDING => "CA_PENDING".to_owned(),
        status::CA_RETRYABLE => "CA_RETRYABLE".to_owned(),
        status::CA_PERMANENT => "CA_PERMANENT".to_owned(),
        status::CA_UNHEALTHY => "CA_UNHEALTHY".to_owned(),
        status::CA_AUTHENTICATION => "CA_AUTHENTICATION".to_owned(),
        status::CA_UNKNOWN_OUTCOME => "CA_UNKNOWN_OUTCOME".to_owned(),
        status::CA_NOT_SUPPORTED => "CA_NOT_SUPPORTED".to_owned(),
        status::CA_LIMIT => "CA_LIMIT".to_owned(),
        other => format!("{other}, which is no status"),
    }
}

/// Whether the contract knows the status.
pub(crate) fn is_status(status: i32) -> bool {
    (status::CA_OK..=status::CA_LIMIT).contains(&status)
}

fn words(stop: Stop) -> String {
    match stop {
        Stop::Failed(why) | Stop::NotOffered(why) | Stop::Skipped(why) => why,
    }
}
