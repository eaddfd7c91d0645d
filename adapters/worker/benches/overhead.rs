//! What does a call through the worker cost more than the same call of the same library inside this process?
//!
//! `cargo bench -p yinqiao-ca-worker` prints both medians, in blocks that take turns, so that a noisy machine disturbs
//! both alike. The plugin is the C one of the tests, whose `status` only writes a short reply: what is measured is the way
//! there and back.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that loads a library"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use serde_json::json;
use support::{Services, c_plugin, key, settings, start, status, within};
use yinqiao_ca_abi::{ENTRY_SYMBOL, EntryPoint};
use yinqiao_ca_sdk::LocalHost;
use yinqiao_ca_worker::AdapterHandle;

const BLOCKS: usize = 20;
const CALLS: usize = 1_000;

fn main() {
    // One thread, as each call waits for the one before.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = c_plugin(&folder, "moody", &[]);
    // Without a folder of moods the plugin would look for one at "/".
    let configuration = json!({"directory": folder.path().join("none")});

    // SAFETY: the library keeps the contract of ca_adapter.h and is never unloaded.
    let local = unsafe {
        let library = Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL).unwrap();
        let entry: EntryPoint = *library.get(ENTRY_SYMBOL).unwrap();
        std::mem::forget(library);
        LocalHost::load(entry, &[]).unwrap()
    };
    let instance = local.open(&configuration).unwrap();
    let handle = runtime.block_on(start(settings(&path, configuration), &Services::with(&[]))).unwrap();

    let (mut inside, mut through) = (Vec::new(), Vec::new());
    for _ in 0..BLOCKS {
        for _ in 0..CALLS {
            let began = Instant::now();
            instance.submit("k", &status()).unwrap();
            inside.push(began.elapsed());
        }
        runtime.block_on(calls(&handle, &mut through));
    }
    let (inside, through) = (Times::of(inside), Times::of(through));
    println!("in process        {inside}");
    println!("through a worker  {through}");
    println!("overhead          median {:.1} µs", (through.median - inside.median).as_secs_f64() * 1e6);
    runtime.block_on(handle.shutdown());
}

async fn calls(handle: &AdapterHandle, took: &mut Vec<Duration>) {
    let (request, key, options) = (status(), key("k"), within(5_000));
    for _ in 0..CALLS {
        let began = Instant::now();
        handle.submit(&request, &key, &options).await.unwrap();
        took.push(began.elapsed());
    }
}

struct Times {
    median: Duration,
    p99: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { median: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
        write!(f, "median {:.1} µs, p99 {:.1} µs", microseconds(self.median), microseconds(self.p99))
    }
}
