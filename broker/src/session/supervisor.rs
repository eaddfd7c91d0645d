//! All sessions of this broker: finds or makes a session's actor, wakes sessions whose time is over, removes those whose
//! result was kept long enough.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use dashmap::DashMap;
use tracing::{error, info};

use yinqiao_protocol::{SessionId, Timestamp};

use super::actor::{Applied, Apply, OutageLog, SessionActor, SessionError};
use super::machine::Input;
use crate::clock;
use crate::store::{SessionChange, SessionStore, StoreError, StoredSession};

/// How often sessions are looked through for those whose time is over.
const SWEEP: Duration = Duration::from_millis(100);
/// At most so many at once, so that a sweep never starves the sessions that people wait for.
const MOST_PER_SWEEP: usize = 500;
/// Seconds until a session that could not be settled is tried again.
const RETRY_SECONDS: u32 = 5;
/// An actor that dies is made anew this often for one input.
const TRIES: usize = 3;

/// Finds sessions' actors. Cheap to clone.
#[derive(Clone)]
pub struct SessionRegistry(Arc<Inner>);

struct Inner {
    store: Arc<dyn SessionStore>,
    outages: Arc<dyn OutageLog>,
    actors: DashMap<SessionId, Addr<SessionActor>>,
    /// Held for single insertions and removals only, never across an await.
    deadlines: Mutex<BTreeSet<(Timestamp, SessionId)>>,
    /// Unix seconds.
    failure_said_at: AtomicI64,
}

impl SessionRegistry {
    /// An empty registry over a store.
    pub fn new(store: Arc<dyn SessionStore>, outages: Arc<dyn OutageLog>) -> Self {
        Self(Arc::new(Inner {
            store,
            outages,
            actors: DashMap::new(),
            deadlines: Mutex::default(),
            failure_said_at: AtomicI64::new(0),
        }))
    }

