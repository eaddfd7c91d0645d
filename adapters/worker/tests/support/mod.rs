//! Builds plugins, starts adapters, and collects what they log.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use yinqiao_ca_sdk::messages::{
    AdapterError, CertificateIdentity, IdempotencyKey, LookupQuery, RevocationReason, RevokeRequest, Serial,
};
use yinqiao_ca_sdk::{ErrorClass, Operation, Request};
use yinqiao_ca_worker::{
    AdapterHandle, AdapterSettings, CallOptions, CallOutcome, Enforcement, HealthReport, HostServices,
    Library, Limits, LogLine, LogSource, ProcessState, Sandbox, StartError, WorkerProgram,
};
use zeroize::Zeroizing;

/// A log and one secret for each adapter.
#[derive(Default)]
pub struct Services {
    lines: Mutex<Vec<(LogSource, String)>>,
    pub secrets: Vec<(&'static str, &'static [u8])>,
}

impl Services {
    pub fn with(secrets: &[(&'static str, &'static [u8])]) -> Arc<Self> {
        Arc::new(Self { lines: Mutex::default(), secrets: secrets.to_vec() })
    }

    pub fn lines(&self) -> Vec<(LogSource, String)> {
        self.lines.lock().unwrap().clone()
    }
}

impl HostServices for Services {
    fn log(&self, line: LogLine<'_>) {
        self.lines.lock().unwrap().push((line.source, line.text.to_owned()));
    }

    fn secret(&self, _: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let found = self.secrets.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| Zeroizing::new(value.to_vec()))
    }
}

/// A plugin from `tests/plugins`, compiled with the given macros.
pub fn c_plugin(folder: &TempDir, name: &str, macros: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = folder.path().join(format!("lib{name}.so"));
    let output = Command::new("cc")
        .args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"])
        .args(macros.iter().map(|name| format!("-D{name}")))
        .arg("-I")
        .arg(root.join("../include"))
        .arg("-o")
        .arg(&library)
        .arg(root.join("tests/plugins").join(format!("{name}.c")))
        .output()
        .expect("the C compiler `cc` runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    guard(&library);
    library
}

/// Takes from group and others the right to write, which a plugin's file may not have, whatever the umask is.
pub fn guard(library: &Path) {
    fs::set_permissions(library, Permissions::from_mode(0o755)).unwrap();
}

/// The settings of a test: the worker's program of this crate, and short limits.
pub fn settings(library: &Path, configuration: Value) -> AdapterSettings {
    AdapterSettings {
        name: "under test".into(),
        library: Library::open(library, None).unwrap(),
        configuration,
        worker: WorkerProgram {
            program: env!("CARGO_BIN_EXE_yinqiao-adapter-worker").into(),
            arguments: Vec::new(),
        },
        limits: Limits { first_restart: Duration::from_millis(20), threads: 4, ..Limits::default() },
        sandbox: Sandbox { enforcement: Enforcement::Off, ..Sandbox::default() },
    }
}

pub async fn start(
    settings: AdapterSettings,
    services: &Arc<Services>,
) -> Result<Arc<AdapterHandle>, StartError> {
    AdapterHandle::start(settings, services.clone()).await
}

/// Asks for a certificate's state, which changes nothing.
pub fn status() -> Request {
    Request::Status(CertificateIdentity { serial: serial() })
}

/// Revokes; the plugins of the tests take the reason for what they shall do.
pub fn revoke(reason: RevocationReason) -> Request {
    Request::Revoke(RevokeRequest { serial: serial(), reason, pair: false })
}

pub fn serial() -> Serial {
    Serial::try_from("01".to_owned()).unwrap()
}

/// What the statistics say of one outcome of one operation of submit.
pub fn counted(handle: &AdapterHandle, operation: Operation, outcome: CallOutcome) -> u64 {
    let statistics = handle.statistics();
    let function = statistics.functions.iter().find(|function| function.operation == Some(operation));
    let outcomes = function.map(|function| function.outcomes.clone()).unwrap_or_default();
    outcomes.iter().find(|count| count.outcome == outcome).map_or(0, |count| count.calls)
}

pub fn key(text: &str) -> IdempotencyKey {
    text.to_owned().try_into().unwrap()
}

pub fn by_key(text: &str) -> LookupQuery {
    LookupQuery::IdempotencyKey(key(text))
}

pub fn within(milliseconds: u64) -> CallOptions {
    CallOptions::within(Duration::from_millis(milliseconds))
}

/// Asks as a real caller does: again, while the adapter says that it may work later. After kills the breaker may be open.
pub async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, AdapterError>>,
{
    let began = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error)
                if matches!(error.class, ErrorClass::Retryable | ErrorClass::Unhealthy)
                    && began.elapsed() < Duration::from_secs(60) =>
            {
                let pause = error.retry_after_ms.unwrap_or(20).clamp(5, 500);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until the health is as wanted.
pub async fn eventually(handle: &AdapterHandle, wanted: impl Fn(&HealthReport) -> bool) -> HealthReport {
    for _ in 0..1000 {
        let health = handle.health();
        if wanted(&health) {
            return health;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 10 s: {:?}", handle.health());
}

/// Waits until another worker takes calls than the one with that process number.
pub async fn replaced(handle: &AdapterHandle, process_id: Option<u32>) -> HealthReport {
    eventually(handle, |health| health.state == ProcessState::Ready && health.process_id != process_id).await
}
