use std::net::TcpListener;
use std::thread::JoinHandle;

use yinqiao_protocol::Timestamp;
use yinqiao_protocol::event::{Event, Happening};

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

/// A broker's websocket that takes one connection after another; `script` gets its number and the hello, sends what it
/// will, and breaks the connection when it returns.
fn serve(
    connections: usize,
    script: impl Fn(usize, &str, &mut WebSocket<TcpStream>) + Send + 'static,
) -> (Client, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        for number in 0..connections {
            let (stream, _) = listener.accept().unwrap();
            let mut socket = tungstenite::accept(stream).unwrap();
            let hello = socket.read().unwrap().into_text().unwrap();
            script(number, &hello, &mut socket);
        }
    });
    (Client::new(&base, Token::parse("key").unwrap()).unwrap(), served)
}

fn send(socket: &mut WebSocket<TcpStream>, message: &ServerMessage) {
    socket.send(Message::text(serde_json::to_string(message).unwrap())).unwrap();
}

fn event(sequence: u64) -> ServerMessage {
    ServerMessage::Event(Box::new(Event {
        sequence,
        session: SessionId::from_bytes([1; 16]),
        opening: None,
        at: Timestamp::from_millis(0),
        happening: Happening::Ready { items: 1, confirm_until: Timestamp::from_millis(1_800_000_000_000) },
    }))
}

fn welcome(next_token: Option<&str>) -> ServerMessage {
    ServerMessage::Welcome { after: 0, complete: true, next_token: next_token.and_then(Token::parse) }
}

fn opened() -> OpenedSession {
    OpenedSession {
        session: SessionId::from_bytes([1; 16]),
        sequence: 3,
        secret: vec![0; 32].into(),
        code: String::new(),
        opened_at: Timestamp::from_millis(0),
        scan_until: Timestamp::from_millis(0),
        socket_token: Token::parse("first").unwrap(),
        socket: PATH.to_owned(),
        reference: None,
    }
}

/// The sequence numbers of the next `count` events.
fn sequences(socket: &mut Socket, count: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    while sequences.len() < count {
        if let ServerMessage::Event(event) = socket.next_message(PATIENCE).unwrap().unwrap() {
            sequences.push(event.sequence);
        }
    }
    sequences
}

#[test]
fn after_a_break_it_comes_back_with_the_next_token_and_gives_each_event_once() {
    let (client, served) = serve(2, |number, hello, socket| {
        if number == 0 {
            assert!(hello.contains("\"token\":\"first\"") && hello.contains("\"after\":3"), "{hello}");
            send(socket, &welcome(Some("second")));
            send(socket, &event(4));
            send(socket, &event(5));
        } else {
            assert!(hello.contains("\"token\":\"second\"") && hello.contains("\"after\":5"), "{hello}");
            send(socket, &welcome(Some("third")));
            send(socket, &event(5));
            send(socket, &event(6));
        }
    });
    let mut socket = Socket::connect_session(&client, &opened());
    assert_eq!(sequences(&mut socket, 3), [4, 5, 6]);
    served.join().unwrap();
}

#[test]
fn a_wrong_api_key_is_an_error_and_no_reason_to_try_again() {
    let (client, served) = serve(1, |_, _, socket| {
        let problem = serde_json::json!({ "message": "problem", "type": "urn:yinqiao:problem:unauthorized",
            "title": "t", "status": 401, "detail": "d" });
        socket.send(Message::text(problem.to_string())).unwrap();
    });
    let mut socket = Socket::connect_all(&client, None, 0);
    assert!(matches!(socket.next_message(PATIENCE), Err(SocketError::Refused(_))));
    served.join().unwrap();
}

#[test]
fn a_broker_that_is_away_is_no_error_and_no_message() {
    let client = Client::new("http://127.0.0.1:1", Token::parse("key").unwrap()).unwrap();
    let mut socket = Socket::connect_all(&client, None, 0);
    let begun = Instant::now();
    assert!(socket.next_message(Duration::from_millis(300)).unwrap().is_none());
    assert!(begun.elapsed() >= Duration::from_millis(300));
}
