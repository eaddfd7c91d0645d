//! Sessions come and go, and the disk does not grow.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use yinqiao::store::conformance::{Heard, fixture};
use yinqiao::store::sled::SledStore;
use yinqiao::store::{EventSink, SessionStore};
use yinqiao_protocol::event::Event;
use yinqiao_protocol::{RelyingPartyId, SessionId};

const CLIENTS: usize = 64;

struct Deaf;

impl EventSink for Deaf {
    fn publish(&self, _: &RelyingPartyId, _: Arc<Event>) {}
}

fn bytes_in(directory: &Path) -> u64 {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Opens, claims, completes and acknowledges; answers with how long each commit took.
async fn live(store: &SledStore, rp: &RelyingPartyId) -> (SessionId, [Duration; 4]) {
    let mut took = [Duration::ZERO; 4];
    let mut change = fixture::open(fixture::waiting(rp));
    for step in 0..4 {
        let begun = Instant::now();
        let stored = store.commit(vec![change]).await.unwrap().remove(0);
        took[step] = begun.elapsed();
        change = match step {
            0 => fixture::claim(&stored, "holder"),
            1 => fixture::complete(&stored, 2).unwrap(),
            2 => fixture::acknowledge(&stored),
            _ => return (stored.record.id, took),
        };
    }
    unreachable!("the last step returns")
}

/// Lets `sessions` come and go, each removed when its client has had ten more; answers with the most bytes seen on disk.
fn churn(directory: &Path, sessions: usize) -> u64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = SledStore::open(directory, Arc::new(Deaf)).unwrap();
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let store = store.clone();
            runtime.spawn(async move {
                let rp = "rp".parse().unwrap();
                let (mut times, mut ended) = (Vec::new(), Vec::new());
                for _ in 0..sessions / CLIENTS {
                    let (id, took) = live(&store, &rp).await;
                    times.extend(took);
                    ended.push((id, 4));
                    if ended.len() == 10 {
                        assert_eq!(store.remove(std::mem::take(&mut ended)).await.unwrap(), 10);
                    }
                }
                assert_eq!(store.remove(ended.clone()).await.unwrap(), ended.len());
                (times, begun.elapsed())
            })
        })
        .collect();
    let mut most = 0;
    while clients.iter().any(|client| !client.is_finished()) {
        std::thread::sleep(Duration::from_millis(100));
        most = most.max(bytes_in(directory));
    }
    let (mut times, mut elapsed) = (Vec::new(), Duration::ZERO);
    for client in clients {
        let (took, ended) = runtime.block_on(client).unwrap();
        times.extend(took);
        elapsed = elapsed.max(ended);
    }
    let figures = store.figures();
    times.sort();
    println!(
        "{:.0} commits/s from {CLIENTS} clients, {:.1} per batch, median {:?}, 99th of 100 {:?}; flush and sync {:?} \
         per batch; at most {} KiB on disk",
        figures.commits as f64 / elapsed.as_secs_f64(),
        figures.commits as f64 / figures.batches as f64,
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        figures.sync_time / u32::try_from(figures.batches).unwrap(),
        most / 1024,
    );
    assert!(runtime.block_on(store.deadlines()).unwrap().is_empty());
    most
}

#[test]
fn two_thousand_sessions_come_and_go_in_a_bounded_space() {
    let directory = tempfile::tempdir().unwrap();
    assert!(churn(directory.path(), 2000) < 32 * 1024 * 1024);
}

#[test]
#[ignore = "takes a while: run it with --ignored, and --release for numbers that mean something"]
fn twenty_thousand_sessions_leave_the_disk_as_they_found_it() {
    let directory = tempfile::tempdir().unwrap();
    let most = churn(directory.path(), 20_000);
    assert!(most < 48 * 1024 * 1024, "{most} bytes");
    let again = churn(directory.path(), 20_000);
    assert!(again < 48 * 1024 * 1024, "{again} bytes the second time");
}

#[test]
#[ignore = "takes a while"]
fn reopening_again_and_again_does_not_grow_either() {
    let directory = tempfile::tempdir().unwrap();
    drop(SledStore::open(directory.path(), Arc::new(Heard::default())).unwrap());
    for _ in 0..30 {
        assert!(churn(directory.path(), 128) < 32 * 1024 * 1024);
    }
}
