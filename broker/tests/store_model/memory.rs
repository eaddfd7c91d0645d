//! A store in memory, as plain as can be: every event stays in one list and is only marked when it is removed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use yinqiao::session::record::State;
use yinqiao::store::{
    Collection, EventSink, EventsOf, OpeningRecord, RecordChange, Records, SessionChange, SessionDeadline,
    SessionStore, StoreError, StoreFuture, StoredRecord, StoredSession, Write,
};
use yinqiao_protocol::event::{Event, EventPage, Happening};
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

/// What is stored.
#[derive(Clone, Default)]
pub struct Content {
    sessions: BTreeMap<SessionId, StoredSession>,
    openings: BTreeMap<OpeningId, OpeningRecord>,
    events: BTreeMap<RelyingPartyId, Vec<(Event, bool)>>,
    records: BTreeMap<(u8, Vec<u8>), StoredRecord>,
}

/// The store.
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
    sink: Arc<dyn EventSink>,
}

impl MemoryStore {
    pub fn new(content: Arc<Mutex<Content>>, sink: Arc<dyn EventSink>) -> Self {
        Self { content, sink }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    fn commit_now(
        &self,
        opening: Option<OpeningRecord>,
        changes: Vec<SessionChange>,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let mut content = self.lock();
        let mut next = content.clone();
        let (mut answer, mut published) = (Vec::new(), Vec::new());
        for SessionChange { expected, record, happenings, at } in changes {
            let before = next.sessions.get(&record.id);
            if before.map_or(0, |stored| stored.version) != expected {
                return Err(StoreError::Conflict);
            }
            let mut sequence = before.map_or(0, |stored| stored.sequence);
            let log = next.events.entry(record.relying_party.id.clone()).or_default();
            for happening in happenings {
                sequence = log.len() as u64 + 1;
                let event = Event { sequence, session: record.id, opening: record.opening, at, happening };
                log.push((event.clone(), false));
                published.push((record.relying_party.id.clone(), event));
            }
            let stored = StoredSession { version: expected + 1, sequence, record };
            next.sessions.insert(stored.record.id, stored.clone());
            answer.push(stored);
        }
        if let Some(opening) = opening {
            if !opening.sessions.iter().any(|id| next.sessions.contains_key(id)) {
                return Err(StoreError::Conflict);
            }
            next.openings.insert(opening.id, opening);
        }
        *content = next;
        for (relying_party, event) in published {
            self.sink.publish(&relying_party, Arc::new(event));
        }
        Ok(answer)
    }
}

impl Content {
    fn page(&self, relying_party: &RelyingPartyId, of: EventsOf, after: u64, limit: usize) -> EventPage {
        let log = self.events.get(relying_party).map(Vec::as_slice).unwrap_or_default();
        let belongs = |event: &Event| match of {
            EventsOf::RelyingParty => true,
            EventsOf::Session(id) => event.session == id,
            EventsOf::Opening(id) => event.opening == Some(id),
        };
        let known = match of {
            EventsOf::RelyingParty => true,
            EventsOf::Session(id) => {
                self.sessions.get(&id).is_some_and(|stored| stored.record.relying_party.id == *relying_party)
            }
            EventsOf::Opening(id) => {
                self.openings.get(&id).is_some_and(|opening| opening.relying_party == *relying_party)
            }
        };
        let later = || log.iter().filter(|(event, _)| event.sequence > after);
        let events = later()
            .filter(|(event, removed)| !removed && belongs(event))
            .map(|(event, _)| self.with_result(event.clone()))
            .take(limit)
            .collect();
        EventPage {
            events,
            complete: !later().any(|(event, removed)| *removed && (!known || belongs(event)))
                && after <= log.last().map_or(0, |(event, _)| event.sequence),
        }
    }

    fn with_result(&self, mut event: Event) -> Event {
        if let Happening::Completed { result, .. } = &mut event.happening {
            *result = match self.sessions.get(&event.session).map(|stored| &stored.record.state) {
                Some(State::Completed { result, .. }) => result.clone(),
                _ => None,
            };
        }
        event
    }

    fn remove(&mut self, id: SessionId, version: u64) -> bool {
        if !self.sessions.get(&id).is_some_and(|stored| stored.version == version && stored.record.is_final())
        {
            return false;
        }
        self.sessions.remove(&id);
        for (event, removed) in self.events.values_mut().flatten() {
            *removed |= event.session == id;
        }
        let sessions = &self.sessions;
        self.openings.retain(|_, opening| {
            !opening.sessions.contains(&id) || opening.sessions.iter().any(|id| sessions.contains_key(id))
        });
        true
    }
}

fn ready<'a, T: Send + 'a>(answer: Result<T, StoreError>) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl SessionStore for MemoryStore {
    fn commit(&self, changes: Vec<SessionChange>) -> StoreFuture<'_, Vec<StoredSession>> {
        ready(self.commit_now(None, changes))
    }

    fn commit_opening(
        &self,
        opening: OpeningRecord,
        changes: Vec<SessionChange>,
    ) -> StoreFuture<'_, Vec<StoredSession>> {
        ready(self.commit_now(Some(opening), changes))
    }

    fn session(&self, id: SessionId) -> StoreFuture<'_, Option<StoredSession>> {
        ready(Ok(self.lock().sessions.get(&id).cloned()))
    }

    fn opening(&self, id: OpeningId) -> StoreFuture<'_, Option<OpeningRecord>> {
        ready(Ok(self.lock().openings.get(&id).cloned()))
    }

    fn deadlines(&self) -> StoreFuture<'_, Vec<SessionDeadline>> {
        let deadline = |stored: &StoredSession| SessionDeadline {
            id: stored.record.id,
            version: stored.version,
            deadline: stored.record.deadline(),
            ended: stored.record.is_final(),
        };
        ready(Ok(self.lock().sessions.values().map(deadline).collect()))
    }

    fn events(
        &self,
        relying_party: RelyingPartyId,
        of: EventsOf,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, EventPage> {
        ready(Ok(self.lock().page(&relying_party, of, after, limit)))
    }

    fn remove(&self, sessions: Vec<(SessionId, u64)>) -> StoreFuture<'_, usize> {
        let mut content = self.lock();
        ready(Ok(sessions.into_iter().filter(|(id, version)| content.remove(*id, *version)).count()))
    }
}

impl Records for MemoryStore {
    fn record(&self, collection: Collection, key: Vec<u8>) -> StoreFuture<'_, Option<StoredRecord>> {
        ready(Ok(self.lock().records.get(&(collection as u8, key)).cloned()))
    }

    fn records(
        &self,
        collection: Collection,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<StoredRecord>> {
        let content = self.lock();
        let listed = content
            .records
            .iter()
            .filter(|((of, key), _)| *of == collection as u8 && key.starts_with(&prefix))
            .filter(|((_, key), _)| after.as_ref().is_none_or(|after| key > after))
            .map(|(_, record)| record.clone())
            .take(limit)
            .collect();
        ready(Ok(listed))
    }

    fn change(&self, changes: Vec<RecordChange>) -> StoreFuture<'_, ()> {
        let mut content = self.lock();
        let mut next = content.records.clone();
        for RecordChange { collection, key, expected, write } in changes {
            let place = (collection as u8, key.clone());
            if next.get(&place).map_or(0, |record| record.version) != expected {
                return ready(Err(StoreError::Conflict));
            }
            match write {
                Write::Put(value) => next.insert(place, StoredRecord { key, version: expected + 1, value }),
                Write::Remove => next.remove(&place),
                Write::Keep => None,
            };
        }
        content.records = next;
        ready(Ok(()))
    }
}
