//! A bid system that stops reading.

use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use yinqiao_protocol::event::Happening;
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
    let hung = platform.watch_all(0);
    set_socket_recv_buffer_size(hung.stream(), 4096).unwrap();
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

    drop(hung);
    let expected = good.last;
    let mut back = platform.watch_all(expected - 2);
    assert!(back.complete);
    assert_eq!((back.event().sequence, back.event().sequence), (expected - 1, expected));
}
