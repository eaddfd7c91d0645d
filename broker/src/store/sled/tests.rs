//! The writer's order of steps, and what happens when one of them fails. What every store must do is tested in
//! `tests/store_conformance.rs`.

use std::sync::mpsc;

use sled::{Batch, Tree};
use yinqiao_protocol::event::Event;

use super::*;
use crate::store::Write;
use crate::store::conformance::{Heard, fixture};

type Steps = Arc<Mutex<Vec<String>>>;

/// The real way to the disk, written down, and failing or waiting where a test says so.
struct Watched {
    disk: Disk,
    steps: Steps,
    /// The step that fails from now on; none when empty.
    failing: Arc<Mutex<&'static str>>,
    /// Each sync says that it has begun and waits for a word.
    gate: Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>,
}

impl Watched {
    fn step(&self, name: &'static str) -> Result<(), String> {
        self.steps.lock().unwrap().push(name.to_owned());
        if *self.failing.lock().unwrap() == name { Err(format!("{name} failed")) } else { Ok(()) }
    }
}

impl Durability for Watched {
    fn apply(&mut self, tree: &Tree, batch: Batch) -> Result<(), String> {
        self.step("apply").and_then(|()| self.disk.apply(tree, batch))
    }

    fn flush(&mut self, tree: &Tree) -> Result<(), String> {
        self.step("flush").and_then(|()| self.disk.flush(tree))
    }

    fn sync(&mut self) -> Result<(), String> {
        if let Some((begun, go)) = &self.gate {
            begun.send(()).unwrap();
            go.recv().unwrap();
        }
        self.step("sync").and_then(|()| self.disk.sync())
    }
}

/// Writes down what is published.
struct Loud(Steps);

impl EventSink for Loud {
    fn publish(&self, _: &RelyingPartyId, event: Arc<Event>) {
        self.0.lock().unwrap().push(format!("publish {}", event.sequence));
    }
}

struct Fixture {
    store: SledStore,
    steps: Steps,
    failing: Arc<Mutex<&'static str>>,
    rp: RelyingPartyId,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with_gate(None)
    }

    fn with_gate(gate: Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The first batch, the format's number, is written without the watching.
        drop(SledStore::open(folder.path(), Arc::new(Heard::default())).unwrap());
        let db = open_tree(folder.path()).unwrap();
        let (steps, failing) = (Steps::default(), Arc::new(Mutex::new("")));
        let watched = Watched {
            disk: Disk::new(folder.path()).unwrap(),
            steps: Arc::clone(&steps),
            failing: Arc::clone(&failing),
            gate,
        };
        let store = SledStore::start(&db, watched, Arc::new(Loud(Arc::clone(&steps)))).unwrap();
        Self { store, steps, failing, rp: "rp".parse().unwrap(), folder }
    }

    fn gated() -> (Self, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let ((begun, has_begun), (go, may_go)) = (mpsc::channel(), mpsc::channel());
        (Self::with_gate(Some((begun, may_go))), has_begun, go)
    }

    async fn open(&self) -> Result<StoredSession, StoreError> {
        let stored = self.store.commit(vec![fixture::open(fixture::waiting(&self.rp))]).await?;
        Ok(stored.into_iter().next().unwrap())
    }

    /// Commits on a task of its own.
    fn spawn(
        &self,
        change: SessionChange,
    ) -> tokio::task::JoinHandle<Result<Vec<StoredSession>, StoreError>> {
        let store = self.store.clone();
        tokio::spawn(async move { store.commit(vec![change]).await })
    }

    /// Returns when `count` commits wait for the writer.
    async fn until_waiting(&self, count: usize) {
        while self.store.inner.shared.queue.len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn numbers(&self) -> Vec<u64> {
        let page = self.store.events(self.rp.clone(), EventsOf::RelyingParty, 0, 1000).await.unwrap();
        page.events.iter().map(|event| event.sequence).collect()
    }
}

