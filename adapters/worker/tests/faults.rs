//! What becomes of calls and workers when a plugin does what it must not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{
    Services, by_key, c_plugin, eventually, key, patiently, replaced, revoke, settings, start, status, within,
};
use tempfile::{TempDir, tempdir};
use yinqiao_ca_sdk::messages::{DerRequest, Empty, LookupReply, RevocationReason};
use yinqiao_ca_sdk::{ErrorClass, Request};
use yinqiao_ca_worker::{
    AdapterSettings, Ending, Library, LibraryError, LogSource, ProcessState, StartError, Submitted,
};

const SECRET: &[u8] = b"hunter2-hunter2";

fn faulty(folder: &TempDir) -> AdapterSettings {
    settings(&c_plugin(folder, "faulty", &[]), json!({}))
}

fn services() -> std::sync::Arc<Services> {
    Services::with(&[("password", SECRET)])
}

#[tokio::test]
async fn a_plugin_with_a_broken_table_is_refused_with_the_reason() {
    let folder = tempdir().unwrap();
    let broken = [
        (vec!["NO_SYMBOL"], "does not export ca_adapter_get"),
        (vec!["MAJOR=2"], "version 2"),
        (vec!["SMALL_TABLE"], "64 octets"),
        (vec!["THREADING=9"], "threading 9"),
        (vec!["CAPABILITIES=0"], "of lookup do not agree"),
        (vec!["CAPABILITIES=CA_CAN_LOOKUP|CA_CAN_POLL"], "of poll do not agree"),
    ];
    for (macros, reason) in broken {
        let settings = settings(&c_plugin(&folder, "faulty", &macros), json!({}));
        let Err(StartError::Refused { error, is_final, .. }) = start(settings, &services()).await else {
            panic!("{reason}")
        };
        assert!(error.text.contains(reason), "{error}");
        assert_eq!(error.class, ErrorClass::Permanent);
        assert!(is_final);
    }
}

#[tokio::test]
async fn a_library_that_was_cut_short_costs_only_the_worker_that_loads_it() {
    let folder = tempdir().unwrap();
    let path = c_plugin(&folder, "faulty", &[]);
    let octets = std::fs::read(&path).unwrap();
    std::fs::write(&path, &octets[..1000]).unwrap();
    let error = start(settings(&path, json!({})), &services()).await.err().unwrap();
    // The system's loader reads beyond the end and dies of it.
    assert!(matches!(error, StartError::Process { .. }) && !error.is_final(), "{error}");
}

#[tokio::test]
async fn another_file_than_the_pinned_one_is_refused() {
    let folder = tempdir().unwrap();
    let path = c_plugin(&folder, "faulty", &[]);
    let pinned = *Library::open(&path, None).unwrap().digests();
    c_plugin(&folder, "faulty", &["THREADING=1"]);
    assert!(matches!(Library::open(&path, Some(&pinned)), Err(LibraryError::OtherDigest { .. })));
}

#[tokio::test]
async fn a_plugin_that_refuses_its_configuration_keeps_its_class_and_code() {
    let folder = tempdir().unwrap();
    let settings = settings(&c_plugin(&folder, "faulty", &[]), json!({"mode": "refuse"}));
    let Err(StartError::Refused { error, stage, .. }) = start(settings, &services()).await else {
        panic!("opened")
    };
    assert_eq!((error.class, error.vendor_code.as_deref()), (ErrorClass::Authentication, Some("E-17")));
    assert_eq!(stage, "opening it with its configuration");
}

#[tokio::test]
async fn a_plugin_that_does_not_open_in_time_is_killed() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&c_plugin(&folder, "faulty", &[]), json!({"mode": "hang"}));
    settings.limits.start = Duration::from_millis(300);
    let result = start(settings, &services()).await;
    assert!(matches!(result, Err(StartError::TimeOut { .. })));
}

#[tokio::test]
async fn a_worker_program_that_does_not_play_the_role_is_an_error_not_a_hang() {
    let folder = tempdir().unwrap();
    let mut settings = faulty(&folder);
    settings.worker.program = "/bin/true".into();
    let error = start(settings, &services()).await.err().unwrap();
    assert!(matches!(error, StartError::Process { .. }), "{error}");
}

#[tokio::test]
async fn a_crash_ends_the_calls_inside_with_unknown_outcome_and_the_worker_is_replaced() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let first = handle.health().process_id;
    let bystander = tokio::spawn({
        let handle = handle.clone();
        async move { handle.submit(&revoke(RevocationReason::CaCompromise), &key("b"), &within(5000)).await }
    });
    eventually(&handle, |health| health.inside == 1).await;
    let error =
        handle.submit(&revoke(RevocationReason::Superseded), &key("a"), &within(5000)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::UnknownOutcome, "{error}");
    assert_eq!(bystander.await.unwrap().unwrap_err().class, ErrorClass::UnknownOutcome);

    let health = replaced(&handle, first).await;
    assert_eq!((health.restarts, health.kills, health.unknown_outcomes), (1, 0, 2));
    assert_eq!(health.last_ending, Some(Ending::Exited("signal 6".into())));
    let found = patiently(|| async { handle.lookup(&by_key("a"), &within(1000)).await }).await;
    assert!(matches!(found, LookupReply::Absent), "{found:?}");
}

