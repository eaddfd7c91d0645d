//! How a bid system hears of what happens: long polls, lists, websockets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use yinqiao_protocol::event::{Event, EventPage, Happening, SessionState};
use yinqiao_protocol::relying_party::SessionView;
use yinqiao_protocol::task::MessageArc;
use yinqiao_tests::{Broker, Socket, tasks};

#[test]
fn a_long_poll_wakes_when_something_happens() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let paths = [
        format!("/v1/sessions/{}?wait=30&after={}", opened.session, opened.sequence),
        format!("/v1/events?wait=30&after={}", opened.sequence),
    ];
    let [view, events] = paths.map(|path| {
        let platform = platform.clone();
        thread::spawn(move || (platform.get::<serde_json::Value>(&path), Instant::now()))
    });
    thread::sleep(Duration::from_millis(500));
    let scanned = Instant::now();
    person.scan(&opened.code).unwrap();
    let (view, view_at) = view.join().unwrap();
    let (events, events_at) = events.join().unwrap();
    let view: SessionView = serde_json::from_value(view).unwrap();
    let events: EventPage = serde_json::from_value(events).unwrap();
    assert_eq!(view.state, SessionState::Ready);
    assert!(matches!(events.events[0].happening, Happening::Claimed { .. }));
    for woken in [view_at, events_at] {
        assert!(woken > scanned && woken - scanned < Duration::from_secs(5));
    }
}

#[test]
fn a_long_poll_without_news_answers_when_its_time_is_over() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let opened = platform.open(tasks::login());
    let begun = Instant::now();
    let page: EventPage =
        platform.get(&format!("/v1/sessions/{}/events?wait=1&after={}", opened.session, opened.sequence));
    assert!(page.events.is_empty() && page.complete);
    assert!((1.0..5.0).contains(&begun.elapsed().as_secs_f32()));
}

#[test]
fn a_websocket_that_comes_back_gets_exactly_what_it_missed() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open_late(tasks::sign(0, MessageArc::Rfc5652));
    let mut page = platform.watch(&opened);
    assert!(matches!(page.event().happening, Happening::Opened { .. }));
    let (token, seen) = (page.next_token.take().unwrap(), page.last);
    drop(page);

    let mut session = person.scan(&opened.code).unwrap();
    platform.send_items(&opened.session, tasks::sign(1, MessageArc::Rfc5652)).expect::<SessionView>();
    let mut page = Socket::connect(platform.url(), None);
    page.hello(Some(&token), seen);
    assert!(page.complete);
    assert!(matches!(page.event().happening, Happening::Claimed { .. }));
    assert!(matches!(page.event().happening, Happening::Ready { items: 1, .. }));
    yinqiao_tests::holder::agree(&mut session);
    assert!(matches!(page.event().happening, Happening::Completed { .. }));
}

#[test]
fn one_websocket_sees_all_sessions_in_the_order_of_their_sequence_numbers() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let stranger = broker.relying_party("xiamen");
    let person = broker.person("王小明");
    let mut all = platform.watch_all(0);
    stranger.open(tasks::login());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let opened = platform.open(tasks::login());
                    person.answer(&opened.code);
                }
            });
        }
    });
    // Opened, claimed and completed, of twenty sessions.
    let live: Vec<Event> = (0..60).map(|_| all.event()).collect();
    let numbers: Vec<u64> = live.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=60).collect::<Vec<u64>>());

    assert_eq!(platform.events(0).events, live);
    assert_eq!(platform.events(57).events, live[57..]);
    let mut replayed = platform.watch_all(20);
    assert_eq!((0..40).map(|_| replayed.event()).collect::<Vec<_>>(), live[20..]);
    let one = live[30].session;
    let of_one: Vec<Event> = live.iter().filter(|event| event.session == one).cloned().collect();
    assert_eq!(platform.session_events(&one, 0).events, of_one);
    assert_eq!(of_one.len(), 3);
}

#[test]
fn a_websocket_that_comes_back_amid_traffic_gets_each_event_once() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    platform.open(tasks::login());
                }
            });
        }
        let _stop = Stop(&over);
        let mut last = 0;
        let numbers: Vec<u64> = (0..100)
            .flat_map(|_| {
                let mut socket = platform.watch_all(last);
                let numbers: Vec<u64> = (0..10).map(|_| socket.any_event().sequence).collect();
                last = *numbers.last().unwrap();
                numbers
            })
            .collect();
        assert_eq!(numbers, (1..=1000).collect::<Vec<u64>>());
    });
}

#[test]
fn an_acknowledged_result_is_gone_from_views_and_lists_but_its_event_stays() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    person.answer(&opened.code);
    assert!(platform.view(&opened.session).result.is_some());
    for _ in 0..2 {
        let view: SessionView = platform.order(&opened.session, "acknowledge").expect();
        assert!(view.acknowledged && view.result.is_none());
    }
    let last = platform.events(0).events.pop().unwrap();
    assert!(matches!(last.happening, Happening::Completed { result: None, .. }), "{last:?}");
}

/// Ends other threads with this one, also when it fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
