//! Checks of sessions and openings.

use std::sync::Arc;

use tokio::task::JoinSet;

use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

use super::{Breach, Subject, conflict, fixture, opened, same};
use crate::session::record::SessionRecord;
use crate::store::{
    Collection, EventsOf, OpeningRecord, RecordChange, Records, SessionDeadline, SessionStore, StoreError,
    StoredSession, Write,
};

/// Stores a new session.
async fn store(store: &impl SessionStore, record: SessionRecord) -> Result<StoredSession, Breach> {
    one(store.commit(vec![fixture::open(record)]).await?)
}

/// What a commit of one change answers.
pub(super) fn one(stored: Vec<StoredSession>) -> Result<StoredSession, Breach> {
    same("a commit of one change answers with one session", 1, stored.len())?;
    let missing = StoreError::Unavailable("no session".to_owned());
    stored.into_iter().next().ok_or(Breach::Store(missing))
}

/// What was stored is read, and nothing else.
pub async fn a_session_is_read_as_it_was_stored<S: Subject>(subject: &S) -> Result<(), Breach> {
    let store_under_test = opened(subject).await?;
    let record = fixture::waiting(&"rp".parse()?);
    let stored = store(&*store_under_test, record.clone()).await?;
    same("a new session has version 1", 1, stored.version)?;
    same("its first event has number 1", 1, stored.sequence)?;
    same("the answer holds what was stored", &record, &stored.record)?;
    same("it is read back", Some(&stored), store_under_test.session(record.id).await?.as_ref())?;
    same("another is not there", None, store_under_test.session(SessionId::random()).await?)?;

    let renewed = one(store_under_test.commit(vec![fixture::renew_token(&stored, "next")]).await?)?;
    same("a change raises the version", 2, renewed.version)?;
    same("a change without events leaves the number", 1, renewed.sequence)?;
    same("the change is read back", Some(renewed), store_under_test.session(record.id).await?)
}

/// Compare-and-set refuses what was made from another version.
pub async fn a_change_from_another_version_is_a_conflict_and_changes_nothing<S: Subject>(
    subject: &S,
) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    let first = store(&*store_under_test, fixture::waiting(&rp)).await?;
    let second = one(store_under_test.commit(vec![fixture::claim(&first, "holder")]).await?)?;

    let again = fixture::open(SessionRecord::clone(&first.record));
    conflict("a session cannot be opened twice", store_under_test.commit(vec![again]).await)?;
    conflict("an old version is refused", store_under_test.commit(vec![fixture::expire(&first)]).await)?;
    let ahead = StoredSession { version: 3, ..second.clone() };
    conflict("a version to come is refused", store_under_test.commit(vec![fixture::expire(&ahead)]).await)?;
    let absent = StoredSession { version: 1, sequence: 0, record: Arc::new(fixture::waiting(&rp)) };
    conflict(
        "an absent session cannot change",
        store_under_test.commit(vec![fixture::expire(&absent)]).await,
    )?;

    let page = store_under_test.events(rp, EventsOf::RelyingParty, 0, 100).await?;
    same("refused changes have no events", 2, page.events.len())?;
    same("the session is as before", Some(second), store_under_test.session(first.record.id).await?)
}

/// Of many who claim one session at once, one gets it.
pub async fn one_of_sixty_four_writers_wins<S: Subject>(subject: &S) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    for round in 0..4 {
        let session = store(&*store_under_test, fixture::waiting(&rp)).await?;
        let mut writers = JoinSet::new();
        for writer in 0..64 {
            let (store, change) =
                (Arc::clone(&store_under_test), fixture::claim(&session, &format!("{writer}")));
            writers.spawn(async move { store.commit(vec![change]).await });
        }
        let mut winners = Vec::new();
        while let Some(outcome) = writers.join_next().await {
            match outcome.map_err(|error| StoreError::Unavailable(error.to_string()))? {
                Ok(stored) => winners.push(one(stored)?),
                Err(StoreError::Conflict) => {}
                Err(other) => return Err(other.into()),
            }
        }
        same("exactly one of 64 wins", 1, winners.len())?;
        same(
            "the winner's change is stored",
            winners.pop(),
            store_under_test.session(session.record.id).await?,
        )?;
        let page = store_under_test.events(rp.clone(), EventsOf::RelyingParty, 0, 100).await?;
        same("only the winners have events", 2 * (round + 1), page.events.len())?;
    }
    Ok(())
}

