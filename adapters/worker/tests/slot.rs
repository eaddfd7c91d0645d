//! A new version takes over from the old one under load, and no call fails by it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use support::{Services, c_plugin, eventually, key, revoke, settings, start, status, within};
use tempfile::{TempDir, tempdir};
use tokio::task::JoinHandle;
use yinqiao_ca_sdk::messages::RevocationReason;
use yinqiao_ca_worker::{AdapterHandle, AdapterSettings, AdapterSlot, ProcessState, StartError};

/// Two builds of one plugin.
struct Builds {
    _folder: TempDir,
    libraries: [PathBuf; 2],
}

impl Builds {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let build = |version: &str| {
            let built = c_plugin(&folder, "moody", &[&format!("VERSION=\"{version}\"")]);
            let named = folder.path().join(format!("moody-{version}.so"));
            std::fs::rename(built, &named).unwrap();
            named
        };
        let libraries = [build("1"), build("2")];
        Self { _folder: folder, libraries }
    }

    fn settings(&self, version: usize) -> AdapterSettings {
        settings(&self.libraries[version - 1], json!({}))
    }

    async fn start(&self, version: usize) -> Arc<AdapterHandle> {
        start(self.settings(version), &Services::with(&[])).await.unwrap()
    }
}

/// Tasks that call the present handle without a pause until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(slot: &Arc<AdapterSlot>) -> Self {
        let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..4).map(|_| {
            let (slot, stop, calls) = (slot.clone(), stop.clone(), calls.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let present = slot.present();
                    // Whatever happens between taking the handle and calling it must not matter.
                    tokio::task::yield_now().await;
                    present.submit(&status(), &key("a"), &within(10_000)).await.unwrap();
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Self { tasks: tasks.collect(), stop, calls }
    }

    /// Waits for a call that begins and ends from now on.
    async fn goes_on(&self) {
        // Each task may be inside a call that began before.
        let enough = self.calls.load(Ordering::Relaxed) + self.tasks.len() as u64 + 1;
        while self.calls.load(Ordering::Relaxed) < enough {
            assert!(!self.tasks.iter().any(JoinHandle::is_finished), "a call failed");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Fails when any call did.
    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.calls.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_upgrades_in_a_row_under_load_fail_no_call() {
    let builds = Builds::new();
    let slot = Arc::new(AdapterSlot::new(builds.start(1).await));
    let load = Load::on(&slot);
    for upgrade in 1..=100 {
        let version = 1 + upgrade % 2;
        let new = builds.start(version).await;
        assert_eq!(new.probe(&within(5000)).await.unwrap().text.unwrap(), version.to_string());
        let old = slot.replace(new);
        AdapterSlot::drain(old, Duration::from_secs(20)).await.unwrap();
        load.goes_on().await;
        assert_eq!(slot.present().info().version, version.to_string());
    }
    let calls = load.end().await;
    assert!(calls >= 100, "{calls}");
    let present = slot.present();
    assert_eq!(present.statistics().restarts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_new_version_never_takes_over_and_the_old_one_goes_on() {
    let builds = Builds::new();
    let slot = Arc::new(AdapterSlot::new(builds.start(1).await));
    let load = Load::on(&slot);

    let refused = c_plugin(&builds._folder, "moody", &["MAJOR=2"]);
    let error = start(settings(&refused, json!({})), &Services::with(&[])).await.unwrap_err();
    assert!(error.is_final(), "{error}");

    let mut crashes = builds.settings(2);
    crashes.configuration = json!({"mode": "crash in open"});
    let error = start(crashes, &Services::with(&[])).await.unwrap_err();
    assert!(matches!(error, StartError::Process { .. }), "{error}");

    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("sick"), r#"{"text": "not today"}"#).unwrap();
    let mut sick = builds.settings(2);
    sick.configuration = json!({"directory": folder.path()});
    let new = start(sick, &Services::with(&[])).await.unwrap();
    assert!(new.probe(&within(5000)).await.unwrap_err().text.contains("not today"));
    new.shutdown().await;

    assert!(load.end().await > 0);
    let present = slot.present();
    assert_eq!((present.info().version.as_str(), present.health().restarts), ("1", 0));
}

#[tokio::test]
async fn a_handle_that_is_still_held_is_not_shut_down() {
    let builds = Builds::new();
    let slot = AdapterSlot::new(builds.start(1).await);
    let held = slot.present();
    let slow = tokio::spawn(async move {
        held.submit(&revoke(RevocationReason::Unspecified), &key("a"), &within(5000)).await.map(drop)
    });
    eventually(&slot.present(), |health| health.inside == 1).await;
    let old = slot.replace(builds.start(2).await);
    let in_use = AdapterSlot::drain(old, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!((in_use.holders, in_use.inside), (1, 1));
    assert!(in_use.to_string().contains("1 calls are inside"), "{in_use}");
    let process = in_use.handle.health().process_id.unwrap();
    AdapterSlot::drain(in_use.handle, Duration::from_secs(5)).await.unwrap();
    slow.await.unwrap().unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
    assert_eq!(slot.present().health().state, ProcessState::Ready);
}
