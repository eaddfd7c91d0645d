//! The program against a broker of canned answers: what it leaves behind when it fails or is interrupted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::Message;

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateBuilder, DistinguishedName, Profile, SerialNumber};
use yinqiao_protocol::SessionId;

const NOW: &str = "2026-01-01T00:00:00.000Z";

/// What the broker does on the websocket once it has pushed a code.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Then {
    Wait,
    Complain,
}

/// A broker with one session.
struct Broker {
    base: String,
    session: SessionId,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Broker {
    fn start(then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (session, requests) = (SessionId::random(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || answer(stream.unwrap(), session, then, &seen));
            }
        });
        Self { base, session, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn cancel(&self) -> String {
        format!("POST /v1/sessions/{}/cancel", self.session)
    }
}

fn answer(mut stream: TcpStream, session: SessionId, then: Then, seen: &Mutex<Vec<String>>) {
    let mut head = [0; 16];
    while stream.peek(&mut head).unwrap() < head.len() {}
    if head.starts_with(b"GET /v1/socket") {
        return push(stream, session, then);
    }
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0);
        request.extend_from_slice(&piece[..length]);
    }
    let text = String::from_utf8(request).unwrap();
    let line = text.split(" HTTP/").next().unwrap().to_owned();
    let json = if line.ends_with("/cancel") {
        json!({ "session": session, "state": "cancelled", "sequence": 2 })
    } else {
        json!({
            "session": session, "sequence": 1, "secret": "", "code": "code", "opened_at": NOW, "scan_until": NOW,
            "socket_token": "token", "socket": "/v1/socket",
        })
    };
    seen.lock().unwrap().push(line);
    let body = json.to_string();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn push(stream: TcpStream, session: SessionId, then: Then) {
    let mut socket = tungstenite::accept(stream).unwrap();
    socket.read().unwrap();
    let mut send = |message: Value| socket.send(Message::text(message.to_string())).unwrap();
    send(json!({ "message": "welcome", "after": 1, "complete": true }));
    send(json!({ "message": "code", "session": session, "text": "code", "until": NOW }));
    if then == Then::Complain {
        send(json!({
            "message": "problem", "type": "urn:yinqiao:problem:forbidden", "title": "", "status": 403, "detail": "",
        }));
    }
    // Until the program goes.
    while socket.read().is_ok() {}
}

/// A folder with what the program needs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate().unwrap();
        let name = DistinguishedName::builder().common_name("root").build().unwrap();
        let serial = SerialNumber::generate().unwrap();
        let root = CertificateBuilder::new(Profile::RootCa, name, key.public_key().clone(), serial, 0, 999)
            .self_sign(&key)
            .unwrap();
        fs::write(folder.path().join("roots.pem"), root.to_pem().unwrap()).unwrap();
        fs::write(folder.path().join("key"), "key").unwrap();
        fs::write(folder.path().join("bid.pdf"), "bid").unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn start(&self, broker: &Broker, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_yinqiao-bid-tool"))
            .args(arguments)
            .args(["--broker", &broker.base, "--api-key-file", "key", "--trust", "roots.pem"])
            .args(["--code-file", "code"])
            .current_dir(self.0.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }
}

fn wait_for(path: &Path) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < give_up, "{} did not come", path.display());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_command_cancels_its_session_and_removes_its_code() {
    for signal in ["INT", "TERM"] {
        let (place, broker) = (Place::new(), Broker::start(Then::Wait));
        let mut program = place.start(&broker, &["login"]);
        wait_for(&place.path("code"));
        let killed = Command::new("kill").args(["-s", signal, &program.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(program.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(broker.requests(), ["POST /v1/sessions".to_owned(), broker.cancel()], "{signal}");
        assert!(!place.path("code").exists(), "{signal}");
    }
}

#[test]
fn a_command_that_fails_cancels_its_session_and_removes_its_code() {
    let (place, broker) = (Place::new(), Broker::start(Then::Complain));
    assert_eq!(place.start(&broker, &["login"]).wait().unwrap().code(), Some(5));
    assert_eq!(broker.requests(), ["POST /v1/sessions".to_owned(), broker.cancel()]);
    assert!(!place.path("code").exists());
}

#[test]
fn property_info_that_is_not_ascii_opens_no_session() {
    let (place, broker) = (Place::new(), Broker::start(Then::Wait));
    for info in ["", "签章", &"x".repeat(513)] {
        let arguments =
            ["seal", "bid.pdf", "--seal-kind", "official", "--out", "out", "--property-info", info];
        assert_eq!(place.start(&broker, &arguments).wait().unwrap().code(), Some(2), "{info}");
    }
    assert!(broker.requests().is_empty());
}