/// A commit is one step.
pub async fn all_changes_are_stored_or_none<S: Subject>(subject: &S) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    let first = store(&*store_under_test, fixture::waiting(&rp)).await?;
    let other = fixture::waiting(&rp);
    let stale = StoredSession { version: 7, ..first.clone() };
    let changes = vec![fixture::claim(&first, "a"), fixture::open(other.clone()), fixture::expire(&stale)];
    conflict("one stale change refuses them all", store_under_test.commit(changes).await)?;
    same("the first stays", Some(&first), store_under_test.session(first.record.id).await?.as_ref())?;
    same("the second is not there", None, store_under_test.session(other.id).await?)?;

    let changes = vec![fixture::claim(&first, "a"), fixture::open(other.clone())];
    let stored = store_under_test.commit(changes).await?;
    let answer: Vec<(u64, u64)> = stored.iter().map(|stored| (stored.version, stored.sequence)).collect();
    same("both are stored, with the next numbers in order", vec![(2, 2), (1, 3)], answer)?;
    same("the second is there", stored.last(), store_under_test.session(other.id).await?.as_ref())
}

async fn store_opening(
    store: &impl SessionStore,
    rp: &RelyingPartyId,
    count: usize,
) -> Result<(OpeningRecord, Vec<StoredSession>), Breach> {
    let (opening, sessions) = fixture::opening(rp, count);
    let changes = sessions.into_iter().map(fixture::open).collect();
    let stored = store.commit_opening(opening.clone(), changes).await?;
    Ok((opening, stored))
}

/// An opening and its sessions are one step, too, also when there are a thousand.
pub async fn an_opening_is_stored_with_its_sessions<S: Subject>(subject: &S) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    let (mut opening, stored) = store_opening(&*store_under_test, &rp, 1000).await?;
    same("the opening is read back", Some(&opening), store_under_test.opening(opening.id).await?.as_ref())?;
    same("another is not there", None, store_under_test.opening(OpeningId::random()).await?)?;
    for session in &stored {
        let found = store_under_test.session(session.record.id).await?;
        same("its sessions are read back", Some(session), found.as_ref())?;
    }

    let until = opening.until;
    opening.until = until.plus_seconds(60);
    let stale = stored.iter().take(2).map(|stored| StoredSession { version: 9, ..stored.clone() });
    let changes = stale.map(|stale| fixture::expire(&stale)).collect();
    conflict(
        "a stale session refuses the opening's change",
        store_under_test.commit_opening(opening.clone(), changes).await,
    )?;
    let found = store_under_test.opening(opening.id).await?.map(|opening| opening.until);
    same("the opening is as before", Some(until), found)?;

    store_under_test.commit_opening(opening.clone(), Vec::new()).await?;
    same("an opening can change alone", Some(opening.clone()), store_under_test.opening(opening.id).await?)
}

/// Some two megabytes in one session.
pub async fn a_session_with_a_thousand_results_is_stored<S: Subject>(subject: &S) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    let session = store(&*store_under_test, fixture::waiting(&rp)).await?;
    let completed = one(store_under_test.commit(vec![fixture::complete(&session, 1000)?]).await?)?;
    let id = session.record.id;
    same("all of it is read back", Some(&completed), store_under_test.session(id).await?.as_ref())?;
    let acknowledged = one(store_under_test.commit(vec![fixture::acknowledge(&completed)]).await?)?;
    same("so is what is left of it", Some(acknowledged), store_under_test.session(id).await?)
}

/// The list that timers are made from after a start.
pub async fn deadlines_are_those_of_the_last_change<S: Subject>(subject: &S) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    same("nothing is due in an empty store", 0, store_under_test.deadlines().await?.len())?;
    let waiting = store(&*store_under_test, fixture::waiting(&rp)).await?;
    let ended = store(&*store_under_test, fixture::waiting(&rp)).await?;
    let ended = one(store_under_test.commit(vec![fixture::complete(&ended, 20)?]).await?)?;
    let expected = |stored: &StoredSession, ended| SessionDeadline {
        id: stored.record.id,
        version: stored.version,
        deadline: stored.record.deadline(),
        ended,
    };
    let mut deadlines = store_under_test.deadlines().await?;
    deadlines.sort_by_key(|deadline| deadline.ended);
    same("each session has its deadline", vec![expected(&waiting, false), expected(&ended, true)], deadlines)
}

