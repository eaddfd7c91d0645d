use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::AtomicUsize;

use super::*;

const LIMITS: Limits =
    Limits { answer_bytes: 1 << 16, request: Duration::from_secs(5), patience: Duration::from_secs(5) };

/// Serves one canned answer per connection; an empty one is a broken connection. Gives the requests' first lines.
fn serve(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let mut lines = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            lines.push(line.trim().to_owned());
            while line.trim() != "" {
                line.clear();
                reader.read_line(&mut line).unwrap();
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
        lines
    });
    (base, served)
}

fn client(base: &str) -> HttpClient {
    HttpClient::new(base, LIMITS).unwrap()
}

const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nConnection: close\r\n\
    Content-Type: application/problem+json\r\nContent-Length: 66\r\n\r\n\
    {\"type\":\"urn:yinqiao:problem:busy\",\"title\":\"\",\"status\":503,\"detail\":\"\"}";
const GOOD: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\
    Content-Length: 4\r\n\r\ntrue";

#[test]
fn a_request_is_sent_again_after_a_broken_connection_and_after_503() {
    let (base, served) = serve(&["", UNAVAILABLE, GOOD]);
    let answer: bool = client(&base).get("/x", &Token::parse("t").unwrap(), 0).unwrap();
    assert!(answer);
    assert_eq!(served.join().unwrap(), ["GET /x HTTP/1.1"; 3]);
}

#[test]
fn a_broker_that_never_answered_is_given_up_sooner_and_its_silence_is_told_once() {
    static TOLD: AtomicUsize = AtomicUsize::new(0);
    let silence = Silence {
        patience_at_first: Duration::from_millis(500),
        tell: || {
            TOLD.fetch_add(1, Ordering::SeqCst);
        },
    };
    let (base, served) = serve(&[GOOD]);
    let nowhere = client("http://127.0.0.1:1").with_silence(silence);
    let token = Token::parse("t").unwrap();
    let begin = Instant::now();
    nowhere.get::<bool>("/x", &token, 0).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(TOLD.load(Ordering::SeqCst), 1);
    let answered = client(&base).with_silence(silence);
    answered.get::<bool>("/x", &token, 0).unwrap();
    served.join().unwrap();
    let begin = Instant::now();
    answered.get::<bool>("/x", &token, 0).unwrap_err();
    assert!(begin.elapsed() > Duration::from_secs(1));
    assert_eq!(TOLD.load(Ordering::SeqCst), 2);
}

#[test]
fn what_would_happen_twice_is_sent_again_after_503_but_not_after_a_broken_connection() {
    let (base, _) = serve(&[UNAVAILABLE, "", GOOD]);
    let answer: Result<bool, _> = client(&base).post("/x", None, b"", Twice::Again);
    assert!(matches!(answer, Err(HttpError::Unreachable { .. })), "{answer:?}");
}

#[test]
fn a_redirect_is_not_followed() {
    const AWAY: &str = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\
        Connection: close\r\nContent-Length: 0\r\n\r\n";
    let (base, served) = serve(&[AWAY]);
    let answer: Result<bool, _> = client(&base).post("/x", None, b"{}", Twice::Harmless);
    assert!(matches!(answer, Err(HttpError::NotABroker { .. })));
    served.join().unwrap();
}

#[test]
fn other_addresses_are_refused() {
    for base in ["", "broker.example", "ftp://x", "http://", "http://a@b", "http://a/"] {
        assert!(HttpClient::new(base, LIMITS).is_err(), "{base}");
    }
}
