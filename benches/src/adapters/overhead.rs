//! What a call through the worker costs beyond the same call of the same library in this process.
//!
//! Both sides take turns of a few hundred calls, one call after the other, so that what else happens on the machine meets
//! both. The worker is the broker's own program, restricted as in earnest. Both sides make the request document, call the
//! plugin and read its reply; the difference is the way to the other process and back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use yinqiao_ca_abi::{ENTRY_SYMBOL, EntryPoint};
use yinqiao_ca_sdk::messages::{CertificateIdentity, Empty, IdempotencyKey, Serial};
use yinqiao_ca_sdk::{LocalHost, Request};
use yinqiao_ca_worker::{
    AdapterHandle, AdapterSettings, CallOptions, HostServices, Library, Limits, LogLine, Sandbox,
    WorkerProgram,
};

use super::{Arguments, plugins};
use crate::figure;

/// The most that the median may be more, in microseconds.
const MOST_US: f64 = 50.0;
/// Calls of one side before it is the other's turn.
const TURN: u32 = 250;
/// Turns of each side before anything is counted.
const WARM_UP: u32 = 2;
/// How long one call may take.
const WITHIN: Duration = Duration::from_secs(10);
/// The software CA's secret.
const MASTER_KEY: (&str, &str) = ("softca.master_key", "a master key of this benchmark");

/// A plugin and what it is opened with.
struct Subject {
    name: &'static str,
    library: PathBuf,
    secret: (&'static str, &'static str),
}

/// Measures and gives the figures.
pub fn measure(arguments: &Arguments) -> Result<Value> {
    let subjects = [
        Subject { name: "softca", library: plugins::software_ca()?, secret: MASTER_KEY },
        Subject {
            name: "vendor_ca",
            library: plugins::build()?.join("libvendor_ca.so"),
            secret: plugins::PASSPHRASE,
        },
    ];
    // One thread, as each call waits for the one before.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = serde_json::Map::new();
    for subject in &subjects {
        for (name, request) in requests()? {
            let row = subject.compare(&runtime, &request, arguments.calls).with_context(|| subject.name)?;
            eprintln!("{} {name}: {} µs more in the median", subject.name, row["overhead_median_us"]);
            rows.insert(format!("{}_{name}", subject.name), row);
        }
    }
    let holds = rows.values().all(|row| row["holds"] == true);
    Ok(json!({ "holds": holds, "most_us": MOST_US, "calls_each_way": arguments.calls, "by_call": rows }))
}

/// Operations that cost a plugin little.
fn requests() -> Result<[(&'static str, Request); 2]> {
    let serial = Serial::try_from("01".to_owned()).map_err(|error| anyhow!("{error}"))?;
    Ok([
        ("status", Request::Status(CertificateIdentity { serial })),
        ("ca_certificates", Request::CaCertificates(Empty {})),
    ])
}

impl Subject {
    fn compare(&self, runtime: &Runtime, request: &Request, calls: u32) -> Result<Value> {
        let folder = tempfile::tempdir()?;
        let inside = load(&self.library, self.secret)?;
        let instance = inside.open(&self.configuration(folder.path(), "inside")?)?;
        let handle = runtime.block_on(self.start(folder.path()))?;
        let key = IdempotencyKey::try_from("bench".to_owned()).map_err(|error| anyhow!("{error}"))?;
        let options = CallOptions::within(WITHIN);

        let (mut within, mut through) = (Vec::new(), Vec::new());
        for turn in 0..WARM_UP + calls.div_ceil(TURN) {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..TURN {
                let begun = Instant::now();
                instance.submit(key.as_str(), request)?;
                ours.push(begun.elapsed());
            }
            runtime.block_on(async {
                for _ in 0..TURN {
                    let begun = Instant::now();
                    handle.submit(request, &key, &options).await?;
                    theirs.push(begun.elapsed());
                }
                anyhow::Ok(())
            })?;
            if turn >= WARM_UP {
                within.extend(ours);
                through.extend(theirs);
            }
        }
        runtime.block_on(handle.shutdown());
        Ok(figures(within, through))
    }

    /// Each side has a CA of its own.
    fn configuration(&self, folder: &Path, side: &str) -> Result<Value> {
        let own = folder.join(side);
        fs::create_dir_all(&own)?;
        Ok(json!({ "directory": own.join("ca"), "name": "Bench" }))
    }

    async fn start(&self, folder: &Path) -> Result<Arc<AdapterHandle>> {
        let configuration = self.configuration(folder, "worker")?;
        let settings = AdapterSettings {
            name: self.name.to_owned(),
            library: Library::open(&self.library, None)?,
            configuration,
            worker: WorkerProgram {
                program: std::env::current_exe()?.with_file_name("yinqiao"),
                arguments: vec!["adapter-worker".into()],
            },
            limits: Limits::default(),
            sandbox: Sandbox { write: vec![folder.join("worker")], ..Sandbox::default() },
        };
        Ok(AdapterHandle::start(settings, Arc::new(Services { secret: self.secret })).await?)
    }
}

/// The library in this process, which it never leaves again.
#[allow(unsafe_code, reason = "the side of the comparison that has no process of its own")]
fn load(library: &Path, secret: (&str, &str)) -> Result<LocalHost> {
    // SAFETY: a library of this project, which keeps the contract of ca_adapter.h. It is never unloaded: its handle is
    // forgotten, so the entry stays callable.
    unsafe {
        let loaded = Loaded::open(Some(library), RTLD_NOW | RTLD_LOCAL)?;
        let entry: EntryPoint = *loaded.get(ENTRY_SYMBOL)?;
        std::mem::forget(loaded);
        Ok(LocalHost::load(entry, &[(secret.0, secret.1.as_bytes())])?)
    }
}

/// One secret, and no log.
struct Services {
    secret: (&'static str, &'static str),
}

impl HostServices for Services {
    fn log(&self, _: LogLine<'_>) {}

    fn secret(&self, _: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        (name == self.secret.0).then(|| Zeroizing::new(self.secret.1.as_bytes().to_vec()))
    }
}

fn figures(mut inside: Vec<Duration>, mut through: Vec<Duration>) -> Value {
    inside.sort_unstable();
    through.sort_unstable();
    let microseconds = |times: &[Duration], share: f64| {
        let rank = (times.len() as f64 * share).ceil() as usize;
        times.get(rank.saturating_sub(1)).copied().unwrap_or_default().as_secs_f64() * 1e6
    };
    let overhead = |share| microseconds(&through, share) - microseconds(&inside, share);
    json!({
        "holds": overhead(0.5) <= MOST_US,
        "in_process_median_us": figure(microseconds(&inside, 0.5)),
        "in_process_p99_us": figure(microseconds(&inside, 0.99)),
        "through_worker_median_us": figure(microseconds(&through, 0.5)),
        "through_worker_p99_us": figure(microseconds(&through, 0.99)),
        "overhead_median_us": figure(overhead(0.5)),
        "overhead_p99_us": figure(overhead(0.99)),
    })
}
