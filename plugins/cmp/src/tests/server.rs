//! A CMP server of these tests: it answers as a test tells it to, with good protection or without, and can be broken in
//! every way a network can.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::asn1::{Any, GeneralizedTime, OctetString};
use der::{Decode, Encode};
use yinqiao_gm::hash::HashAlgorithm;
use zeroize::Zeroizing;

use super::SECRET;
use crate::asn1::{Body, InfoTypeAndValue, PkiHeader, ReceivedMessage, SentMessage, explicit, sequence, tag};
use crate::protection::{MacKind, MacScheme, Protector, Secret};
use crate::x509::name::NULL_DN;

/// What the server does with one request.
pub(super) enum Reaction {
    /// A protected answer.
    Answer(Body),
    /// A protected answer whose header a test has changed.
    Changed(Body, fn(&mut PkiHeader)),
    /// These octets as the HTTP body.
    Octets(Vec<u8>),
    /// These octets instead of HTTP.
    Raw(Vec<u8>),
    /// The good answer's HTTP, cut after so many octets.
    Cut(Body, usize),
    /// One octet of a header now and then, for ever.
    Drip,
    /// Nothing, while the connection stays open.
    BlackHole,
    /// The connection is closed at once.
    Close,
}

/// What a test answers to a request: its number and the request.
type Script = dyn Fn(usize, &ReceivedMessage) -> Reaction + Send + Sync;

pub(super) struct Server {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<u32>>>,
    stop: Arc<AtomicBool>,
    port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server that shares the tests' secret.
    pub(super) fn with_mac(
        script: impl Fn(usize, &ReceivedMessage) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let protector = Protector::Mac {
            secret: Secret::new(Zeroizing::new(SECRET.to_vec())),
            scheme: MacScheme { kind: MacKind::PasswordBasedMac, hash: HashAlgorithm::Sha256, rounds: 100 },
            sender: NULL_DN.to_vec(),
            reference: None,
        };
        Self::start(protector, script)
    }

    pub(super) fn start(
        protector: Protector,
        script: impl Fn(usize, &ReceivedMessage) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, end) = (Arc::clone(&seen), Arc::clone(&stop));
        let script: Box<Script> = Box::new(script);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let _ = serve(stream.unwrap(), &protector, &script, &log, &end);
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/cmp"), seen, stop, port, thread: Some(thread) }
    }

    /// The bodies of the requests so far.
    pub(super) fn seen(&self) -> Vec<u32> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    protector: &Protector,
    script: &Script,
    seen: &Mutex<Vec<u32>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let request = ReceivedMessage::from_der(&read_request(&mut stream)?).unwrap();
    if let (Protector::Mac { secret, .. }, Some(algorithm)) = (protector, &request.header.protection_alg) {
        let protection = request.protection.as_ref().unwrap();
        secret.verify(algorithm, request.protected_part(), protection).unwrap();
    }
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.body.number);
        seen.len() - 1
    };
    match script(number, &request) {
        Reaction::Answer(body) => stream.write_all(&http(&answer(protector, &request, &body, |_| ()))),
        Reaction::Changed(body, change) => {
            stream.write_all(&http(&answer(protector, &request, &body, change)))
        }
        Reaction::Octets(octets) => stream.write_all(&http(&octets)),
        Reaction::Raw(octets) => stream.write_all(&octets),
        Reaction::Cut(body, length) => {
            stream.write_all(&http(&answer(protector, &request, &body, |_| ()))[..length])
        }
        Reaction::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-drip: ")?;
            while !stop.load(Ordering::SeqCst) {
                stream.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
        Reaction::BlackHole => {
            // Until the client has had enough.
            let mut rest = [0];
            stream.read(&mut rest).map(drop)
        }
        Reaction::Close => Ok(()),
    }
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet)?;
        head.push(octet[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    assert!(
        head.starts_with("post /cmp http/1.1\r\n") && head.contains("content-type: application/pkixcmp\r\n"),
        "{head}"
    );
    let length =
        head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn http(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/pkixcmp\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn answer(
    protector: &Protector,
    request: &ReceivedMessage,
    body: &Body,
    change: impl FnOnce(&mut PkiHeader),
) -> Vec<u8> {
    let protection = protector.begin().unwrap();
    let octets = |octets: &[u8]| OctetString::new(octets).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut header = PkiHeader {
        pvno: 2,
        sender: protector.sender().unwrap(),
        recipient: request.header.sender.clone(),
        message_time: Some(GeneralizedTime::from_unix_duration(Duration::from_secs(now.as_secs())).unwrap()),
        protection_alg: Some(protection.algorithm().clone()),
        sender_kid: protector.key_identifier().map(octets),
        recip_kid: None,
        transaction_id: request.header.transaction_id.clone(),
        sender_nonce: Some(octets(&[7; 16])),
        recip_nonce: request.header.sender_nonce.clone(),
        free_text: None,
        general_info: None,
    };
    change(&mut header);
    let message = SentMessage::new(&header, body).unwrap();
    let protection = protection.finish(&message.protected_part().unwrap()).unwrap();
    message.finish(&protection, &protector.extra_certificates()).unwrap()
}

/// `CertRepMessage` that grants a certificate.
pub(super) fn granted(number: u32, cert_req_id: i64, certificate: &[u8]) -> Body {
    response(number, cert_req_id, &[0x30, 3, 2, 1, 0], Some(certificate))
}

/// `CertRepMessage` with the status waiting.
pub(super) fn waiting(number: u32, cert_req_id: i64) -> Body {
    response(number, cert_req_id, &[0x30, 3, 2, 1, 3], None)
}

/// `CertRepMessage` with this PKIStatusInfo.
fn response(number: u32, cert_req_id: i64, status: &[u8], certificate: Option<&[u8]>) -> Body {
    let id = cert_req_id.to_der().unwrap();
    let pair = certificate.map(|der| sequence(&[&explicit(0, der).unwrap()]).unwrap()).unwrap_or_default();
    let response = sequence(&[&id, status, &pair]).unwrap();
    let content = sequence(&[&sequence(&[&response]).unwrap()]).unwrap();
    Body { number, content }
}

/// `PollRepContent`.
pub(super) fn poll_later(cert_req_id: i64, seconds: i64) -> Body {
    let (id, after) = (cert_req_id.to_der().unwrap(), seconds.to_der().unwrap());
    Body { number: tag::POLL_REP, content: sequence(&[&sequence(&[&id, &after]).unwrap()]).unwrap() }
}

/// `PKIConfirmContent`.
pub(super) fn confirmed() -> Body {
    Body { number: tag::PKICONF, content: vec![5, 0] }
}

/// `ErrorMsgContent` with the status rejection and badRequest.
pub(super) fn refused() -> Body {
    let status = [0x30, 7, 2, 1, 2, 3, 2, 5, 0x20];
    Body { number: tag::ERROR, content: sequence(&[&status]).unwrap() }
}

/// `RevRepContent` with the status accepted.
pub(super) fn revoked() -> Body {
    Body { number: tag::RP, content: vec![0x30, 7, 0x30, 5, 0x30, 3, 2, 1, 0] }
}

/// `GenRepContent` with one value.
pub(super) fn told(kind: const_oid::ObjectIdentifier, value: Option<&[u8]>) -> Body {
    let info_value = value.map(|der| Any::from_der(der).unwrap());
    Body::new(tag::GENP, &vec![InfoTypeAndValue { info_type: kind, info_value }]).unwrap()
}