/// Nothing is removed that somebody still needs.
pub async fn only_ended_sessions_at_the_named_version_are_removed<S: Subject>(
    subject: &S,
) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    let mut ended = Vec::new();
    for _ in 0..3 {
        let session = store(&*store_under_test, fixture::waiting(&rp)).await?;
        ended.push(one(store_under_test.commit(vec![fixture::complete(&session, 10)?]).await?)?);
    }
    let waiting = store(&*store_under_test, fixture::waiting(&rp)).await?;
    let mut named: Vec<(SessionId, u64)> =
        ended.iter().map(|stored| (stored.record.id, stored.version)).collect();
    if let Some((_, version)) = named.last_mut() {
        *version -= 1;
    }
    named.extend([(waiting.record.id, waiting.version), (SessionId::random(), 1)]);
    same("two are removed", 2, store_under_test.remove(named.clone()).await?)?;
    same("no more the second time", 0, store_under_test.remove(named).await?)?;
    let mut left: Vec<SessionId> =
        store_under_test.deadlines().await?.iter().map(|deadline| deadline.id).collect();
    left.sort();
    let mut expected: Vec<SessionId> = ended.iter().skip(2).map(|stored| stored.record.id).collect();
    expected.push(waiting.record.id);
    expected.sort();
    same("the changed and the waiting one stay", expected, left)?;
    for stored in ended.iter().take(2) {
        same("the removed are not read", None, store_under_test.session(stored.record.id).await?)?;
    }
    let events = store_under_test.events(rp, EventsOf::RelyingParty, 0, 100).await?.events;
    let numbers: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    same("the events of the others stay", vec![5, 6, 7], numbers)
}

/// An opening stays as long as one of its sessions is there.
pub async fn an_opening_goes_with_its_last_session<S: Subject>(subject: &S) -> Result<(), Breach> {
    let (store_under_test, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    let (opening, stored) = store_opening(&*store_under_test, &rp, 300).await?;
    let (other, _) = store_opening(&*store_under_test, &rp, 1).await?;
    let changes = stored.iter().map(fixture::expire).collect();
    let stored = store_under_test.commit(changes).await?;
    let mut named: Vec<(SessionId, u64)> =
        stored.iter().map(|stored| (stored.record.id, stored.version)).collect();
    let last = named.pop().into_iter().collect();
    same("all but one are removed", 299, store_under_test.remove(named).await?)?;
    same("the opening is still there", Some(&opening), store_under_test.opening(opening.id).await?.as_ref())?;
    same("the last is removed", 1, store_under_test.remove(last).await?)?;
    same("the opening is not there any more", None, store_under_test.opening(opening.id).await?)?;
    conflict(
        "it cannot change any more",
        store_under_test.commit_opening(opening.clone(), Vec::new()).await,
    )?;
    same("and does not come back", None, store_under_test.opening(opening.id).await?)?;
    same("the other opening is there", Some(&other), store_under_test.opening(other.id).await?.as_ref())
}

/// What was acknowledged outlives the process.
pub async fn a_store_opened_again_holds_everything<S: Subject>(subject: &S) -> Result<(), Breach> {
    let rp = "rp".parse::<RelyingPartyId>()?;
    let first = opened(subject).await?;
    let (opening, mut sessions) = store_opening(&*first, &rp, 20).await?;
    let single = store(&*first, fixture::waiting(&rp)).await?;
    sessions.push(one(first.commit(vec![fixture::complete(&single, 30)?]).await?)?);
    let write = Write::Put(vec![1, 2, 3]);
    first
        .change(vec![RecordChange { collection: Collection::Seal, key: b"key".to_vec(), expected: 0, write }])
        .await?;
    let deadlines = first.deadlines().await?;
    let events = first.events(rp.clone(), EventsOf::RelyingParty, 0, 1000).await?;
    let record = first.record(Collection::Seal, b"key".to_vec()).await?;
    drop(first);

    let second = opened(subject).await?;
    for session in &sessions {
        same("each session is there", Some(session), second.session(session.record.id).await?.as_ref())?;
    }
    same("the opening is there", Some(opening.clone()), second.opening(opening.id).await?)?;
    same("the deadlines are the same", deadlines, second.deadlines().await?)?;
    same("the events are the same", events, second.events(rp, EventsOf::RelyingParty, 0, 1000).await?)?;
    same("the record is the same", record, second.record(Collection::Seal, b"key".to_vec()).await?)
}
