//! Several processes of one plugin: calls side by side, crashes that take only their own along, limits, and figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{
    Services, c_plugin, counted, eventually, key, revoke, serial, settings, start, status, within,
};
use tempfile::{TempDir, tempdir};
use tokio::task::JoinHandle;
use yinqiao_ca_sdk::messages::{AdapterError, Empty, RevocationReason, SuspendRequest};
use yinqiao_ca_sdk::{ErrorClass, Operation, Request};
use yinqiao_ca_worker::message::Function;
use yinqiao_ca_worker::{AdapterHandle, AdapterSettings, CallOutcome, Ending, ProcessState, Submitted};

fn serial_plugin(folder: &TempDir, processes: u32) -> AdapterSettings {
    let library = c_plugin(folder, "moody", &["THREADING=CA_THREADING_SERIAL"]);
    let mut settings = settings(&library, json!({"directory": folder.path()}));
    settings.limits.processes = processes;
    settings
}

async fn all_ready(settings: AdapterSettings) -> Arc<AdapterHandle> {
    let handle = start(settings, &Services::with(&[])).await.unwrap();
    eventually(&handle, |health| health.processes.iter().all(|process| process.state == ProcessState::Ready))
        .await;
    handle
}

/// A call that is inside for 200 ms.
fn slow(handle: &Arc<AdapterHandle>) -> JoinHandle<Result<Submitted, AdapterError>> {
    let handle = handle.clone();
    tokio::spawn(async move {
        handle.submit(&revoke(RevocationReason::Unspecified), &key("a"), &within(5000)).await
    })
}

#[tokio::test]
async fn a_serial_plugin_runs_as_many_calls_at_once_as_it_has_processes() {
    let folder = tempdir().unwrap();
    let handle = all_ready(serial_plugin(&folder, 3)).await;
    let began = Instant::now();
    let calls: Vec<_> = (0..6).map(|_| slow(&handle)).collect();
    let health = eventually(&handle, |health| health.inside == 3 && health.waiting == 3).await;
    assert!(health.processes.iter().all(|process| process.inside == 1), "{:?}", health.processes);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // One after another would take 1.2 s.
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(handle.statistics().waited.count, 3);
}

#[tokio::test]
async fn a_crash_takes_only_the_calls_of_its_own_process_along() {
    let folder = tempdir().unwrap();
    let handle = all_ready(serial_plugin(&folder, 2)).await;
    let bystander = slow(&handle);
    eventually(&handle, |health| health.inside == 1).await;
    let crash = revoke(RevocationReason::Superseded);
    let error = handle.submit(&crash, &key("b"), &within(3000)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::UnknownOutcome);
    bystander.await.unwrap().unwrap();
    let health = eventually(&handle, |health| health.restarts == 1).await;
    let endings: Vec<_> = health.processes.iter().map(|process| process.last_ending.clone()).collect();
    assert_eq!(endings, [None, Some(Ending::Exited("signal 6".into()))]);
    assert_eq!(health.unknown_outcomes, 1);
}

#[tokio::test]
async fn calls_that_wait_go_to_whichever_process_is_free_first() {
    let folder = tempdir().unwrap();
    let handle = all_ready(serial_plugin(&folder, 2)).await;
    let hang = tokio::spawn({
        let handle = handle.clone();
        let request = revoke(RevocationReason::KeyCompromise);
        async move { handle.submit(&request, &key("b"), &within(1500)).await }
    });
    eventually(&handle, |health| health.inside == 1).await;
    let calls: Vec<_> = (0..4).map(|_| slow(&handle)).collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(!hang.is_finished());
    assert_eq!(hang.await.unwrap().unwrap_err().class, ErrorClass::UnknownOutcome);
}

#[tokio::test]
async fn callers_that_give_up_while_they_wait_leave_no_seat_taken() {
    let folder = tempdir().unwrap();
    let handle = all_ready(serial_plugin(&folder, 1)).await;
    let first = slow(&handle);
    eventually(&handle, |health| health.inside == 1).await;
    let waiting: Vec<_> = (0..10).map(|_| slow(&handle)).collect();
    eventually(&handle, |health| health.waiting == 10).await;
    waiting.iter().for_each(JoinHandle::abort);
    eventually(&handle, |health| health.waiting == 0).await;
    first.await.unwrap().unwrap();
    handle.submit(&status(), &key("a"), &within(1000)).await.unwrap();
    assert_eq!(handle.health().inside, 0);
    assert_eq!(counted(&handle, Operation::Revoke, CallOutcome::Abandoned), 10);
}

#[tokio::test]
async fn a_call_whose_turn_comes_with_no_time_left_is_not_sent_and_costs_no_process() {
    let folder = tempdir().unwrap();
    let handle = all_ready(serial_plugin(&folder, 1)).await;
    let request = revoke(RevocationReason::Unspecified);
    // The first takes 200 ms. Then comes the second's turn, within the last tenth of its time, in which a plugin would be
    // told at once that nobody waits any more.
    let (keys, options) = ([key("a"), key("b")], [within(5000), within(210)]);
    let (first, second) = tokio::join!(
        handle.submit(&request, &keys[0], &options[0]),
        handle.submit(&request, &keys[1], &options[1]),
    );
    first.unwrap();
    let error = second.unwrap_err();
    assert_eq!(error.class, ErrorClass::Retryable, "{error}");
    handle.submit(&status(), &key("c"), &within(1000)).await.unwrap();
    assert_eq!(handle.health().kills, 0);
}