    /// Gives `input` to the session. Must be called on an actix arbiter's thread.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub async fn apply(&self, id: SessionId, input: Input) -> Result<Applied, SessionError> {
        for _ in 0..TRIES {
            let actor = self.actor(id).await?;
            match actor.send(Apply(input.clone())).await {
                Ok(result) => {
                    if let Ok(applied) = &result
                        && applied.stored.record.is_final()
                    {
                        self.0.actors.remove_if(&id, |_, known| !known.connected());
                    }
                    return result;
                }
                // The actor stopped or panicked: its mailbox is closed, the store still knows everything.
                Err(MailboxError::Closed | MailboxError::Timeout) => {
                    self.0.actors.remove_if(&id, |_, known| *known == actor);
                }
            }
        }
        Err(SessionError::Busy)
    }

    /// Reads a session as stored; one whose time is over is ended first.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub async fn session(&self, id: SessionId) -> Result<StoredSession, SessionError> {
        let stored = self.0.store.session(id).await?.ok_or(SessionError::NotFound)?;
        if super::machine::is_due(&stored.record, clock::now()) {
            return Ok(self.apply(id, Input::Tick { outages: Vec::new() }).await?.stored);
        }
        Ok(stored)
    }

    /// Keeps the time of sessions that are about to be stored: a request that is broken off after its commit must not
    /// leave sessions behind that never end. One that is not stored after all is forgotten at its deadline.
    pub fn expect(&self, changes: &[SessionChange]) {
        let mut deadlines = self.deadlines();
        deadlines.extend(changes.iter().map(|change| (change.record.deadline(), change.record.id)));
    }

    /// Makes actors for sessions that were just stored.
    pub fn adopt(&self, sessions: Vec<StoredSession>) {
        for stored in sessions {
            let id = stored.record.id;
            let actor = self.new_actor(stored);
            // A quick phone's claim may have made one already, which knows more.
            self.0.actors.entry(id).or_insert(actor);
        }
    }

    /// Sessions that have an actor now.
    pub fn actors(&self) -> usize {
        self.0.actors.len()
    }

    async fn actor(&self, id: SessionId) -> Result<Addr<SessionActor>, SessionError> {
        if let Some(actor) = self.0.actors.get(&id)
            && actor.connected()
        {
            return Ok(actor.clone());
        }
        let stored = self.0.store.session(id).await?.ok_or(SessionError::NotFound)?;
        // Two makers may meet here. Either actor is right, since the store decides; the entry keeps one of them.
        let actor = self.new_actor(stored);
        let mut entry = self.0.actors.entry(id).or_insert_with(|| actor.clone());
        if !entry.connected() {
            *entry = actor;
        }
        Ok(entry.clone())
    }

    fn new_actor(&self, stored: StoredSession) -> Addr<SessionActor> {
        let registry = Arc::downgrade(&self.0);
        let on_change: Arc<dyn Fn(&StoredSession) + Send + Sync> = Arc::new(move |stored| {
            if let Some(inner) = registry.upgrade() {
                SessionRegistry(inner).schedule(stored);
            }
        });
        SessionActor::new(Arc::clone(&self.0.store), Arc::clone(&self.0.outages), stored, on_change).start()
    }

    fn schedule(&self, stored: &StoredSession) {
        self.deadlines().insert((stored.record.deadline(), stored.record.id));
    }

    fn deadlines(&self) -> MutexGuard<'_, BTreeSet<(Timestamp, SessionId)>> {
        // The set stays whole whatever its holder did: each access is one call.
        self.0.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says once in a while that sessions cannot be settled: with a broken disk it is all of them, again and again.
    fn note_failure(&self, id: SessionId, problem: &SessionError) {
        let now = clock::now().seconds();
        let said_at = self.0.failure_said_at.swap(now, Ordering::Relaxed);
        if now - said_at >= i64::from(RETRY_SECONDS) {
            error!(session = %id, error = %problem, "sessions cannot be settled; trying again");
        }
    }

    fn due(&self, now: Timestamp) -> Vec<SessionId> {
        let mut deadlines = self.deadlines();
        let mut due = Vec::new();
        while due.len() < MOST_PER_SWEEP
            && let Some((deadline, _)) = deadlines.first()
            && *deadline <= now
        {
            due.extend(deadlines.pop_first().map(|(_, id)| id));
        }
        due
    }

    /// Until when an ended session stays for its opening's record: as long after the window as a result is kept.
    async fn kept_for_its_opening(
        &self,
        stored: &StoredSession,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, SessionError> {
        let Some(opening) = stored.record.opening else { return Ok(None) };
        let Some(opening) = self.0.store.opening(opening).await? else { return Ok(None) };
        let until = opening.until.plus_seconds(stored.record.terms.time_to_keep);
        Ok((until > now).then_some(until))
    }

    /// Ends or removes one session whose deadline has come. Entries of moved deadlines come here too and find nothing
    /// to do.
    async fn settle(&self, id: SessionId) -> Result<(), SessionError> {
        let Some(stored) = self.0.store.session(id).await? else { return Ok(()) };
        let now = clock::now();
        if stored.record.deadline() > now {
            self.schedule(&stored);
            return Ok(());
        }
        if stored.record.is_final() {
            if let Some(until) = self.kept_for_its_opening(&stored, now).await? {
                self.deadlines().insert((until, id));
                return Ok(());
            }
            self.0.actors.remove(&id);
            self.0.store.remove(vec![(id, stored.version)]).await?;
            return Ok(());
        }
        self.apply(id, Input::Tick { outages: Vec::new() }).await.map(|_| ())
    }
}

/// The actor that keeps the time for all sessions.
pub struct SessionSupervisor {
    registry: SessionRegistry,
}

impl SessionSupervisor {
    /// Reads all deadlines and begins to keep time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(registry: SessionRegistry) -> Result<Addr<Self>, StoreError> {
        let deadlines = registry.0.store.deadlines().await?;
        let open = deadlines.iter().filter(|deadline| !deadline.ended).count();
        info!(open, ended = deadlines.len() - open, "sessions found in the store");
        registry.deadlines().extend(deadlines.into_iter().map(|deadline| (deadline.deadline, deadline.id)));
        Ok(Self { registry }.start_actor())
    }

    fn start_actor(self) -> Addr<Self> {
        Actor::start(self)
    }
}

impl Actor for SessionSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(SWEEP, |supervisor, context| {
            for id in supervisor.registry.due(clock::now()) {
                let registry = supervisor.registry.clone();
                let settle = async move {
                    if let Err(problem) = registry.settle(id).await {
                        registry.note_failure(id, &problem);
                        registry.deadlines().insert((clock::now().plus_seconds(RETRY_SECONDS), id));
                    }
                };
                context.spawn(settle.into_actor(supervisor));
            }
        });
    }
}
