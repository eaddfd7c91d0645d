//! One actor per session: it takes one input at a time, asks the machine, stores, and only then answers. It holds what
//! the store holds; when it dies, the next input makes a new one from the store.

use std::sync::Arc;

use actix::prelude::*;

use yinqiao_protocol::{SessionId, Timestamp};

use super::machine::{self, Input, Outage, Refusal, Step};
use super::record::{SessionRecord, State};
use crate::clock;
use crate::store::{SessionChange, SessionStore, StoreError, StoredSession};

/// Knows the times in which broker or CAs were out of reach.
pub trait OutageLog: Send + Sync {
    /// Those that touch the time between `from` and `until`.
    fn between(&self, from: Timestamp, until: Timestamp) -> Vec<Outage>;
}

/// Why an input had no effect.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no such session, or it was removed.
    #[error("there is no such session: it never existed, or it ended and its result's time is over")]
    NotFound,
    /// The machine says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The session's mailbox is full, or its actor died again and again.
    #[error("the session is busy: try again")]
    Busy,
}

/// An input for a session.
#[derive(Message)]
#[rtype(result = "Result<Applied, SessionError>")]
pub struct Apply(pub Input);

/// What became of an input.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The session now.
    pub stored: StoredSession,
    /// Whether this input changed it.
    pub changed: bool,
}

/// The actor.
pub struct SessionActor {
    store: Arc<dyn SessionStore>,
    outages: Arc<dyn OutageLog>,
    stored: StoredSession,
    on_change: Arc<dyn Fn(&StoredSession) + Send + Sync>,
}

impl SessionActor {
    /// An actor for a session as read from the store. `on_change` hears of each stored change.
    pub fn new(
        store: Arc<dyn SessionStore>,
        outages: Arc<dyn OutageLog>,
        stored: StoredSession,
        on_change: Arc<dyn Fn(&StoredSession) + Send + Sync>,
    ) -> Self {
        Self { store, outages, stored, on_change }
    }
}

impl Actor for SessionActor {
    type Context = Context<Self>;
}

impl Handler<Apply> for SessionActor {
    type Result = AtomicResponse<Self, Result<Applied, SessionError>>;

    fn handle(&mut self, Apply(input): Apply, _: &mut Context<Self>) -> Self::Result {
        let decision = Decision {
            store: Arc::clone(&self.store),
            outages: Arc::clone(&self.outages),
            stored: self.stored.clone(),
        };
        AtomicResponse::new(Box::pin(decision.run(input).into_actor(self).map(
            |(stored, result), actor, context| {
                let trusted = !matches!(result, Err(SessionError::Store(_) | SessionError::NotFound));
                if stored.version != actor.stored.version {
                    (actor.on_change)(&stored);
                }
                actor.stored = stored;
                // After a failed write memory and store may differ, and a finished session has no more to do.
                if !trusted || is_done(&actor.stored.record) {
                    context.stop();
                }
                result
            },
        )))
    }
}

fn is_done(record: &SessionRecord) -> bool {
    match &record.state {
        State::Completed { result, .. } => result.is_none(),
        State::Ended { .. } => true,
        State::Waiting { .. } | State::ItemsAwaited { .. } | State::Ready { .. } => false,
    }
}

/// Asks the machine and stores what it says, again where someone else was quicker.
struct Decision {
    store: Arc<dyn SessionStore>,
    outages: Arc<dyn OutageLog>,
    stored: StoredSession,
}

impl Decision {
    async fn run(mut self, input: Input) -> (StoredSession, Result<Applied, SessionError>) {
        let result = self.decide(input).await;
        (self.stored, result)
    }

    async fn decide(&mut self, input: Input) -> Result<Applied, SessionError> {
        let mut changed_before = false;
        loop {
            let now = clock::now();
            let due = machine::is_due(&self.stored.record, now);
            let input = match (&input, due) {
                (_, true) | (Input::Tick { .. }, false) => self.tick(now),
                (input, false) => input.clone(),
            };
            let step = machine::apply(&self.stored.record, input, now);
            if !matches!(step, Ok(Step::Changed { .. })) && self.catch_up().await? {
                continue;
            }
            match step? {
                Step::Unchanged => return Ok(self.applied(changed_before)),
                Step::Changed { record, happenings } => {
                    let change = SessionChange {
                        expected: self.stored.version,
                        record: Arc::new(*record),
                        happenings,
                        at: now,
                    };
                    match self.store.commit(vec![change]).await {
                        Ok(stored) => {
                            self.stored = stored.into_iter().next().ok_or(SessionError::NotFound)?;
                            if !due {
                                return Ok(self.applied(true));
                            }
                            // The session expired first; the input now meets an ended session.
                            changed_before = true;
                        }
                        Err(StoreError::Conflict) => self.reload().await?,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }

    fn applied(&self, changed: bool) -> Applied {
        Applied { stored: self.stored.clone(), changed }
    }

    fn tick(&self, now: Timestamp) -> Input {
        Input::Tick { outages: self.outages.between(self.stored.record.opened_at, now) }
    }

    /// Whether the store knows more than this actor: then its refusals are worth nothing, and it decides anew.
    async fn catch_up(&mut self) -> Result<bool, SessionError> {
        let version = self.stored.version;
        self.reload().await?;
        Ok(self.stored.version != version)
    }

    async fn reload(&mut self) -> Result<(), SessionError> {
        let id: SessionId = self.stored.record.id;
        self.stored = self.store.session(id).await?.ok_or(SessionError::NotFound)?;
        Ok(())
    }
}
