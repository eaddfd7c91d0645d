//! What becomes of calls when a CA or its plugin fails again and again, and how it is called again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Services, c_plugin, counted, eventually, key, revoke, settings, start, status, within};
use tempfile::{TempDir, tempdir};
use yinqiao_ca_sdk::messages::{AdapterError, RevocationReason};
use yinqiao_ca_sdk::{ErrorClass, Operation};
use yinqiao_ca_worker::message::Function;
use yinqiao_ca_worker::{AdapterHandle, AdapterSettings, BreakerState, CallOutcome, Ending, ProcessState};

/// A plugin whose mood the test changes, and a breaker that opens after three failures.
struct Scene {
    folder: TempDir,
    settings: AdapterSettings,
}

impl Scene {
    fn with(macros: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let library = c_plugin(&folder, "moody", macros);
        let mut settings = settings(&library, json!({"directory": folder.path()}));
        settings.limits.breaker_failures = 3;
        settings.limits.breaker_pause = Duration::from_millis(100);
        settings.limits.breaker_longest_pause = Duration::from_millis(400);
        Self { folder, settings }
    }

    fn mood(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&self) -> Arc<AdapterHandle> {
        start(self.settings.clone(), &Services::with(&[])).await.unwrap()
    }
}

async fn ask(handle: &AdapterHandle) -> Result<(), AdapterError> {
    handle.submit(&status(), &key("a"), &within(3000)).await.map(drop)
}

async fn crash(handle: &AdapterHandle) -> AdapterError {
    handle.submit(&revoke(RevocationReason::Superseded), &key("a"), &within(3000)).await.unwrap_err()
}

fn sent(handle: &AdapterHandle) -> u64 {
    handle.statistics().functions.iter().map(|function| function.latency.count).sum()
}

#[tokio::test]
async fn a_sick_ca_is_left_alone_until_its_own_probe_finds_it_well() {
    let scene = Scene::with(&[]);
    let handle = scene.start().await;
    fs::write(scene.mood("sick"), r#"{"vendor_code": "E-9", "text": "moving house"}"#).unwrap();
    for _ in 0..3 {
        let error = ask(&handle).await.unwrap_err();
        assert_eq!((error.class, error.vendor_code.as_deref()), (ErrorClass::Unhealthy, Some("E-9")));
    }
    let error = ask(&handle).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unhealthy);
    assert!(error.text.contains("nothing was sent") && error.text.contains("moving house"), "{error}");
    assert!(error.retry_after_ms.unwrap() <= 100);
    assert_eq!(counted(&handle, Operation::Status, CallOutcome::Unhealthy), 4);
    assert_eq!(handle.statistics().breaker_refusals, 1);

    // Its probes fail, too, while it is sick, and nobody's calls are used for them.
    eventually(&handle, |health| health.breaker.openings >= 3).await;
    let statistics = handle.statistics();
    let of = |wanted| statistics.functions.iter().find(|function| function.function == wanted).unwrap();
    assert!(of(Function::Health).latency.count >= 2);
    assert_eq!(of(Function::Submit).latency.count, 3);

    fs::remove_file(scene.mood("sick")).unwrap();
    let health = eventually(&handle, |health| health.breaker.state == BreakerState::Closed).await;
    assert!(health.breaker.last_failure.unwrap().contains("moving house (E-9)"));
    ask(&handle).await.unwrap();
    assert_eq!(handle.health().restarts, 0);
}

#[tokio::test]
async fn the_pause_that_a_ca_asks_for_is_kept() {
    let scene = Scene::with(&[]);
    let handle = scene.start().await;
    fs::write(scene.mood("sick"), r#"{"text": "later", "retry_after_ms": 300}"#).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&handle).await.unwrap_err().retry_after_ms, Some(300));
    }
    fs::remove_file(scene.mood("sick")).unwrap();
    let began = Instant::now();
    let left = ask(&handle).await.unwrap_err().retry_after_ms.unwrap();
    assert!((200..=300).contains(&left), "{left}");
    eventually(&handle, |health| health.breaker.state == BreakerState::Closed).await;
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn what_a_ca_refuses_for_good_does_not_make_it_sick() {
    let scene = Scene::with(&[]);
    let handle = scene.start().await;
    let request = revoke(RevocationReason::PrivilegeWithdrawn);
    for _ in 0..10 {
        let error = handle.submit(&request, &key("a"), &within(3000)).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Permanent);
    }
    let breaker = handle.health().breaker;
    assert_eq!((breaker.state, breaker.failures, breaker.last_failure), (BreakerState::Closed, 0, None));
}

#[tokio::test]
async fn a_crash_counts_once_however_many_calls_it_takes_along() {
    let scene = Scene::with(&[]);
    let handle = scene.start().await;
    let slow: Vec<_> = (0..3)
        .map(|_| {
            let handle = handle.clone();
            tokio::spawn(async move {
                handle.submit(&revoke(RevocationReason::Unspecified), &key("a"), &within(3000)).await
            })
        })
        .collect();
    eventually(&handle, |health| health.inside == 3).await;
    crash(&handle).await;
    for call in slow {
        assert_eq!(call.await.unwrap().unwrap_err().class, ErrorClass::UnknownOutcome);
    }
    let health = eventually(&handle, |health| health.state == ProcessState::Ready).await;
    assert_eq!((health.breaker.state, health.breaker.failures), (BreakerState::Closed, 1));
    ask(&handle).await.unwrap();
    assert_eq!(handle.health().breaker.failures, 0);
}

