//! A bid system that lost an answer sends its request again.

use ureq::http::Request;

use yinqiao_protocol::Token;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::relying_party::{OpenOpening, OpenSession, OpenedOpening, OpenedSession};
use yinqiao_tests::answer::Answer;
use yinqiao_tests::relying_party::{agent, session};
use yinqiao_tests::{Broker, RelyingParty, tasks};

fn post(platform: &RelyingParty, path: &str, key: &str, body: &impl serde::Serialize) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri(format!("{}{path}", platform.url()))
        .header("authorization", format!("Bearer {}", platform.key().expose()))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(serde_json::to_vec(body).unwrap())
        .unwrap();
    Answer::read(agent().run(request).unwrap()).unwrap()
}

#[test]
fn the_same_key_opens_the_same_session_once_and_another_request_under_it_is_refused() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let request = session(tasks::login());
    let first: OpenedSession = post(&platform, "/v1/sessions", "key-1", &request).expect();
    let again: OpenedSession = post(&platform, "/v1/sessions", "key-1", &request).expect();
    assert_eq!((first.session, &first.secret), (again.session, &again.secret));
    assert_ne!(first.socket_token.expose(), again.socket_token.expose());
    let other = OpenSession { time_to_scan: Some(60), ..request.clone() };
    post(&platform, "/v1/sessions", "key-1", &other).refused("idempotency-key-reused");
    let second: OpenedSession = post(&platform, "/v1/sessions", "key-2", &request).expect();
    assert_ne!(first.session, second.session);
    let foreign = broker.relying_party("xiamen");
    let theirs: OpenedSession = post(&foreign, "/v1/sessions", "key-1", &request).expect();
    assert_ne!(first.session, theirs.session);

    let mut page = platform.watch(&again);
    assert_eq!(person.answer(&again.code).state, SessionState::Completed);
    page.events_until(|happening| matches!(happening, yinqiao_protocol::event::Happening::Completed { .. }));
    assert_eq!(platform.events(0).events.len(), 4, "two openings, one claim, one answer: no orphan");
    post(&platform, "/v1/sessions", "a key with spaces", &request).refused("malformed-request");
}

#[test]
fn an_opening_sent_twice_is_one_opening() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let request = OpenOpening {
        title: "开标".to_owned(),
        window: Some(600),
        sessions: vec![session(tasks::login()), session(tasks::login())],
    };
    let first: OpenedOpening = post(&platform, "/v1/openings", "key", &request).expect();
    let again: OpenedOpening = post(&platform, "/v1/openings", "key", &request).expect();
    assert_eq!((first.opening, first.until), (again.opening, again.until));
    let names = |opening: &OpenedOpening| opening.sessions.iter().map(|s| s.session).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&again));
    assert_eq!(platform.events(0).events.len(), 2);
    let fresh: Vec<&Token> = again.sessions.iter().map(|s| &s.socket_token).collect();
    assert_ne!(fresh[0].expose(), first.sessions[0].socket_token.expose());
}
