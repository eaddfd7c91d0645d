//! Requests that cannot be read or break a rule.

use serde_json::{Value, json};

use yinqiao_protocol::SessionId;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::relying_party::OpenSession;
use yinqiao_protocol::task::MessageArc;
use yinqiao_tests::relying_party::{agent, send, session};
use yinqiao_tests::{Broker, RelyingParty, tasks};

use crate::wire;

#[test]
fn what_is_not_the_expected_json_is_refused_and_says_why() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open_late(tasks::sign(0, MessageArc::Rfc5652));
    let items = format!("/v1/sessions/{}/items", opened.session);
    let bodies: [&[u8]; 6] =
        [b"{", b"[]", b"null", b"{\"task\":{\"purpose\":\"dance\"}}", b"\xff\xfe", b"{\"task\":{}} x"];
    for body in bodies {
        for (method, path) in [("POST", "/v1/sessions"), ("POST", "/v1/openings"), ("PUT", items.as_str())] {
            platform.send(method, path, body).refused("malformed-request");
        }
        for path in ["/v1/phone/claims", "/v1/phone/enrolments"] {
            wire::post_bytes(&broker, path, None, body).refused("malformed-request");
        }
    }
    platform.send("POST", "/v1/sessions", b"").refused("malformed-request");
    let deep = "[".repeat(100_000);
    platform.send("POST", "/v1/sessions", deep.as_bytes()).refused("malformed-request");

    let mut claimed = person.scan(&opened.code).unwrap();
    platform.send_items(&opened.session, tasks::sign(1, MessageArc::Rfc5652)).expect::<Value>();
    let token = claimed.claimed().claim_token.clone();
    for body in bodies {
        for verb in ["response", "decline"] {
            let path = format!("/v1/phone/sessions/{}/{verb}", opened.session);
            wire::post_bytes(&broker, &path, Some(&token), body).refused("malformed-request");
        }
    }
    assert_eq!(yinqiao_tests::holder::agree(&mut claimed).state, SessionState::Completed);
}

#[test]
fn unknown_fields_are_refused_by_name_everywhere() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let with = |mut value: Value, pointer: &str| {
        value.pointer_mut(pointer).unwrap()["surprise"] = json!(1);
        value
    };
    let request = serde_json::to_value(OpenSession {
        display: yinqiao_protocol::statement::Display { title: "x".into(), text: String::new() },
        ..session(tasks::sign(1, MessageArc::Rfc5652))
    })
    .unwrap();
    for pointer in ["", "/task", "/task/items/0", "/display", "/accept"] {
        let problem =
            platform.post("/v1/sessions", &with(request.clone(), pointer)).refused("malformed-request");
        assert!(problem.detail.contains("surprise"), "{problem}");
    }
    for query in ["wait=x", "surprise=1", "after=-1"] {
        platform.send("GET", &format!("/v1/events?{query}"), b"").refused("malformed-request");
    }
    assert!(platform.events(0).events.is_empty());
}

#[test]
fn a_task_that_breaks_a_rule_is_refused_with_the_rule() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let mut twice = tasks::documents(2);
    twice[1].id = twice[0].id.clone();
    let mut unreadable = tasks::documents(1);
    unreadable[0].name = "bid\u{202e}fdp.exe".into();
    let sign = |items| yinqiao_protocol::Task::Sign { arc: MessageArc::Rfc5652, items };
    let refused = |request: &OpenSession, word: &str| {
        let problem = platform.post("/v1/sessions", request).refused("invalid-request");
        assert!(problem.detail.contains(word), "{problem}");
    };
    refused(&session(tasks::sign(1001, MessageArc::Rfc5652)), "1001 items");
    refused(&session(sign(twice)), "\"d0\" stands twice");
    refused(&session(sign(unreadable)), "\"d0\"");
    refused(&session(sign(vec![])), "no items");
    refused(&OpenSession { late_items: true, ..session(tasks::login()) }, "late_items");
    for seconds in [0, 29, 7201] {
        refused(&OpenSession { time_to_scan: Some(seconds), ..session(tasks::login()) }, "time_to_scan");
    }
    refused(&OpenSession { reference: Some("x".repeat(129)), ..session(tasks::login()) }, "reference");
    assert!(platform.events(0).events.is_empty(), "something was opened");
    platform.open(tasks::sign(1000, MessageArc::Rfc5652));
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let mut claimed = person.scan(&opened.code).unwrap();
    let token = claimed.claimed().claim_token.clone();
    let body = vec![b' '; (1 << 20) + 1];
    for path in ["/v1/phone/claims", "/v1/phone/enrolments"] {
        wire::post_bytes(&broker, path, None, &body).refused("too-large");
    }
    for verb in ["response", "decline"] {
        let path = format!("/v1/phone/sessions/{}/{verb}", opened.session);
        wire::post_bytes(&broker, &path, Some(&token), &body).refused("too-large");
    }
    let body = vec![b' '; (16 << 20) + 1];
    platform.send("POST", "/v1/sessions", &body).refused("too-large");
    assert_eq!(yinqiao_tests::holder::agree(&mut claimed).state, SessionState::Completed);
}

