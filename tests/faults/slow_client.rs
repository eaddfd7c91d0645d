//! A bid system that stops reading.

use std::time::{Duration, Instant};

use yinqiao_protocol::event::{Happening, ServerMessage};
use yinqiao_protocol::relying_party::{ExtendOpening, OpenOpening, OpenedOpening, OpeningChange};
use yinqiao_tests::relying_party::session;
use yinqiao_tests::{Broker, tasks};

const SESSIONS: usize = 1000;
/// More events than the system's buffers on both sides hold.
const EXTENSIONS: u32 = 30;

#[test]
fn a_websocket_that_is_not_read_holds_nobody_up_and_can_come_back() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let mut hung = platform.watch_all(0);
    let mut good = platform.watch_all(0);

    let sessions = vec![session(tasks::login()); SESSIONS];
    let request = OpenOpening { title: String::new(), window: Some(600), sessions };
    let opening: OpenedOpening = platform.post("/v1/openings", &request).expect();
    for _ in 0..SESSIONS {
        good.event();
    }
    let path = format!("/v1/openings/{}/extend", opening.opening);
    for n in 1..=EXTENSIONS {
        let until = opening.until.plus_seconds(n);
        let change: OpeningChange = platform.post(&path, &ExtendOpening { until }).expect();
        assert_eq!(change.changed, SESSIONS);
        for _ in 0..SESSIONS {
            good.event();
        }
    }
    let opened = platform.open(tasks::login());
    let begun = Instant::now();
    person.answer(&opened.code);
    good.events_until(|happening| matches!(happening, Happening::Completed { .. }));
    assert!(begun.elapsed() < Duration::from_secs(5), "a login took {:?}", begun.elapsed());

    // It begins to read at last: what was sent to it is in order, then it is sent away, and comes back for the rest.
    let mut read = 0;
    while let Ok(text) = hung.try_text() {
        let ServerMessage::Event(event) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        read += 1;
        assert_eq!(event.sequence, read);
    }
    assert!(hung.farewell.as_ref().is_some_and(|reason| reason.contains("after=N")), "{:?}", hung.farewell);
    assert!(read < good.last, "the connection was never held up");
    let mut back = platform.watch_all(read);
    assert!(back.complete);
    for sequence in read + 1..=good.last {
        assert_eq!(back.event().sequence, sequence);
    }
}
