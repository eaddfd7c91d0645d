//! Random histories: the embedded store answers like a plain model in memory, which itself does what every store must.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod memory;

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::sample::Index;

use yinqiao::store::conformance::{Heard, Subject, fixture};
use yinqiao::store::sled::SledStore;
use yinqiao::store::{
    Collection, EventSink, EventsOf, OpeningRecord, RecordChange, Records, SessionChange, SessionStore,
    StoreError, StoredSession, Write,
};
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

use self::memory::{Content, MemoryStore};

#[derive(Default)]
struct Memory(Arc<Mutex<Content>>);

impl Subject for Memory {
    type Store = MemoryStore;

    async fn open(&self, sink: Arc<dyn EventSink>) -> Result<Arc<MemoryStore>, StoreError> {
        Ok(Arc::new(MemoryStore::new(Arc::clone(&self.0), sink)))
    }
}

yinqiao::store_conformance!(Memory::default());

/// What becomes of a session that was stored earlier.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Claim,
    Complete(usize),
    Expire,
    Acknowledge,
    RenewToken,
}

/// One step of a history. A session is picked among all the states ever stored, so many picks are stale.
#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    OpenOpening(usize, usize),
    ExtendOpening(Index, Vec<(Index, Fate)>),
    Commit(Vec<(Index, Fate)>),
    CommitCurrent(Index, Fate),
    Remove(Vec<Index>),
    RemoveCurrent(Index),
    Records(Vec<(bool, u8, u64, Write)>),
    Reopen,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Claim),
        (0..12usize).prop_map(Fate::Complete),
        Just(Fate::Expire),
        Just(Fate::Acknowledge),
        Just(Fate::RenewToken),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let picks = || prop::collection::vec((any::<Index>(), fate()), 0..3);
    let write = prop_oneof![
        2 => (any::<u8>(), 0..9000usize).prop_map(|(byte, length)| Write::Put(vec![byte; length])),
        1 => Just(Write::Remove),
        1 => Just(Write::Keep),
    ];
    let record = (any::<bool>(), 0..4u8, 0..3u64, write);
    prop_oneof![
        3 => (0..2usize).prop_map(Step::Open),
        1 => (0..2usize, 1..4usize).prop_map(|(rp, count)| Step::OpenOpening(rp, count)),
        1 => (any::<Index>(), picks()).prop_map(|(opening, picks)| Step::ExtendOpening(opening, picks)),
        2 => picks().prop_map(Step::Commit),
        5 => (any::<Index>(), fate()).prop_map(|(index, fate)| Step::CommitCurrent(index, fate)),
        1 => prop::collection::vec(any::<Index>(), 1..4).prop_map(Step::Remove),
        3 => any::<Index>().prop_map(Step::RemoveCurrent),
        2 => prop::collection::vec(record, 1..3).prop_map(Step::Records),
        1 => Just(Step::Reopen),
    ]
}

/// Both stores, and what was put into them.
struct Pair {
    folder: tempfile::TempDir,
    sled: Option<SledStore>,
    memory: MemoryStore,
    heard: [Arc<Heard>; 2],
    parties: [RelyingPartyId; 2],
    stored: Vec<StoredSession>,
    openings: Vec<OpeningRecord>,
}

type Answer<T> = Result<T, String>;

