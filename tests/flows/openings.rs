//! A bid opening (开标): many sessions, watched, extended and cancelled together.

use std::collections::BTreeMap;

use yinqiao_protocol::Cause;
use yinqiao_protocol::cause::Attribution;
use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_protocol::relying_party::{
    ExtendOpening, MOST_SESSIONS, OpenOpening, OpenSession, OpenedOpening, OpeningChange, OpeningView,
};
use yinqiao_tests::relying_party::session;
use yinqiao_tests::{Broker, Socket, tasks};

const BIDDERS: usize = 50;

#[test]
fn fifty_bidders_are_watched_on_one_socket_through_extension_and_cancellation() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let bidders = [broker.person("王小明"), broker.person("李雷"), broker.person("韩梅")];
    platform.open(tasks::login());
    let request = OpenOpening {
        title: "马尾大桥一期开标".to_owned(),
        window: Some(600),
        sessions: (0..BIDDERS)
            .map(|n| OpenSession { reference: Some(format!("bidder {n}")), ..session(tasks::login()) })
            .collect(),
    };
    let opening: OpenedOpening = platform.post("/v1/openings", &request).expect();
    assert_eq!(opening.sessions.len(), BIDDERS);
    assert_eq!(opening.sessions[7].reference.as_deref(), Some("bidder 7"));
    let path = format!("/v1/openings/{}", opening.opening);
    let mut hall = Socket::connect(platform.url(), Some(platform.key()));
    hall.try_hello(None, 0, Some(opening.opening), true).unwrap();

    // One answers, one declines, one has scanned; the others never do.
    bidders[0].answer(&opening.sessions[0].code);
    let declining = bidders[1].scan(&opening.sessions[1].code).unwrap();
    declining.decline(yinqiao_protocol::phone::DeclineReason::Declined).unwrap();
    bidders[2].scan(&opening.sessions[2].code).unwrap();

    let until = opening.until.plus_seconds(900);
    for changed in [BIDDERS - 2, 0] {
        let change: OpeningChange =
            platform.post(&format!("{path}/extend"), &ExtendOpening { until }).expect();
        assert_eq!((change.until, change.changed, change.ended_before), (until, changed, 2));
    }
    let too_far = ExtendOpening { until: until.plus_seconds(7200) };
    platform.post(&format!("{path}/extend"), &too_far).refused("invalid-request");
    let view: OpeningView = platform.get(&path);
    assert_eq!((view.title.as_str(), view.until), ("马尾大桥一期开标", until));
    assert!(view.sessions[3].until == Some(until) && view.sessions[2].until == Some(until));

    let change: OpeningChange = platform.send("POST", &format!("{path}/cancel"), b"").expect();
    assert_eq!((change.changed, change.ended_before), (BIDDERS - 2, 2));
    let view: OpeningView = platform.get(&path);
    let states: Vec<SessionState> = view.sessions.iter().map(|session| session.state).collect();
    assert_eq!(states[..2], [SessionState::Completed, SessionState::Declined]);
    assert!(states[2..].iter().all(|state| *state == SessionState::Cancelled));
    assert_eq!(view.sessions[1].cause, Some(Cause::DeclinedByHolder));
    assert_eq!(view.sessions[1].attributed_to, Some(Attribution::Holder));
    assert_eq!(view.sessions[2].cause, Some(Cause::OpeningCancelled));
    assert_eq!(view.sessions[2].attributed_to, Some(Attribution::RelyingParty));

    // The socket has seen all of it, of this opening alone, in order.
    let count = 50 + 3 + 1 + 1 + 48 + 48;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..count {
        let event = hall.event();
        assert_eq!(event.opening, Some(opening.opening));
        *kinds.entry(kind(&event.happening)).or_default() += 1;
    }
    let expected = [
        ("cancelled", 48),
        ("claimed", 3),
        ("completed", 1),
        ("declined", 1),
        ("extended", 48),
        ("opened", 50),
    ];
    assert_eq!(kinds, BTreeMap::from(expected));
}

#[test]
fn an_opening_with_one_wrong_session_opens_none_and_says_which() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let sessions = vec![session(tasks::login()), session(tasks::unseal()), session(tasks::seal(0))];
    let request = OpenOpening { title: String::new(), window: None, sessions };
    let problem = platform.post("/v1/openings", &request).refused("invalid-request");
    assert_eq!(problem.members["session_index"], 2);
    assert!(platform.events(0).events.is_empty());
    for count in [0, MOST_SESSIONS + 1] {
        let request = OpenOpening { sessions: vec![session(tasks::login()); count], ..request.clone() };
        platform.post("/v1/openings", &request).refused("invalid-request");
    }
    assert!(platform.events(0).events.is_empty());
}

#[test]
fn a_thousand_sessions_open_in_one_call_and_are_cancelled_in_another() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let sessions = vec![session(tasks::login()); MOST_SESSIONS];
    let request = OpenOpening { title: String::new(), window: None, sessions };
    let opening: OpenedOpening = platform.post("/v1/openings", &request).expect();
    assert_eq!(opening.sessions.len(), MOST_SESSIONS);
    let path = format!("/v1/openings/{}", opening.opening);
    let change: OpeningChange = platform.send("POST", &format!("{path}/cancel"), b"").expect();
    assert_eq!((change.changed, change.ended_before), (MOST_SESSIONS, 0));
}

fn kind(happening: &Happening) -> &'static str {
    match happening {
        Happening::Opened { .. } => "opened",
        Happening::Claimed { .. } => "claimed",
        Happening::Ready { .. } => "ready",
        Happening::Extended { .. } => "extended",
        Happening::Completed { .. } => "completed",
        Happening::Declined(_) => "declined",
        Happening::Failed(_) => "failed",
        Happening::Expired(_) => "expired",
        Happening::Cancelled(_) => "cancelled",
    }
}