#[tokio::test]
async fn a_plugin_that_crashes_at_every_call_is_called_no_more() {
    let scene = Scene::with(&[]);
    let handle = scene.start().await;
    for _ in 0..3 {
        assert_eq!(crash(&handle).await.class, ErrorClass::UnknownOutcome);
    }
    eventually(&handle, |health| health.breaker.openings == 1).await;
    assert_eq!(crash(&handle).await.class, ErrorClass::Unhealthy);
}

#[tokio::test]
async fn calls_that_wait_when_it_opens_end_with_nothing_sent() {
    let mut scene = Scene::with(&["THREADING=CA_THREADING_SERIAL"]);
    // No probe meanwhile.
    scene.settings.limits.breaker_pause = Duration::from_secs(30);
    scene.settings.limits.breaker_longest_pause = Duration::from_secs(30);
    let handle = scene.start().await;
    fs::write(scene.mood("sick"), "{}").unwrap();
    let slow = tokio::spawn({
        let handle = handle.clone();
        async move { handle.submit(&revoke(RevocationReason::Unspecified), &key("a"), &within(3000)).await }
    });
    eventually(&handle, |health| health.inside == 1).await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let handle = handle.clone();
            tokio::spawn(async move { ask(&handle).await.unwrap_err().text })
        })
        .collect();
    slow.await.unwrap().unwrap();
    let mut unsent = 0;
    for call in calls {
        unsent += u32::from(call.await.unwrap().contains("nothing was sent"));
    }
    assert_eq!((unsent, sent(&handle)), (17, 4));
}

#[tokio::test]
async fn a_plugin_that_cannot_be_opened_again_ends_calls_at_once_and_comes_back_by_itself() {
    let mut scene = Scene::with(&[]);
    scene.settings.limits.first_restart = Duration::from_millis(200);
    let handle = scene.start().await;
    fs::write(scene.mood("closed"), "").unwrap();
    crash(&handle).await;
    let began = Instant::now();
    let waiting = tokio::spawn({
        let handle = handle.clone();
        async move { handle.submit(&status(), &key("w"), &within(60_000)).await }
    });
    eventually(&handle, |health| health.waiting == 1).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(error.text.contains("nothing was sent") && began.elapsed() < Duration::from_secs(30), "{error}");

    let health = eventually(&handle, |health| health.breaker.state != BreakerState::Closed).await;
    assert_eq!(health.state, ProcessState::Restarting);
    assert!(matches!(health.last_ending, Some(Ending::NotStarted(_))), "{:?}", health.last_ending);
    let began = Instant::now();
    let error = ask(&handle).await.unwrap_err();
    assert!(error.text.contains("the shop is closed") && error.retry_after_ms.unwrap() > 0, "{error}");
    assert!(began.elapsed() < Duration::from_millis(500));

    fs::remove_file(scene.mood("closed")).unwrap();
    eventually(&handle, |health| health.breaker.state == BreakerState::Closed).await;
    ask(&handle).await.unwrap();
}

#[tokio::test]
async fn a_broker_can_start_with_a_broken_plugin_that_comes_up_when_it_is_mended() {
    let scene = Scene::with(&[]);
    fs::write(scene.mood("closed"), "").unwrap();
    assert!(start(scene.settings.clone(), &Services::with(&[])).await.is_err());
    let handle =
        AdapterHandle::start_or_keep_trying(scene.settings.clone(), Services::with(&[])).await.unwrap();
    assert!(!handle.was_opened() && handle.info().name.is_empty());
    assert_eq!(handle.health().state, ProcessState::Restarting);
    assert_eq!(ask(&handle).await.unwrap_err().class, ErrorClass::Unhealthy);

    fs::remove_file(scene.mood("closed")).unwrap();
    eventually(&handle, |health| health.breaker.state == BreakerState::Closed).await;
    assert_eq!(handle.info().name, "moody");
    ask(&handle).await.unwrap();
    assert_eq!(handle.health().restarts, 0);
}

#[tokio::test]
async fn a_plugin_of_another_abi_is_not_tried_again() {
    let scene = Scene::with(&["MAJOR=2"]);
    let error =
        AdapterHandle::start_or_keep_trying(scene.settings.clone(), Services::with(&[])).await.unwrap_err();
    assert!(error.is_final(), "{error}");
}

#[tokio::test]
async fn a_refusal_for_good_that_shows_only_later_ends_the_attempts_too() {
    let mut scene = Scene::with(&["MAJOR=2"]);
    // The worker's program is put in place after the start.
    let place = scene.mood("worker");
    let program = std::mem::replace(&mut scene.settings.worker.program, place.clone());
    let handle =
        AdapterHandle::start_or_keep_trying(scene.settings.clone(), Services::with(&[])).await.unwrap();
    assert_eq!(handle.health().state, ProcessState::Restarting);
    std::os::unix::fs::symlink(program, place).unwrap();
    let health = eventually(&handle, |health| health.state == ProcessState::Stopped).await;
    assert!(health.refused.unwrap().contains("version 2"));
    let error = ask(&handle).await.unwrap_err();
    assert!(error.text.contains("cannot be used") && error.text.contains("nothing was sent"), "{error}");
}

#[tokio::test]
async fn shutting_down_does_not_wait_for_a_plugin_that_cannot_be_opened() {
    let mut scene = Scene::with(&[]);
    scene.settings.limits.first_restart = Duration::from_secs(30);
    fs::write(scene.mood("closed"), "").unwrap();
    let handle =
        AdapterHandle::start_or_keep_trying(scene.settings.clone(), Services::with(&[])).await.unwrap();
    tokio::time::timeout(Duration::from_secs(2), handle.shutdown()).await.unwrap();
    assert_eq!(handle.health().state, ProcessState::Stopped);
}
