//! The broker dies at moments that nobody chose, while many log in.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use yinqiao_phone::Fetched;
use yinqiao_protocol::event::{Event, Happening, ServerMessage, SessionState};
use yinqiao_protocol::relying_party::OpenedSession;
use yinqiao_protocol::{Base64, SessionId, Timestamp};
use yinqiao_tests::holder::pin;
use yinqiao_tests::relying_party::{current_code, session};
use yinqiao_tests::{Broker, Holder, RelyingParty, Socket, tasks};

const KILLS: usize = 5;
const PHONES: usize = 6;

/// An answer that the broker has acknowledged to a phone.
struct Acknowledged {
    session: SessionId,
    statement_signature: Base64,
    at: Timestamp,
}

#[test]
fn every_acknowledged_answer_outlives_kills_under_load_and_none_counts_twice() {
    let mut broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let people: Vec<Holder> = (0..PHONES).map(|n| broker.person(&format!("投标人{n}"))).collect();
    let (over, last) = (AtomicBool::new(false), AtomicU64::new(u64::MAX));
    let (acknowledged, seen) = thread::scope(|scope| {
        let _guard = Finally { over: &over, last: &last };
        let watching = scope.spawn(|| watch(&platform, &last));
        let people: Vec<_> = people
            .iter()
            .map(|person| scope.spawn(|| log_in_again_and_again(&platform, person, &over)))
            .collect();
        for _ in 0..KILLS {
            thread::sleep(Duration::from_millis(300 + random() % 900));
            broker.kill();
            thread::sleep(Duration::from_millis(random() % 200));
            broker.restart();
        }
        thread::sleep(Duration::from_millis(500));
        over.store(true, Ordering::Release);
        let acknowledged: Vec<_> = people.into_iter().flat_map(|person| person.join().unwrap()).collect();
        last.store(all_events(&platform).last().unwrap().sequence, Ordering::Release);
        (acknowledged, watching.join().unwrap())
    });
    eprintln!("{} answers were acknowledged over {KILLS} kills", acknowledged.len());
    assert!(acknowledged.len() > KILLS);

    let events = all_events(&platform);
    let numbers: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    assert!(seen == events, "the websocket has missed events, or seen some twice");
    let mut completed: BTreeMap<SessionId, usize> = BTreeMap::new();
    for event in &events {
        if matches!(event.happening, Happening::Completed { .. }) {
            *completed.entry(event.session).or_default() += 1;
        }
    }
    assert!(completed.values().all(|count| *count == 1));
    for answer in &acknowledged {
        let view = platform.view(&answer.session);
        assert_eq!(view.state, SessionState::Completed);
        let result = view.result.unwrap();
        assert_eq!(result.statement_signature, answer.statement_signature);
        assert!(result.completed_at <= answer.at);
        assert_eq!(completed[&answer.session], 1);
    }
}

/// Ends the threads where the test fails before it has told them to.
struct Finally<'a> {
    over: &'a AtomicBool,
    last: &'a AtomicU64,
}

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.over.store(true, Ordering::Release);
            self.last.store(0, Ordering::Release);
        }
    }
}

fn log_in_again_and_again(platform: &RelyingParty, person: &Holder, over: &AtomicBool) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Acquire) {
        let body = serde_json::to_vec(&session(tasks::login())).unwrap();
        // A bid system whose request was broken off opens another session.
        let Ok(answer) = platform.try_send("POST", "/v1/sessions", &body) else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let opened: OpenedSession = answer.expect();
        // A code that became stale while the broker was away: the person scans again.
        let mut claimed = loop {
            match person.scan(&current_code(platform.url(), &opened)) {
                Ok(claimed) => break claimed,
                Err(error) => assert!(error.to_string().contains("stale"), "{error}"),
            }
        };
        assert_eq!(claimed.fetch(0).unwrap(), Fetched::Ready);
        let response = claimed.response(&claimed.unlock(&pin()).unwrap()).unwrap();
        // The phone sends the same bytes until it has an answer.
        let answered = claimed.send(&response).unwrap();
        assert_eq!(answered.state, SessionState::Completed);
        acknowledged.push(Acknowledged {
            session: opened.session,
            statement_signature: response.statement_signature,
            at: answered.at,
        });
    }
    acknowledged
}

/// A websocket on all sessions, which comes back after each kill, until it has seen the event number `last`.
fn watch(platform: &RelyingParty, last: &AtomicU64) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let seen = |events: &[Event]| events.last().map_or(0, |event: &Event| event.sequence);
    while seen(&events) < last.load(Ordering::Acquire) {
        let Ok(mut socket) = Socket::try_connect(platform.url(), Some(platform.key())) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        socket.stream().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let after = seen(&events);
        socket.say_text(&format!(r#"{{"type":"hello","after":{after}}}"#));
        while seen(&events) < last.load(Ordering::Acquire) {
            match socket.try_text() {
                Ok(text) => match serde_json::from_str(&text).unwrap() {
                    ServerMessage::Event(event) => events.push(*event),
                    ServerMessage::Welcome { complete, .. } => assert!(complete),
                    other => panic!("{other:?}"),
                },
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    }
    events
}

fn all_events(platform: &RelyingParty) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let page = platform.events(events.last().map_or(0, |event| event.sequence));
        assert!(page.complete);
        if page.events.is_empty() {
            return events;
        }
        events.extend(page.events);
    }
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}