#[tokio::test]
async fn a_call_that_comes_while_there_is_no_worker_waits_for_the_next_one() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let _ = handle.submit(&revoke(RevocationReason::Superseded), &key("a"), &within(5000)).await;
    handle.submit(&status(), &key("b"), &within(5000)).await.unwrap();
}

#[tokio::test]
async fn a_hang_is_killed_at_the_deadline_and_its_outcome_is_unknown() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let first = handle.health().process_id;
    let began = Instant::now();
    let error =
        handle.submit(&revoke(RevocationReason::KeyCompromise), &key("a"), &within(400)).await.unwrap_err();
    let took = began.elapsed();
    assert_eq!(error.class, ErrorClass::UnknownOutcome, "{error}");
    assert!(took >= Duration::from_millis(390) && took < Duration::from_millis(1500), "{took:?}");
    let health = replaced(&handle, first).await;
    assert_eq!(health.kills, 1);
    assert!(matches!(health.last_ending, Some(Ending::Killed(_))));
    assert!(!std::path::Path::new(&format!("/proc/{}", first.unwrap())).exists());
}

#[tokio::test]
async fn a_plugin_that_heeds_its_cancel_flag_is_not_killed() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let request = revoke(RevocationReason::PrivilegeWithdrawn);
    let error = handle.submit(&request, &key("a"), &within(600)).await.unwrap_err();
    assert_eq!((error.class, handle.health().kills), (ErrorClass::Retryable, 0));
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_its_call() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let request = revoke(RevocationReason::PrivilegeWithdrawn);
    let call = tokio::spawn({
        let handle = handle.clone();
        async move { handle.submit(&request, &key("a"), &within(1000)).await }
    });
    eventually(&handle, |health| health.inside == 1).await;
    call.abort();
    eventually(&handle, |health| health.inside == 0).await;
    assert_eq!(handle.health().restarts, 0);
}

#[tokio::test]
async fn what_the_contract_does_not_know_is_an_unknown_outcome_of_a_change_and_unhealthy_otherwise() {
    let folder = tempdir().unwrap();
    let mut settings = faulty(&folder);
    settings.limits.reply_octets = 10_000;
    let handle = start(settings, &services()).await.unwrap();
    for reason in [RevocationReason::CessationOfOperation, RevocationReason::AffiliationChanged] {
        let error = handle.submit(&revoke(reason), &key("a"), &within(1000)).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::UnknownOutcome, "{error}");
    }
    let deep = handle.submit(&Request::CaCertificates(Empty {}), &key("a"), &within(1000)).await.unwrap_err();
    assert_eq!(deep.class, ErrorClass::Unhealthy, "{deep}");
    let large = handle.submit(&Request::Crl(Empty {}), &key("a"), &within(1000)).await.unwrap_err();
    assert_eq!(large.class, ErrorClass::Limit, "{large}");
    assert_eq!(handle.health().restarts, 0);
}

#[tokio::test]
async fn host_functions_from_a_foreign_thread_or_with_a_foreign_buffer_do_nothing() {
    let folder = tempdir().unwrap();
    let services = services();
    let handle = start(faulty(&folder), &services).await.unwrap();
    let request = Request::Timestamp(DerRequest { request: vec![].into() });
    handle.submit(&request, &key("a"), &within(2000)).await.unwrap();
    assert!(!services.lines().iter().any(|(source, _)| *source == LogSource::Adapter { event_id: 99 }));
}

#[tokio::test]
async fn secrets_are_masked_wherever_the_plugin_writes_them() {
    let folder = tempdir().unwrap();
    let services = services();
    let handle = start(faulty(&folder), &services).await.unwrap();
    assert_eq!(handle.probe(&within(2000)).await.unwrap().text.unwrap(), "secret of 15 bytes");
    handle.shutdown().await;
    let lines = services.lines();
    for source in [LogSource::StandardOutput, LogSource::StandardError, LogSource::Adapter { event_id: 5 }] {
        let line = lines.iter().find(|(from, _)| *from == source).unwrap_or_else(|| panic!("{source:?}"));
        assert!(line.1.ends_with("[secret]"), "{line:?}");
    }
    assert!(lines.iter().all(|(_, text)| !text.contains("hunter2")));
}