#[test]
fn unknown_paths_methods_and_sessions_are_told_apart() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let opened = platform.open(tasks::login());
    let unknown = SessionId::random();
    let uppercase = opened.session.to_string().to_uppercase();
    let paths =
        ["/".to_owned(), "/v1".into(), "/v1/phone/x".into(), "/v2/sessions".into(), "/v1/sessions/".into()];
    let sessions = [unknown.to_string(), uppercase, "x".into(), "%ff".into(), "..%2f..%2fetc".into()];
    let sessions = sessions.map(|id| format!("/v1/sessions/{id}"));
    for path in paths.iter().chain(&sessions) {
        platform.send("GET", path, b"").refused("not-found");
    }
    platform.send("GET", &format!("/v1/openings/{unknown}"), b"").refused("not-found");
    for verb in ["cancel", "acknowledge", "socket-tokens"] {
        platform.order(&unknown, verb).refused("not-found");
    }
    let session = format!("/v1/sessions/{}", opened.session);
    for method in ["DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        for path in [&session, "/v1/sessions", "/v1/phone/claims", "/health"] {
            platform.send(method, path, b"").refused("method-not-allowed");
        }
    }
    platform.send("GET", "/v1/socket", b"").refused("malformed-request");
    platform.order(&opened.session, "acknowledge").refused("wrong-state");
    assert_eq!(platform.view(&opened.session).state, SessionState::Waiting);
}

#[test]
fn who_brings_no_key_or_a_wrong_one_gets_nothing() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let opened = platform.open(tasks::login());
    let wrong = yinqiao_protocol::Token::random().unwrap();
    let paths = ["/v1/events".to_owned(), format!("/v1/sessions/{}", opened.session)];
    for key in [None, Some(&wrong), Some(&opened.socket_token)] {
        for path in &paths {
            send(&agent(), &broker.url(), "GET", path, key, b"").unwrap().refused("unauthorized");
        }
        let body = serde_json::to_vec(&session(tasks::login())).unwrap();
        send(&agent(), &broker.url(), "POST", "/v1/sessions", key, &body).unwrap().refused("unauthorized");
    }
    assert_eq!(platform.events(0).events.len(), 1);
}

#[test]
fn another_bid_systems_session_is_as_unknown_as_one_that_never_was() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let stranger: RelyingParty = broker.relying_party("xiamen");
    let person = broker.person("王小明");
    let opened = platform.open_late(tasks::sign(0, MessageArc::Rfc5652));
    let unknown = SessionId::random();
    let detail = |session: &SessionId, path: &str, method: &str, body: &[u8]| {
        stranger.send(method, &format!("/v1/sessions/{session}{path}"), body).refused("not-found").detail
    };
    let late = serde_json::to_vec(&json!({ "task": tasks::sign(1, MessageArc::Rfc5652) })).unwrap();
    let requests: [(&str, &str, &[u8]); 9] = [
        ("", "GET", b""),
        ("/events", "GET", b""),
        ("/qr.txt", "GET", b""),
        ("/qr.svg", "GET", b""),
        ("/qr.png", "GET", b""),
        ("/cancel", "POST", b""),
        ("/acknowledge", "POST", b""),
        ("/socket-tokens", "POST", b""),
        ("/items", "PUT", &late),
    ];
    let mut claimed = person.scan(&opened.code).unwrap();
    for (path, method, body) in requests {
        assert_eq!(detail(&opened.session, path, method, body), detail(&unknown, path, method, body));
    }
    assert!(stranger.events(0).events.is_empty());
    platform.send_items(&opened.session, tasks::sign(1, MessageArc::Rfc5652)).expect::<Value>();
    assert_eq!(yinqiao_tests::holder::agree(&mut claimed).state, SessionState::Completed);
    for (path, method, body) in requests {
        assert_eq!(detail(&opened.session, path, method, body), detail(&unknown, path, method, body));
    }
}
