//! A plugin that writes frames on its worker's socket by itself cannot make the broker work or grow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{c_plugin, eventually, key, revoke, settings, within};
use tempfile::tempdir;
use yinqiao_ca_sdk::ErrorClass;
use yinqiao_ca_sdk::messages::{AdapterError, RevocationReason};
use yinqiao_ca_worker::{AdapterHandle, Ending, HostServices, LogLine, Submitted};
use zeroize::Zeroizing;

/// Counts what is asked of it; its secrets lie somewhere slow.
#[derive(Default)]
struct Counting {
    lines: AtomicU64,
    read: AtomicU64,
}

impl HostServices for Counting {
    fn log(&self, _: LogLine<'_>) {
        self.lines.fetch_add(1, Ordering::Relaxed);
    }

    fn secret(&self, _: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.read.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(20));
        (name == "password").then(|| Zeroizing::new(b"hunter2".to_vec()))
    }
}

/// What becomes of a revocation for that reason.
async fn flood(
    reason: RevocationReason,
) -> (Arc<Counting>, Arc<AdapterHandle>, Result<Submitted, AdapterError>) {
    let folder = tempdir().unwrap();
    let services = Arc::new(Counting::default());
    let settings = settings(&c_plugin(&folder, "flooder", &[]), json!({}));
    let handle = AdapterHandle::start(settings, services.clone()).await.unwrap();
    let outcome = handle.submit(&revoke(reason), &key("a"), &within(30_000)).await;
    (services, handle, outcome)
}

// One thread: what blocks it is seen by everybody.
#[tokio::test]
async fn a_worker_that_asks_for_secrets_without_end_is_ended_with_the_reason() {
    let began = Instant::now();
    let (services, handle, outcome) = flood(RevocationReason::Superseded).await;
    assert_eq!(outcome.unwrap_err().class, ErrorClass::UnknownOutcome);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let health = eventually(&handle, |health| health.restarts == 1).await;
    let Some(Ending::Protocol(reason)) = health.last_ending else { panic!("{:?}", health.last_ending) };
    assert!(reason.contains("more than 20 secrets"), "{reason}");
    assert!(services.read.load(Ordering::Relaxed) <= 20);
}

#[tokio::test]
async fn a_frame_of_the_log_that_no_worker_writes_ends_the_worker() {
    let (_, handle, outcome) = flood(RevocationReason::KeyCompromise).await;
    assert_eq!(outcome.unwrap_err().class, ErrorClass::UnknownOutcome);
    let health = eventually(&handle, |health| health.restarts == 1).await;
    let Some(Ending::Protocol(reason)) = health.last_ending else { panic!("{:?}", health.last_ending) };
    assert!(reason.contains("of which 8256 are allowed"), "{reason}");
}

#[tokio::test]
async fn a_worker_that_logs_without_end_is_read_no_faster_than_it_may_log() {
    let (services, handle, outcome) = flood(RevocationReason::CaCompromise).await;
    outcome.unwrap();
    let statistics = handle.statistics();
    let read = statistics.log_lines + statistics.log_lines_dropped;
    // Three seconds, what the socket held, and the second that was under way.
    assert!((20_000..=140_000).contains(&read), "{read}");
    assert!(services.lines.load(Ordering::Relaxed) < 5000);
    assert_eq!(handle.health().restarts, 0);
}

#[tokio::test]
async fn one_secret_is_read_once_a_second_however_often_it_is_asked_for() {
    let (services, handle, outcome) = flood(RevocationReason::AffiliationChanged).await;
    outcome.unwrap();
    let read = services.read.load(Ordering::Relaxed);
    // In two to three seconds.
    assert!((2..=4).contains(&read), "{read}");
    assert_eq!(handle.health().restarts, 0);
}
