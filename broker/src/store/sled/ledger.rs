//! The writer: one thread that decides, in order, which changes hold, and brings them to the disk together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::oneshot;

use yinqiao_protocol::{OpeningId, SessionId};

use super::draft::Draft;
use super::durability::Durability;
use super::queue::Waiting;
use super::sessions::Announcement;
use super::{Shared, events, keys, openings, records, sessions, value};
use crate::store::{EventSink, RecordChange, StoreError, StoredSession};

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What waits for the writer.
pub(super) enum Work {
    /// Sessions change, perhaps with their opening.
    Sessions {
        opening: Option<openings::Prepared>,
        changes: Vec<sessions::Prepared>,
        answer: Answer<Vec<StoredSession>>,
    },
    /// Ended sessions go.
    Removal { sessions: Vec<(SessionId, u64)>, answer: Answer<usize> },
    /// Records change.
    Records { changes: Vec<RecordChange>, answer: Answer<()> },
}

/// The writer's own things.
pub(super) struct Ledger<D> {
    shared: Arc<Shared>,
    durability: D,
    sink: Arc<dyn EventSink>,
}

impl<D: Durability> Ledger<D> {
    pub(super) fn new(shared: Arc<Shared>, durability: D, sink: Arc<dyn EventSink>) -> Self {
        Self { shared, durability, sink }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Some(batch) = self.shared.queue.take() {
            self.write(batch);
        }
    }

    /// One batch: decide, apply, flush, sync, and only then let anyone hear of it. A conflict, too, is told only then,
    /// since it may be with a change of this very batch.
    fn write(&mut self, batch: Vec<Waiting<Work>>) {
        let shared = Arc::clone(&self.shared);
        let mut draft = Draft::new(shared.view.tree());
        let (mut plans, mut rooms) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for waiting in batch {
            let (work, room) = waiting.into_parts();
            plans.push(Plan::make(work, &mut draft));
            rooms.push(room);
        }
        if let Err(reason) = self.persist(draft) {
            for plan in plans {
                (plan.acknowledge)(Err(StoreError::Unavailable(reason.clone())));
            }
            return;
        }
        shared.figures.batches.fetch_add(1, Ordering::Relaxed);
        shared.figures.commits.fetch_add(plans.len() as u64, Ordering::Relaxed);
        for plan in &plans {
            shared.remember(&plan.stored);
        }
        for plan in plans {
            for Announcement { relying_party, event } in plan.announcements {
                self.sink.publish(&relying_party, event);
            }
            (plan.acknowledge)(Ok(()));
        }
    }

    /// Brings a draft to the disk. After a failure nobody knows what is there: Linux reports a failed write-back once
    /// and then calls the lost pages clean, so a second fdatasync would succeed without them. So nothing is written any
    /// more, and readers keep the last state that is known to be durable, until a new process reads what the disk holds.
    fn persist(&mut self, draft: Draft<'_>) -> Result<(), String> {
        if let Some(reason) = self.shared.failure.get() {
            return Err(reason.clone());
        }
        if draft.is_empty() {
            return Ok(());
        }
        self.bring_to_disk(draft).map_err(|cause| {
            let reason = format!(
                "{cause}. Nothing is stored any more until the broker is restarted: check the disk of the data \
                 directory, then restart"
            );
            tracing::error!(cause, "store failed");
            self.shared.failure.get_or_init(|| reason).clone()
        })
    }

    fn bring_to_disk(&mut self, draft: Draft<'_>) -> Result<(), String> {
        let view = &self.shared.view;
        view.hide(draft.present().map_err(|error| error.to_string())?);
        self.durability.apply(view.tree(), draft.into_batch())?;
        let begun = Instant::now();
        self.durability.flush(view.tree())?;
        self.durability.sync()?;
        let taken = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared.figures.sync_nanoseconds.fetch_add(taken, Ordering::Relaxed);
        view.reveal();
        Ok(())
    }
}

impl<D> Drop for Ledger<D> {
    /// However the thread ends, nobody waits for it in vain.
    fn drop(&mut self) {
        self.shared.queue.abandon();
    }
}

/// What one commit comes to, if its batch gets to the disk.
struct Plan {
    announcements: Vec<Announcement>,
    stored: Vec<StoredSession>,
    /// Takes what became of the batch. That nobody listens any more is no error: the caller went away.
    acknowledge: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

impl Plan {
    /// Adds the work to the draft, all of it or nothing.
    fn make(work: Work, draft: &mut Draft<'_>) -> Self {
        let mut announcements = Vec::new();
        match work {
            Work::Sessions { opening, changes, answer } => {
                let planned = settle(draft, |draft| {
                    let stored = changes
                        .into_iter()
                        .map(|change| change.plan(draft, &mut announcements))
                        .collect::<Result<_, _>>()?;
                    if let Some(opening) = opening {
                        opening.plan(draft)?;
                    }
                    Ok(stored)
                });
                let stored = match &planned {
                    Ok(stored) => Vec::clone(stored),
                    Err(_) => {
                        announcements.clear();
                        Vec::new()
                    }
                };
                Self { announcements, stored, acknowledge: answering(answer, planned) }
            }
            Work::Removal { sessions, answer } => {
                let planned = settle(draft, |draft| remove(draft, sessions));
                Self { announcements, stored: Vec::new(), acknowledge: answering(answer, planned) }
            }
            Work::Records { changes, answer } => {
                let planned = settle(draft, |draft| records::plan(draft, changes));
                Self { announcements, stored: Vec::new(), acknowledge: answering(answer, planned) }
            }
        }
    }
}

fn settle<'a, T>(
    draft: &mut Draft<'a>,
    plan: impl FnOnce(&mut Draft<'a>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let planned = plan(draft);
    if planned.is_ok() {
        draft.keep()
    } else {
        draft.roll_back()
    }
    planned
}

fn answering<T: Send + 'static>(
    answer: Answer<T>,
    planned: Result<T, StoreError>,
) -> Box<dyn FnOnce(Result<(), StoreError>) + Send> {
    Box::new(move |batch| drop(answer.send(batch.and(planned))))
}

/// Removes those that have ended and are at the given version, and openings that are left without sessions.
fn remove(draft: &mut Draft<'_>, sessions: Vec<(SessionId, u64)>) -> Result<usize, StoreError> {
    let mut removed = 0;
    let mut touched = BTreeMap::<OpeningId, u64>::new();
    for (id, expected) in sessions {
        let Some((version, summary)) = sessions::read_summary(draft.layers(), id)? else { continue };
        if version != expected || !summary.ended {
            continue;
        }
        let highest = events::remove(draft, id, &summary.relying_party, summary.opening)?;
        value::delete(draft, keys::session(id))?;
        if let Some(opening) = summary.opening {
            let mark = touched.entry(opening).or_default();
            *mark = highest.max(*mark);
        }
        removed += 1;
    }
    for (opening, highest) in touched {
        openings::sessions_removed(draft, opening, highest)?;
    }
    Ok(removed)
}
