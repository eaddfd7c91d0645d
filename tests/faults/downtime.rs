//! Time in which the broker was down is not the bidder's fault.

use std::thread;
use std::time::Duration;

use yinqiao_protocol::Cause;
use yinqiao_protocol::cause::Attribution;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::relying_party::OpenSession;
use yinqiao_tests::relying_party::session;
use yinqiao_tests::{Broker, tasks};

/// The least time to live that can be asked for.
const SHORTEST: u32 = 30;

#[test]
fn a_session_that_expires_over_an_outage_names_the_broker_and_the_times() {
    let mut broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let request = OpenSession {
        time_to_scan: Some(SHORTEST),
        time_to_confirm: Some(SHORTEST),
        ..session(tasks::login())
    };
    let unscanned = platform.open_session(&request);
    let claimed = platform.open_session(&request);
    person.scan(&claimed.code).unwrap();
    broker.kill();
    thread::sleep(Duration::from_secs(u64::from(SHORTEST) + 1));
    broker.restart();
    for opened in [unscanned, claimed] {
        let view = platform.view(&opened.session);
        assert_eq!((view.state, view.attributed_to), (SessionState::Expired, Some(Attribution::Broker)));
        let Some(Cause::BrokerUnavailable { from, until }) = view.cause else { panic!("{:?}", view.cause) };
        assert!(until.millis() - from.millis() >= i64::from(SHORTEST) * 1000, "{from} to {until}");
        assert!(from < opened.scan_until && until > opened.scan_until);
    }
    let opened = platform.open_session(&request);
    assert_eq!(person.answer(&opened.code).state, SessionState::Completed);
}
