//! In a worker process, as the broker runs it: tokens are polled, cancelled, and survive the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::*;
use yinqiao_ca_sdk::messages::{Cancellation, IdempotencyKey, LookupQuery, LookupReply};
use yinqiao_ca_sdk::{ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::{
    AdapterHandle, AdapterSettings, CallOptions, HostServices, Library, Limits, LogLine, ProcessState,
    Sandbox, Submitted, WorkerProgram,
};
use yinqiao_gm::sm2::PrivateKey;
use zeroize::Zeroizing;

struct Services;

impl HostServices for Services {
    fn log(&self, _: LogLine<'_>) {}

    fn secret(&self, _: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        (name == yinqiao_softca::MASTER_KEY).then(|| Zeroizing::new(SECRET.to_vec()))
    }
}

/// The library and the worker's program, built by the Cargo that runs this test, for its profile, beside it.
fn built() -> (PathBuf, PathBuf) {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "yinqiao-softca", "-p", "yinqiao-ca-worker", "--target-dir"]);
    build.arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    (profile.join("libyinqiao_softca.so"), profile.join("yinqiao-adapter-worker"))
}

/// With write access to the CA's directory alone, no network and no other programs, where the kernel enforces it.
async fn open(configuration: Value) -> Arc<AdapterHandle> {
    let (library, program) = built();
    let directory = PathBuf::from(configuration["directory"].as_str().unwrap());
    std::fs::create_dir_all(&directory).unwrap();
    let settings = AdapterSettings {
        name: "softca".into(),
        library: Library::open(&library, None).unwrap(),
        configuration,
        worker: WorkerProgram { program, arguments: Vec::new() },
        limits: Limits { first_restart: Duration::from_millis(20), ..Limits::default() },
        sandbox: Sandbox { write: vec![directory], ..Sandbox::default() },
    };
    AdapterHandle::start(settings, Arc::new(Services)).await.unwrap()
}

fn key(text: &str) -> IdempotencyKey {
    text.to_owned().try_into().unwrap()
}

fn within() -> CallOptions {
    CallOptions::within(Duration::from_secs(10))
}

async fn waits(handle: &AdapterHandle, request: &Request, name: &str) -> String {
    match handle.submit(request, &key(name), &within()).await.unwrap() {
        Submitted::Pending(pending) => pending.token,
        Submitted::Done { .. } => panic!("done without a review"),
    }
}

async fn kill(handle: &AdapterHandle, process_id: u32) {
    let pid = Pid::from_raw(i32::try_from(process_id).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    for _ in 0..1000 {
        let health = handle.health();
        if health.state == ProcessState::Ready && health.process_id != Some(process_id) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no other worker within 10 s");
}

#[tokio::test]
async fn a_token_is_polled_across_a_kill_and_another_is_cancelled() {
    let office = Office::with(&["甲"]);
    let handle = open(office.configuration(json!({"seal_review": true}))).await;
    let issue = issue_request(&PrivateKey::generate().unwrap());
    let issued = handle.submit(&issue, &key("issue"), &within()).await.unwrap();
    let Submitted::Done { document, .. } = issued else { panic!() };
    let pair = pair_of(Reply::parse(Operation::Issue, &document).unwrap());
    let request = seal_request(&pair.signing_certificate, b"a picture");
    let token = waits(&handle, &request, "seal").await;
    let poll = || async { handle.poll(Operation::SealIssue, &token, &within()).await };
    assert!(matches!(poll().await.unwrap(), Submitted::Pending(pending) if pending.token == token));

    kill(&handle, handle.health().process_id.unwrap()).await;
    assert!(matches!(poll().await.unwrap(), Submitted::Pending(_)));
    office.decide(&["review", "approve", &token], "甲");
    let Submitted::Done { document, .. } = poll().await.unwrap() else { panic!("not done") };
    let Submitted::Done { document: again, .. } = poll().await.unwrap() else { panic!("not done") };
    assert_eq!(document, again);
    let found = handle.lookup(&LookupQuery::IdempotencyKey(key("seal")), &within()).await.unwrap();
    assert!(matches!(found, LookupReply::Done { reply, .. } if reply.get().as_bytes() == document));

    let second = waits(&handle, &request, "seal-2").await;
    assert_eq!(handle.cancel(&second, &within()).await.unwrap(), Cancellation::Cancelled);
    for unknown in [second.as_str(), "unknown", &"0".repeat(64)] {
        let error = handle.poll(Operation::SealIssue, unknown, &within()).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Permanent, "{error}");
    }
    handle.shutdown().await;
}