#[tokio::test]
async fn more_calls_than_threads_wait_and_more_than_the_queue_are_refused_with_nothing_sent() {
    let folder = tempdir().unwrap();
    let mut settings = settings(&c_plugin(&folder, "faulty", &["THREADING=CA_THREADING_SERIAL"]), json!({}));
    settings.limits.queue = 1;
    let handle = start(settings, &services()).await.unwrap();
    let slow = |name: &'static str| {
        let handle = handle.clone();
        tokio::spawn(async move {
            handle.submit(&revoke(RevocationReason::CaCompromise), &key(name), &within(5000)).await
        })
    };
    let first = slow("a");
    eventually(&handle, |health| health.inside == 1).await;
    let second = slow("b");
    eventually(&handle, |health| health.waiting == 1).await;
    let refused = handle.submit(&status(), &key("c"), &within(5000)).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Limit);
    assert!(refused.retry_after_ms.is_some());
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_call_that_was_waiting_when_its_time_was_over_was_certainly_not_done() {
    let folder = tempdir().unwrap();
    let library = c_plugin(&folder, "faulty", &["THREADING=CA_THREADING_SERIAL"]);
    let handle = start(settings(&library, json!({})), &services()).await.unwrap();
    let slow = tokio::spawn({
        let handle = handle.clone();
        async move { handle.submit(&revoke(RevocationReason::CaCompromise), &key("a"), &within(5000)).await }
    });
    eventually(&handle, |health| health.inside == 1).await;
    let request = revoke(RevocationReason::Unspecified);
    let error = handle.submit(&request, &key("b"), &within(100)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Retryable, "{error}");
    assert!(slow.await.unwrap().is_ok());
    assert_eq!(handle.health().kills, 0);
}

#[tokio::test]
async fn each_threading_is_kept() {
    let folder = tempdir().unwrap();
    for (threading, concurrency) in [(1, 1), (2, 4), (3, 4)] {
        let library = c_plugin(&folder, "faulty", &[&format!("THREADING={threading}")]);
        let handle = start(settings(&library, json!({})), &services()).await.unwrap();
        assert_eq!(handle.info().concurrency, concurrency);
        let calls: Vec<_> = (0..40)
            .map(|_| {
                let handle = handle.clone();
                tokio::spawn(async move { handle.submit(&status(), &key("a"), &within(5000)).await })
            })
            .collect();
        for call in calls {
            // The plugin aborts when it is called on a thread that its threading forbids.
            call.await.unwrap().unwrap();
        }
        handle.shutdown().await;
        assert_eq!(handle.health().state, ProcessState::Stopped);
    }
}

#[tokio::test]
async fn shutting_down_lets_what_is_inside_finish_and_takes_nothing_new() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let process_id = handle.health().process_id.unwrap();
    let inside = tokio::spawn({
        let handle = handle.clone();
        async move { handle.submit(&revoke(RevocationReason::CaCompromise), &key("a"), &within(5000)).await }
    });
    eventually(&handle, |health| health.inside == 1).await;
    handle.shutdown().await;
    assert!(matches!(inside.await.unwrap(), Ok(Submitted::Done { .. })));
    let late = handle.submit(&status(), &key("b"), &within(1000)).await.unwrap_err();
    assert_eq!(late.class, ErrorClass::Retryable);
    let health = handle.health();
    assert_eq!((health.last_ending, health.state), (Some(Ending::Closed), ProcessState::Stopped));
    assert!(!std::path::Path::new(&format!("/proc/{process_id}")).exists());
}

#[tokio::test]
async fn a_handle_that_is_dropped_leaves_no_process_behind() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let process = format!("/proc/{}", handle.health().process_id.unwrap());
    drop(handle);
    for _ in 0..500 {
        if !std::path::Path::new(&process).exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{process} is still there");
}

/// Plays a broker with a call that hangs inside its plugin, for the test below, in a process of its own.
#[tokio::test]
#[ignore = "run by the_worker_dies_with_its_broker"]
async fn a_broker_that_will_be_killed() {
    let folder = tempdir().unwrap();
    let handle = start(faulty(&folder), &services()).await.unwrap();
    let call = tokio::spawn({
        let handle = handle.clone();
        async move { handle.submit(&revoke(RevocationReason::KeyCompromise), &key("a"), &within(60_000)).await }
    });
    eventually(&handle, |health| health.inside == 1).await;
    println!("worker {}", handle.health().process_id.unwrap());
    call.await.unwrap().unwrap_err();
}

#[test]
fn the_worker_dies_with_its_broker_even_while_its_plugin_hangs() {
    let mut broker = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_broker_that_will_be_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(broker.stdout.take().unwrap()).lines();
    let worker =
        lines.map(Result::unwrap).find_map(|line| Some(line.split_once("worker ")?.1.to_owned())).unwrap();
    let process = format!("/proc/{worker}/stat");
    // A zombie whose new parent has not reaped it yet is dead too.
    let lives = || std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(lives());
    broker.kill().unwrap();
    broker.wait().unwrap();
    let began = Instant::now();
    while lives() {
        assert!(began.elapsed() < Duration::from_secs(5), "the worker {worker} outlives its broker");
        std::thread::sleep(Duration::from_millis(10));
    }
}