#[tokio::test]
#[ignore = "takes half a minute: that long a process may spin"]
async fn a_process_that_spins_in_the_background_is_killed_with_the_reason() {
    let folder = tempdir().unwrap();
    let mut settings = serial_plugin(&folder, 1);
    // A share that a spinning thread gets on a busy machine, too.
    settings.limits.cpu_percent = Some(2);
    let handle = all_ready(settings).await;
    let spin = Request::Unhold(SuspendRequest { serial: serial(), pair: false });
    handle.submit(&spin, &key("a"), &within(1000)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(29)).await;
    let health = eventually(&handle, |health| health.restarts == 1).await;
    let Some(Ending::Killed(reason)) = health.last_ending else { panic!("{:?}", health.last_ending) };
    assert!(reason.contains("while no call is inside"), "{reason}");
}

#[tokio::test]
async fn a_process_that_grows_over_its_memory_is_killed_with_the_reason() {
    let folder = tempdir().unwrap();
    let mut settings = serial_plugin(&folder, 1);
    settings.limits.resident_memory = Some(64 << 20);
    let handle = all_ready(settings).await;
    let request = Request::Hold(SuspendRequest { serial: serial(), pair: false });
    // It may be seen before the call is over, and then ends it.
    let _ = handle.submit(&request, &key("a"), &within(30_000)).await;
    let health = eventually(&handle, |health| health.restarts == 1).await;
    let Some(Ending::Killed(reason)) = health.last_ending else { panic!("{:?}", health.last_ending) };
    assert!(reason.contains("more than its limit of 64 MiB"), "{reason}");
    assert_eq!(health.kills, 1);
}

#[tokio::test]
async fn the_statistics_tell_what_happened_and_what_it_cost() {
    let folder = tempdir().unwrap();
    let mut settings = serial_plugin(&folder, 2);
    settings.limits.queue = 0;
    let handle = all_ready(settings).await;
    for _ in 0..5 {
        handle.submit(&status(), &key("a"), &within(1000)).await.unwrap();
    }
    // Two thousand lines of log within a second.
    let _ = handle.submit(&Request::Crl(Empty {}), &key("a"), &within(5000)).await.unwrap_err();
    let spin = Request::Unhold(SuspendRequest { serial: serial(), pair: false });
    handle.submit(&spin, &key("a"), &within(1000)).await.unwrap();
    let calls = [slow(&handle), slow(&handle)];
    eventually(&handle, |health| health.inside == 2).await;
    let refused = handle.submit(&status(), &key("a"), &within(1000)).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Limit);
    for call in calls {
        call.await.unwrap().unwrap();
    }

    let statistics = handle.statistics();
    assert_eq!((statistics.queue_refusals, statistics.inside, statistics.waiting), (1, 0, 0));
    assert_eq!((statistics.restarts, statistics.kills, statistics.unknown_outcomes), (0, 0, 0));
    assert_eq!(statistics.log_lines + statistics.log_lines_dropped, 2000);
    assert!(statistics.log_lines_dropped >= 1000, "{}", statistics.log_lines_dropped);
    let of = |operation| {
        let found = |function: &&_| {
            let function: &yinqiao_ca_worker::FunctionStatistics = function;
            (function.function, function.operation) == (Function::Submit, Some(operation))
        };
        statistics.functions.iter().find(found).unwrap()
    };
    assert_eq!((of(Operation::Status).calls, of(Operation::Status).latency.count), (6, 5));
    let revocations = &of(Operation::Revoke).latency;
    let within =
        |seconds: f64| revocations.buckets.iter().find(|bucket| bucket.le_seconds == seconds).unwrap().count;
    assert_eq!((within(0.1), within(5.0), revocations.count), (0, 2, 2));
    assert!((0.4..3.0).contains(&revocations.sum_seconds), "{}", revocations.sum_seconds);
    let document = serde_json::to_value(&statistics).unwrap();
    assert_eq!(document["breaker"]["state"], "closed");

    // The thread that spins is seen at the next sample.
    let began = Instant::now();
    while handle.statistics().cpu_seconds < 0.3 {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(handle.statistics().processes.iter().all(|process| process.resident_octets > 100 << 10));
}

#[tokio::test]
async fn shutting_down_ends_every_process() {
    let folder = tempdir().unwrap();
    let handle = all_ready(serial_plugin(&folder, 3)).await;
    let health = handle.health();
    let processes = health.processes.iter().map(|process| format!("/proc/{}", process.process_id.unwrap()));
    let processes: Vec<_> = processes.collect();
    let inside = slow(&handle);
    eventually(&handle, |health| health.inside == 1).await;
    handle.shutdown().await;
    inside.await.unwrap().unwrap();
    assert!(processes.iter().all(|process| !std::path::Path::new(process).exists()), "{processes:?}");
    assert_eq!(handle.health().state, ProcessState::Stopped);
}