fn unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>, word: &str) {
    match outcome {
        Err(StoreError::Unavailable(reason)) => assert!(reason.contains(word), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_batch_is_applied_flushed_synced_published_and_then_answered() {
    let fixture = Fixture::new();
    for round in 1..=3 {
        fixture.open().await.unwrap();
        fixture.steps.lock().unwrap().push("answer".to_owned());
        let steps = std::mem::take(&mut *fixture.steps.lock().unwrap());
        assert_eq!(steps, ["apply", "flush", "sync", &format!("publish {round}"), "answer"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_or_hears_of_a_change_before_it_is_synced() {
    let (fixture, has_begun, go) = Fixture::gated();
    go.send(()).unwrap();
    let session = fixture.open().await.unwrap();
    has_begun.recv().unwrap();
    fixture.steps.lock().unwrap().clear();

    let claimed = fixture.spawn(fixture::claim(&session, "holder"));
    let unheard = fixture::waiting(&fixture.rp);
    has_begun.recv().unwrap();
    let late = fixture.spawn(fixture::claim(&session, "late"));
    assert_eq!(*fixture.steps.lock().unwrap(), ["apply", "flush"]);
    assert_eq!(fixture.store.session(session.record.id).await.unwrap(), Some(session.clone()));
    assert_eq!(fixture.store.session(unheard.id).await.unwrap(), None);
    assert_eq!(fixture.store.deadlines().await.unwrap()[0].version, 1);
    assert_eq!(fixture.numbers().await, [1]);
    assert!(!claimed.is_finished() && !late.is_finished());

    go.send(()).unwrap();
    let claimed = claimed.await.unwrap().unwrap();
    assert_eq!(fixture.store.session(session.record.id).await.unwrap().as_ref(), claimed.first());
    assert_eq!(fixture.numbers().await, [1, 2]);
    assert!(matches!(late.await.unwrap(), Err(StoreError::Conflict)));
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_one_moment_share_a_sync_and_may_conflict_with_each_other() {
    let (fixture, has_begun, go) = Fixture::gated();
    let first = fixture.spawn(fixture::open(fixture::waiting(&fixture.rp)));
    has_begun.recv().unwrap();
    let same = fixture::open(fixture::waiting(&fixture.rp));
    let others: Vec<_> = (0..50)
        .map(|_| fixture.spawn(fixture::open(fixture::waiting(&fixture.rp))))
        .chain((0..2).map(|_| fixture.spawn(same.clone())))
        .collect();
    fixture.until_waiting(52).await;
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    first.await.unwrap().unwrap();
    let mut refused = 0;
    for other in others {
        refused += usize::from(other.await.unwrap().is_err());
    }
    assert_eq!(refused, 1);
    assert_eq!(fixture.numbers().await, (1..=52).collect::<Vec<_>>());
    let figures = fixture.store.figures();
    assert_eq!((figures.commits, figures.batches), (53, 2));
    assert!(figures.sync_time > Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_nothing_is_stored_any_more_and_reads_go_on() {
    for failing in ["apply", "flush", "sync"] {
        let fixture = Fixture::new();
        let session = fixture.open().await.unwrap();
        fixture.steps.lock().unwrap().clear();
        *fixture.failing.lock().unwrap() = failing;
        unavailable(fixture.store.commit(vec![fixture::claim(&session, "holder")]).await, failing);
        *fixture.failing.lock().unwrap() = "";
        unavailable(fixture.open().await, "restart");
        unavailable(fixture.store.remove(vec![(session.record.id, 1)]).await, "restart");
        unavailable(fixture.store.change(Vec::new()).await, "restart");

        let tried = fixture.steps.lock().unwrap().clone();
        assert_eq!(tried.last().map(String::as_str), Some(failing), "nothing is tried again");
        assert!(fixture.store.failure().unwrap().contains("check the disk"));
        assert_eq!(fixture.store.session(session.record.id).await.unwrap(), Some(session.clone()));
        assert_eq!(fixture.store.deadlines().await.unwrap()[0].version, 1);
        assert_eq!(fixture.numbers().await, [1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_wait_hear_of_a_failure() {
    let (fixture, has_begun, go) = Fixture::gated();
    let waiting: Vec<_> =
        (0..20).map(|_| fixture.spawn(fixture::open(fixture::waiting(&fixture.rp)))).collect();
    has_begun.recv().unwrap();
    *fixture.failing.lock().unwrap() = "sync";
    go.send(()).unwrap();
    for outcome in waiting {
        unavailable(outcome.await.unwrap(), "sync failed");
    }
    assert!(!fixture.steps.lock().unwrap().iter().any(|step| step.starts_with("publish")));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_writes_what_waits_and_refuses_what_comes() {
    let (fixture, has_begun, go) = Fixture::gated();
    let first = fixture.spawn(fixture::open(fixture::waiting(&fixture.rp)));
    has_begun.recv().unwrap();
    let second = fixture.spawn(fixture::open(fixture::waiting(&fixture.rp)));
    fixture.until_waiting(1).await;
    go.send(()).unwrap();
    go.send(()).unwrap();
    fixture.store.close();
    fixture.store.close();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    unavailable(fixture.open().await, "closed");
    assert_eq!(fixture.numbers().await, [1, 2]);
}

#[tokio::test]
async fn a_store_is_dropped_while_somebody_holds_an_unfinished_commit() {
    let fixture = Fixture::new();
    let store = fixture.store.clone();
    let mut commit = store.commit(vec![fixture::open(fixture::waiting(&fixture.rp))]);
    std::future::poll_fn(|context| {
        assert!(commit.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    fixture.store.close();
    commit.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_writer_that_is_gone() {
    struct Panicking;
    impl EventSink for Panicking {
        fn publish(&self, _: &RelyingPartyId, _: Arc<Event>) {
            panic!("the sink is broken");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), Arc::new(Panicking)).unwrap();
    let change = || fixture::open(fixture::waiting(&"rp".parse().unwrap()));
    unavailable(store.commit(vec![change()]).await, "writer has stopped");
    unavailable(store.commit(vec![change()]).await, "writer has stopped");
    assert_eq!(store.deadlines().await.unwrap().len(), 1);
}

#[tokio::test]
async fn large_values_leave_no_files_beside_the_log() {
    let fixture = Fixture::new();
    let mut sessions = Vec::new();
    for _ in 0..40 {
        sessions.push(fixture.open().await.unwrap());
    }
    for (number, session) in sessions.iter().enumerate() {
        let stored =
            fixture.store.commit(vec![fixture::complete(session, 25 * number).unwrap()]).await.unwrap();
        fixture.store.commit(vec![fixture::renew_token(&stored[0], "next")]).await.unwrap();
    }
    for number in 0..200u32 {
        let key = [&number.to_be_bytes()[..], &[7; keys::LONGEST_RECORD_KEY - 4]].concat();
        let write = Write::Put(vec![9; 4096]);
        fixture
            .store
            .change(vec![RecordChange { collection: Collection::Enrolment, key, expected: 0, write }])
            .await
            .unwrap();
    }
    assert_eq!(std::fs::read_dir(fixture.folder.path().join("blobs")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused() {
    let fixture = Fixture::new();
    let key = vec![7; keys::LONGEST_RECORD_KEY + 1];
    let change =
        RecordChange { collection: Collection::Enrolment, key, expected: 0, write: Write::Put(Vec::new()) };
    unavailable(fixture.store.change(vec![change]).await, "1025 bytes");
}

#[test]
fn a_directory_in_use_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let first = SledStore::open(folder.path(), Arc::new(Heard::default())).unwrap();
    unavailable(
        SledStore::open(folder.path(), Arc::new(Heard::default())).map(drop),
        "in use by another process",
    );
    drop(first);
    SledStore::open(folder.path(), Arc::new(Heard::default())).unwrap();
}

#[test]
fn a_directory_with_other_content_is_refused() {
    for (key, value) in [(keys::FORMAT, &[0, 0, 0, 2][..]), (b"something", b"else")] {
        let folder = tempfile::tempdir().unwrap();
        let db = sled::open(folder.path()).unwrap();
        db.insert(key, value).unwrap();
        drop(db);
        let outcome = SledStore::open(folder.path(), Arc::new(Heard::default()));
        assert!(matches!(outcome.map(drop), Err(StoreError::Corrupt(_))));
    }
}
