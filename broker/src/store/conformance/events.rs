//! Checks of events.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use yinqiao_protocol::event::{Event, EventPage, Happening};
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

use super::sessions::one;
use super::{Breach, Heard, Subject, fixture, opened, same};
use crate::session::record::State;
use crate::store::{EventsOf, SessionStore, StoreError, StoredSession};

async fn all(store: &impl SessionStore, rp: &RelyingPartyId) -> Result<Vec<Event>, Breach> {
    Ok(store.events(rp.clone(), EventsOf::RelyingParty, 0, usize::MAX).await?.events)
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.sequence).collect()
}

/// Opens a session and lets it expire: two events.
async fn short_life(store: &impl SessionStore, rp: &RelyingPartyId) -> Result<StoredSession, Breach> {
    let session = one(store.commit(vec![fixture::open(fixture::waiting(rp))]).await?)?;
    one(store.commit(vec![fixture::expire(&session)]).await?)
}

/// Whoever gets the answer can rely on the others having heard.
pub async fn an_event_is_published_before_its_change_is_acknowledged<S: Subject>(
    subject: &S,
) -> Result<(), Breach> {
    let heard = Arc::new(Heard::default());
    let (store, rp) = (subject.open(Arc::clone(&heard) as _).await?, "rp".parse::<RelyingPartyId>()?);
    for round in 1..=50 {
        let session = one(store.commit(vec![fixture::open(fixture::waiting(&rp))]).await?)?;
        let last = heard.of(&rp).pop();
        same("the event was published", Some(round), last.as_ref().map(|event| event.sequence))?;
        same("it is the session's", Some(session.record.id), last.map(|event| event.session))?;
    }
    Ok(())
}

/// However many write at once, each relying party's numbers are 1, 2, 3, …, published in this order.
pub async fn numbers_have_no_gaps_and_are_published_in_order<S: Subject>(subject: &S) -> Result<(), Breach> {
    let heard = Arc::new(Heard::default());
    let store = subject.open(Arc::clone(&heard) as _).await?;
    let parties =
        ["rp", "rp-2"].iter().map(|name| name.parse()).collect::<Result<Vec<RelyingPartyId>, _>>()?;
    let mut writers = JoinSet::new();
    for writer in 0..32 {
        let (store, rp) = (Arc::clone(&store), parties.get(writer % 2).cloned());
        writers.spawn(async move {
            for _ in 0..10 {
                if let Some(rp) = &rp {
                    short_life(&*store, rp).await?;
                }
            }
            Ok::<(), Breach>(())
        });
    }
    while let Some(outcome) = writers.join_next().await {
        outcome.map_err(|error| StoreError::Unavailable(error.to_string()))??;
    }
    for rp in &parties {
        let events = all(&*store, rp).await?;
        same("16 writers with 10 sessions of two events each", (1..=320).collect(), numbers(&events))?;
        same("they were published as they are stored", &events, &heard.of(rp))?;
        for event in &events {
            let session = store.session(event.session).await?;
            let rising = session.is_some_and(|session| session.sequence >= event.sequence);
            same("no session knows less than its events", true, rising)?;
        }
    }
    Ok(())
}

/// What a socket that comes back asks for.
pub async fn a_replay_begins_after_the_number_and_ends_at_the_limit<S: Subject>(
    subject: &S,
) -> Result<(), Breach> {
    let (store, rp) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?);
    for _ in 0..150 {
        short_life(&*store, &rp).await?;
    }
    let replay = async |after, limit| -> Result<Vec<u64>, Breach> {
        Ok(numbers(&store.events(rp.clone(), EventsOf::RelyingParty, after, limit).await?.events))
    };
    same("all from the beginning", (1..=300).collect(), replay(0, 1000).await?)?;
    same("after a number", (256..=300).collect(), replay(255, 1000).await?)?;
    same("up to the limit", (101..=110).collect(), replay(100, 10).await?)?;
    same("nothing after the last", Vec::new(), replay(300, 10).await?)?;
    same("nothing after what never was", Vec::new(), replay(u64::MAX, 10).await?)?;
    same("nothing with limit zero", Vec::new(), replay(0, 0).await?)
}

/// Filters hold, and nobody sees what belongs to another relying party.
pub async fn a_session_and_an_opening_have_their_own_events_only<S: Subject>(
    subject: &S,
) -> Result<(), Breach> {
    let (store, rp, foreign) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?, "r".parse()?);
    short_life(&*store, &rp).await?;
    let (opening, sessions) = fixture::opening(&rp, 3);
    let stored =
        store.commit_opening(opening.clone(), sessions.into_iter().map(fixture::open).collect()).await?;
    let single = short_life(&*store, &rp).await?;
    store.commit(stored.iter().take(1).map(fixture::expire).collect()).await?;
    short_life(&*store, &foreign).await?;

    let of = async |rp: &RelyingPartyId, of, after| -> Result<Vec<u64>, Breach> {
        Ok(numbers(&store.events(rp.clone(), of, after, 100).await?.events))
    };
    same("one session's", vec![6, 7], of(&rp, EventsOf::Session(single.record.id), 0).await?)?;
    same("one session's after one", vec![7], of(&rp, EventsOf::Session(single.record.id), 6).await?)?;
    same("one opening's", vec![3, 4, 5, 8], of(&rp, EventsOf::Opening(opening.id), 0).await?)?;
    same("one opening's after some", vec![5, 8], of(&rp, EventsOf::Opening(opening.id), 4).await?)?;
    same("of no session", Vec::new(), of(&rp, EventsOf::Session(SessionId::random()), 0).await?)?;
    same("of no opening", Vec::new(), of(&rp, EventsOf::Opening(OpeningId::random()), 0).await?)?;
    same("another's own", vec![1, 2], of(&foreign, EventsOf::RelyingParty, 0).await?)?;
    same("not another's session", Vec::new(), of(&foreign, EventsOf::Session(single.record.id), 0).await?)?;
    same("not another's opening", Vec::new(), of(&foreign, EventsOf::Opening(opening.id), 0).await?)
}

