use std::sync::Arc;

use serde::{Deserialize, Serialize};

use yinqiao_lifecycle::{Actor, AuditNote, Job, JobKind};
use yinqiao_protocol::{OrderId, Timestamp};

use super::aggregates::AuditRecord;
use super::*;
use crate::store::conformance::Heard;
use crate::store::sled::SledStore;

/// A record of these tests, found by its owner.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Parcel {
    name: String,
    owner: String,
    at: Timestamp,
}

impl Aggregate for Parcel {
    const COLLECTION: Collection = Collection::Order;

    fn key(&self) -> Vec<u8> {
        self.name.clone().into_bytes()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::falling(Index::OrderByUser, self.owner.as_bytes(), self.at)]
    }
}

struct Fixture {
    repository: Repository,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path(), Arc::new(Heard::default())).unwrap();
        let clock = Clock::simulated(Timestamp::from_millis(1_000_000));
        Self { repository: Repository::new(Arc::new(store), clock), _folder: folder }
    }

    async fn put(&self, name: &str, owner: &str, seconds: i64) {
        let parcel = parcel(name, owner, seconds);
        self.change(name, |_| Some(parcel.clone())).await.unwrap();
    }

    async fn change(
        &self,
        name: &str,
        next: impl Fn(Option<Parcel>) -> Option<Parcel>,
    ) -> Result<(), StoreError> {
        self.repository
            .transact(async |transaction| {
                let found = transaction.get::<Parcel>(name.as_bytes()).await?;
                match (next(found.as_ref().map(|found| found.value.clone())), &found) {
                    (Some(next), found) => transaction.put(found.as_ref(), &next)?,
                    (None, Some(found)) => transaction.remove(found),
                    (None, None) => {}
                }
                Ok(())
            })
            .await
    }

    async fn of(&self, owner: &str) -> Vec<String> {
        let found = self.repository.all::<Parcel>(&prefix(owner)).await.unwrap();
        found.into_iter().map(|found| found.value.name).collect()
    }

    async fn notes(&self) -> Vec<AuditRecord> {
        let prefix = IndexPrefix::new(Index::AuditByTime, &[]);
        self.repository.all(&prefix).await.unwrap().into_iter().map(|found| found.value).collect()
    }
}

fn parcel(name: &str, owner: &str, seconds: i64) -> Parcel {
    Parcel { name: name.into(), owner: owner.into(), at: Timestamp::from_millis(seconds * 1000) }
}

fn prefix(owner: &str) -> IndexPrefix {
    IndexPrefix::new(Index::OrderByUser, owner.as_bytes())
}

#[tokio::test]
async fn a_record_is_found_by_what_it_holds_now_and_by_nothing_that_it_held_before() {
    let fixture = Fixture::new();
    fixture.put("a", "wang", 1).await;
    fixture.put("b", "wang", 2).await;
    fixture.put("c", "wan", 3).await;
    assert_eq!(fixture.of("wang").await, ["b", "a"]);
    fixture.put("a", "li", 4).await;
    assert_eq!((fixture.of("wang").await, fixture.of("li").await), (vec!["b".into()], vec!["a".into()]));
    fixture.put("a", "li", 4).await;
    fixture.change("a", |_| None).await.unwrap();
    assert_eq!(fixture.of("li").await, Vec::<String>::new());
    fixture.put("a", "li", 5).await;
    assert_eq!(fixture.of("li").await, ["a"]);
}

#[tokio::test]
async fn pages_hold_everything_once_and_the_last_one_has_no_cursor() {
    let fixture = Fixture::new();
    for number in 0..7 {
        fixture.put(&format!("p{number}"), "wang", number / 2).await;
    }
    let (mut names, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = fixture.repository.page::<Parcel>(&prefix("wang"), after.as_ref(), 3).await.unwrap();
        names.extend(page.items.into_iter().map(|found| found.value.name));
        pages += 1;
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!((pages, names), (3, ["p6", "p4", "p5", "p2", "p3", "p0", "p1"].map(String::from).to_vec()));
}

#[tokio::test]
async fn simultaneous_changes_are_decided_one_after_the_other() {
    let fixture = Arc::new(Fixture::new());
    fixture.put("a", "", 1).await;
    let local = tokio::task::LocalSet::new();
    for _ in 0..20 {
        let fixture = Arc::clone(&fixture);
        local.spawn_local(async move {
            let add = |found: Option<Parcel>| found.map(|found| Parcel { owner: found.owner + "x", ..found });
            fixture.change("a", add).await.unwrap();
        });
    }
    local.await;
    assert_eq!(fixture.of(&"x".repeat(20)).await, ["a"]);
}

#[tokio::test]
async fn a_refusal_changes_nothing_and_leaves_its_note() {
    let fixture = Fixture::new();
    let note = |action| AuditNote::new(action, "parcel/a", &Actor::System, Timestamp::from_millis(5));
    let outcome: Result<(), StoreError> = fixture
        .repository
        .transact(async |transaction| {
            transaction.put(None, &parcel("a", "wang", 1))?;
            transaction.note(note("parcel.accept"));
            transaction.note_refusal(note("parcel.refuse"));
            transaction.job(Job::new(JobKind::Issue(OrderId::random()), transaction.now()));
            Err(StoreError::Unavailable("refused".into()))
        })
        .await;
    assert!(outcome.is_err());
    assert_eq!(fixture.of("wang").await, Vec::<String>::new());
    let actions: Vec<_> = fixture.notes().await.into_iter().map(|record| record.note.action).collect();
    assert_eq!(actions, ["parcel.refuse"]);
    assert!(fixture.repository.scan::<Job>(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_job_that_is_asked_for_again_while_it_ends_is_not_lost() {
    let fixture = Fixture::new();
    let kind = JobKind::Issue(OrderId::random());
    let ask = async || {
        fixture
            .repository
            .transact(async |transaction| {
                let found = transaction.get::<Parcel>(b"a").await?;
                transaction.put(found.as_ref(), &parcel("a", "more", 1))?;
                transaction.job(Job::new(kind.clone(), transaction.now()));
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    };
    ask().await;
    let mut rounds = Vec::new();
    fixture
        .repository
        .transact(async |transaction| {
            let found = transaction.get::<Parcel>(b"a").await?.unwrap();
            rounds.push(found.value.owner.clone());
            if found.value.owner == "more" {
                // The one who ends it has read that all is done; before it is stored, someone asks for more.
                transaction.put(Some(&found), &parcel("a", "done", 1))?;
                transaction.finish(&kind);
                if rounds.len() == 1 {
                    ask().await;
                }
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    assert_eq!(rounds, ["more", "more"]);
    assert!(fixture.repository.scan::<Job>(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_decision_may_rest_on_what_it_does_not_change() {
    let fixture = Fixture::new();
    fixture.put("company", "active", 1).await;
    let mut rounds = 0;
    let outcome: Result<(), StoreError> = fixture
        .repository
        .transact(async |transaction| {
            rounds += 1;
            let company = transaction.get::<Parcel>(b"company").await?.unwrap();
            if company.value.owner != "active" {
                return Err(StoreError::Unavailable("it is being deleted".into()));
            }
            transaction.rest_on(&company);
            transaction.put(None, &parcel("order", "wang", 1))?;
            fixture.put("company", "deleted", 1).await;
            Ok(())
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
    assert_eq!((rounds, fixture.of("wang").await), (2, Vec::new()));
}