fn answer<T>(outcome: Result<T, StoreError>) -> Answer<T> {
    outcome.map_err(|error| error.to_string())
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let heard = [Arc::new(Heard::default()), Arc::new(Heard::default())];
        Self {
            sled: Some(SledStore::open(folder.path(), Arc::clone(&heard[0]) as _).unwrap()),
            memory: MemoryStore::new(Arc::default(), Arc::clone(&heard[1]) as _),
            folder,
            heard,
            parties: ["rp".parse().unwrap(), "rp-2".parse().unwrap()],
            stored: Vec::new(),
            openings: Vec::new(),
        }
    }

    fn sled(&self) -> &SledStore {
        self.sled.as_ref().unwrap()
    }

    fn change(&self, index: Index, fate: Fate, current: bool) -> Option<SessionChange> {
        let mut stored = self.stored.get(index.index(self.stored.len().max(1)))?;
        if current {
            stored = self.stored.iter().rfind(|later| later.record.id == stored.record.id)?;
        }
        Some(match fate {
            Fate::Claim => fixture::claim(stored, "holder"),
            Fate::Complete(items) => fixture::complete(stored, items).unwrap(),
            Fate::Expire => fixture::expire(stored),
            Fate::Acknowledge => fixture::acknowledge(stored),
            Fate::RenewToken => fixture::renew_token(stored, "next"),
        })
    }

    fn changes(&self, picks: Vec<(Index, Fate)>) -> Vec<SessionChange> {
        picks.into_iter().filter_map(|(index, fate)| self.change(index, fate, false)).collect()
    }

    async fn commit(&mut self, opening: Option<OpeningRecord>, changes: Vec<SessionChange>) {
        let (sled, memory) = match opening.clone() {
            Some(opening) => (
                self.sled().commit_opening(opening.clone(), changes.clone()).await,
                self.memory.commit_opening(opening, changes).await,
            ),
            None => (self.sled().commit(changes.clone()).await, self.memory.commit(changes).await),
        };
        let (sled, memory) = (answer(sled), answer(memory));
        assert_eq!(sled, memory);
        if let Ok(stored) = memory {
            self.stored.extend(stored);
            self.openings.extend(opening);
        }
    }

    async fn remove(&self, named: Vec<(SessionId, u64)>) {
        let (sled, memory) = (self.sled().remove(named.clone()).await, self.memory.remove(named).await);
        assert_eq!(answer(sled), answer(memory));
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Open(rp) => {
                self.commit(None, vec![fixture::open(fixture::waiting(&self.parties[rp]))]).await
            }
            Step::OpenOpening(rp, count) => {
                let (opening, sessions) = fixture::opening(&self.parties[rp], count);
                self.commit(Some(opening), sessions.into_iter().map(fixture::open).collect()).await;
            }
            Step::ExtendOpening(index, picks) => {
                let Some(mut opening) = self.openings.get(index.index(self.openings.len().max(1))).cloned()
                else {
                    return;
                };
                opening.until = opening.until.plus_seconds(60);
                self.commit(Some(opening), self.changes(picks)).await;
            }
            Step::Commit(picks) => self.commit(None, self.changes(picks)).await,
            Step::CommitCurrent(index, fate) => {
                self.commit(None, self.change(index, fate, true).into_iter().collect()).await;
            }
            Step::Remove(picks) => {
                let pick = |index: Index| self.stored.get(index.index(self.stored.len().max(1)));
                let named = picks.into_iter().filter_map(pick);
                self.remove(named.map(|stored| (stored.record.id, stored.version)).collect()).await;
            }
            Step::RemoveCurrent(index) => {
                let current = self.change(index, Fate::RenewToken, true);
                self.remove(current.iter().map(|change| (change.record.id, change.expected)).collect()).await;
            }
            Step::Records(changes) => {
                let changes: Vec<RecordChange> = changes
                    .into_iter()
                    .map(|(seal, key, expected, write)| RecordChange {
                        collection: if seal { Collection::Seal } else { Collection::Enrolment },
                        key: vec![b'k'; usize::from(key)],
                        expected,
                        write,
                    })
                    .collect();
                let (sled, memory) =
                    (self.sled().change(changes.clone()).await, self.memory.change(changes).await);
                assert_eq!(answer(sled), answer(memory));
            }
            Step::Reopen => {
                self.sled = None;
                self.sled =
                    Some(SledStore::open(self.folder.path(), Arc::clone(&self.heard[0]) as _).unwrap());
            }
        }
    }

    /// Everything that can be read is the same on both sides.
    async fn compare(&self) {
        let (sled, memory) = (self.sled(), &self.memory);
        assert_eq!(sled.deadlines().await.unwrap(), memory.deadlines().await.unwrap());
        let mut filters = vec![EventsOf::RelyingParty, EventsOf::Session(SessionId::random())];
        filters.push(EventsOf::Opening(OpeningId::random()));
        for stored in &self.stored {
            let id = stored.record.id;
            assert_eq!(sled.session(id).await.unwrap(), memory.session(id).await.unwrap());
            filters.push(EventsOf::Session(id));
        }
        for opening in &self.openings {
            assert_eq!(sled.opening(opening.id).await.unwrap(), memory.opening(opening.id).await.unwrap());
            filters.push(EventsOf::Opening(opening.id));
        }
        for rp in &self.parties {
            assert_eq!(self.heard[0].of(rp), self.heard[1].of(rp));
            let last = self.heard[1].of(rp).len() as u64;
            for of in &filters {
                for (after, limit) in
                    [(0, 1000), (0, 3), (last / 2, 1000), (last / 2, 2), (last, 1000), (last + 1, 1000)]
                {
                    let found = sled.events(rp.clone(), *of, after, limit).await.unwrap();
                    assert_eq!(
                        found,
                        memory.events(rp.clone(), *of, after, limit).await.unwrap(),
                        "{of:?} {after}"
                    );
                }
            }
        }
        for collection in [Collection::Enrolment, Collection::Seal] {
            for (prefix, after) in
                [("", None), ("k", None), ("", Some(b"k".to_vec())), ("kk", Some(b"k".to_vec()))]
            {
                let read = async |store: &dyn Records| {
                    store.records(collection, prefix.into(), after.clone(), 3).await.unwrap()
                };
                assert_eq!(read(sled).await, read(memory).await);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_store_answers_like_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new();
            for step in steps {
                pair.take(step).await;
            }
            pair.compare().await;
            pair.take(Step::Reopen).await;
            pair.compare().await;
        });
    }
}