/// A result can be fetched again by replay until the bid system has it.
pub async fn a_result_stands_in_the_events_until_it_is_acknowledged<S: Subject>(
    subject: &S,
) -> Result<(), Breach> {
    let heard = Arc::new(Heard::default());
    let (store, rp) = (subject.open(Arc::clone(&heard) as _).await?, "rp".parse::<RelyingPartyId>()?);
    let session = one(store.commit(vec![fixture::open(fixture::waiting(&rp))]).await?)?;
    let completed = one(store.commit(vec![fixture::complete(&session, 5)?]).await?)?;
    let State::Completed { result: kept, .. } = &completed.record.state else {
        return same("the fixture completes", "completed", "something else");
    };
    let last = async || -> Result<Option<Happening>, Breach> {
        Ok(all(&*store, &rp).await?.pop().map(|event| event.happening))
    };
    let with = |result| Some(Happening::Completed { keep_until: completed.record.deadline(), result });
    let published = heard.of(&rp).pop().map(|event| event.happening);
    same("the result is published", with(kept.clone()), published)?;
    same("it stands in the list", with(kept.clone()), last().await?)?;
    store.commit(vec![fixture::acknowledge(&completed)]).await?;
    same("then no longer", with(None), last().await?)
}

/// Who was away too long is told so.
pub async fn a_page_says_when_earlier_events_were_removed<S: Subject>(subject: &S) -> Result<(), Breach> {
    let (store, rp, other) = (opened(subject).await?, "rp".parse::<RelyingPartyId>()?, "other".parse()?);
    let (opening, sessions) = fixture::opening(&rp, 2);
    let stored =
        store.commit_opening(opening.clone(), sessions.into_iter().map(fixture::open).collect()).await?;
    let ended = store.commit(stored.iter().take(1).map(fixture::expire).collect()).await?;
    let staying = short_life(&*store, &rp).await?;
    short_life(&*store, &other).await?;
    let page = async |rp: &RelyingPartyId, of, after| -> Result<(Vec<u64>, bool), Breach> {
        let EventPage { events, complete } = store.events(rp.clone(), of, after, 100).await?;
        Ok((numbers(&events), complete))
    };
    let (all, one) = (EventsOf::RelyingParty, EventsOf::Session(staying.record.id));
    same("complete before", (vec![1, 2, 3, 4, 5], true), page(&rp, all, 0).await?)?;
    store.remove(ended.iter().map(|stored| (stored.record.id, stored.version)).collect()).await?;

    same("not from the beginning", (vec![2, 4, 5], false), page(&rp, all, 0).await?)?;
    same("not before the last removed", (vec![4, 5], false), page(&rp, all, 2).await?)?;
    same("complete from the last removed on", (vec![4, 5], true), page(&rp, all, 3).await?)?;
    same("not beyond the last number given out", (vec![], false), page(&rp, all, 6).await?)?;
    same("complete for a session that is there", (vec![4, 5], true), page(&rp, one, 0).await?)?;
    same("not for its opening", (vec![2], false), page(&rp, EventsOf::Opening(opening.id), 0).await?)?;
    same("but after that", (vec![], true), page(&rp, EventsOf::Opening(opening.id), 3).await?)?;
    store.commit_opening(opening.clone(), Vec::new()).await?;
    same(
        "nor after the opening was changed",
        (vec![2], false),
        page(&rp, EventsOf::Opening(opening.id), 0).await?,
    )?;
    let removed = stored.first().map_or_else(SessionId::random, |stored| stored.record.id);
    same("not for the removed", (vec![], false), page(&rp, EventsOf::Session(removed), 0).await?)?;
    same("complete for another relying party", (vec![1, 2], true), page(&other, all, 0).await?)
}

/// A number is never given twice.
pub async fn numbers_go_on_after_removal_and_reopening<S: Subject>(subject: &S) -> Result<(), Breach> {
    let rp = "rp".parse::<RelyingPartyId>()?;
    let mut given = BTreeSet::new();
    for round in 0..3 {
        let store = opened(subject).await?;
        let ended = short_life(&*store, &rp).await?;
        given.extend(numbers(&all(&*store, &rp).await?));
        same("two more numbers", 2 * (round + 1), given.len())?;
        same("the session is removed", 1, store.remove(vec![(ended.record.id, ended.version)]).await?)?;
        let page = store.events(rp.clone(), EventsOf::RelyingParty, 0, 100).await?;
        same("nothing is left, and it is said", (0, false), (page.events.len(), page.complete))?;
    }
    same("the numbers are without gaps", (1..=6).collect(), given)
}
