//! Tokens open one door, once.

use yinqiao_phone::http::Broker as PhoneSide;
use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_protocol::phone::PhoneSession;
use yinqiao_protocol::relying_party::{OpenOpening, OpenedOpening};
use yinqiao_protocol::{SessionId, Token};
use yinqiao_tests::holder::agree;
use yinqiao_tests::relying_party::{agent, send, session};
use yinqiao_tests::{Broker, Socket, tasks};

#[test]
fn a_websocket_token_opens_one_connection() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let mut page = platform.watch(&opened);
    let hello = |token: &Token| {
        let mut socket = Socket::connect(platform.url(), None);
        let refused =
            socket.try_hello(Some(token), 0, None, true).map_err(|problem| problem.name().to_owned());
        if refused.is_err() {
            assert!(socket.is_closed());
        }
        refused.map(|()| socket)
    };
    assert_eq!(hello(&opened.socket_token).err().as_deref(), Some("socket-token-used"));
    assert_eq!(hello(&Token::random().unwrap()).err().as_deref(), Some("unauthorized"));
    let renewed = platform.socket_token(&opened.session);
    let replaced = page.next_token.clone().unwrap();
    assert_eq!(hello(&replaced).err().as_deref(), Some("socket-token-used"));
    let mut second = hello(&renewed).unwrap();

    assert_eq!(person.answer(&opened.code).state, SessionState::Completed);
    for socket in [&mut page, &mut second] {
        socket.events_until(|happening| matches!(happening, Happening::Completed { .. }));
    }
}

#[test]
fn a_websocket_says_what_is_wrong_before_it_closes() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let opened = platform.open(tasks::login());
    let answer = |key: Option<&Token>, text: &str| {
        let mut socket = Socket::connect(platform.url(), key);
        socket.say_text(text);
        let message: serde_json::Value = serde_json::from_str(&socket.try_text().unwrap()).unwrap();
        assert!(socket.is_closed(), "{text}");
        assert_eq!(message["message"], "problem", "{message}");
        message["type"].as_str().unwrap().strip_prefix("urn:yinqiao:problem:").unwrap().to_owned()
    };
    assert_eq!(answer(None, "hello"), "malformed-request");
    assert_eq!(answer(None, r#"{"type":"hello","surprise":1}"#), "malformed-request");
    assert_eq!(answer(None, r#"{"type":"hello"}"#), "unauthorized");
    let acknowledge = format!(r#"{{"type":"acknowledge","session":"{}"}}"#, opened.session);
    assert_eq!(answer(None, &acknowledge), "unauthorized");
    let both = format!(r#"{{"type":"hello","token":"{}"}}"#, opened.socket_token.expose());
    assert_eq!(answer(Some(platform.key()), &both), "invalid-request");
    // None of this has used the token up.
    platform.watch(&opened);
    let refused = Socket::try_connect(platform.url(), Some(&Token::random().unwrap())).err().unwrap();
    assert!(refused.contains("401"), "{refused}");
}

#[test]
fn a_claim_token_is_for_its_own_session_only() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let [mut first, second] = [(); 2].map(|()| person.scan(&platform.open(tasks::login()).code).unwrap());
    let unclaimed = platform.open(tasks::login());
    let path = |session: &SessionId| format!("/v1/phone/sessions/{session}");
    let own = path(&first.claimed().session);
    let wrong_tokens =
        [&second.claimed().claim_token, &unclaimed.socket_token, platform.key(), &Token::random().unwrap()];
    for token in wrong_tokens {
        send(&agent(), &broker.url(), "GET", &own, Some(token), b"").unwrap().refused("not-the-claimant");
        for (verb, body) in
            [("response", r#"{"statement_signature":""}"#), ("decline", r#"{"reason":"declined"}"#)]
        {
            let path = format!("{own}/{verb}");
            send(&agent(), &broker.url(), "POST", &path, Some(token), body.as_bytes())
                .unwrap()
                .refused("not-the-claimant");
        }
    }
    let token = &first.claimed().claim_token;
    send(&agent(), &broker.url(), "GET", &path(&unclaimed.session), Some(token), b"")
        .unwrap()
        .refused("not-the-claimant");
    send(&agent(), &broker.url(), "GET", &path(&SessionId::random()), Some(token), b"")
        .unwrap()
        .refused("not-found");
    send(&agent(), &broker.url(), "GET", &own, None, b"").unwrap().refused("unauthorized");
    send(&agent(), &broker.url(), "GET", "/v1/events", Some(token), b"").unwrap().refused("unauthorized");
    PhoneSide::new(&broker.url()).unwrap().get::<PhoneSession>(&own, token, 0).unwrap();
    assert_eq!(agree(&mut first).state, SessionState::Completed);
}

#[test]
fn another_bid_systems_opening_and_results_stay_closed_on_the_websocket() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let stranger = broker.relying_party("xiamen");
    let person = broker.person("王小明");
    let request = OpenOpening { title: String::new(), window: None, sessions: vec![session(tasks::login())] };
    let opening: OpenedOpening = platform.post("/v1/openings", &request).expect();
    let path = format!("/v1/openings/{}", opening.opening);
    stranger.send("GET", &path, b"").refused("not-found");
    stranger.send("POST", &format!("{path}/cancel"), b"").refused("not-found");
    person.answer(&opening.sessions[0].code);

    let mut refused = Socket::connect(stranger.url(), Some(stranger.key()));
    let problem = refused.try_hello(None, 0, Some(opening.opening), true).unwrap_err();
    assert_eq!(problem.name(), "not-found");
    let mut socket = Socket::connect(stranger.url(), Some(stranger.key()));
    socket.try_hello(None, 0, None, true).unwrap();
    let session = opening.sessions[0].session;
    socket.say(&yinqiao_protocol::event::ClientMessage::Acknowledge { session });
    // The first thing that comes is the refusal: no event came before it.
    match socket.message() {
        yinqiao_protocol::event::ServerMessage::Problem(problem) => assert_eq!(problem.name(), "not-found"),
        other => panic!("{other:?}"),
    }
    assert!(platform.view(&session).result.is_some());
}

#[test]
fn a_sessions_websocket_acknowledges_no_other_session() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let (own, other) = (platform.open(tasks::login()), platform.open(tasks::login()));
    person.answer(&other.code);
    let mut page = platform.watch(&own);
    page.say_text(&format!(r#"{{"type":"acknowledge","session":"{}"}}"#, other.session));
    let answer = loop {
        let text = page.try_text().unwrap();
        if text.contains("problem") {
            break text;
        }
    };
    assert!(answer.contains("not-found"), "{answer}");
    assert!(platform.view(&other.session).result.is_some(), "the result is still there");
}
