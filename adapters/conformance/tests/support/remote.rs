//! The CA of `plugins/remote.c`: on a loopback port, in memory.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{
    Certificate, CertificateBuilder, CertificateRequest, DistinguishedName, Profile, SerialNumber,
};

const YEAR: i64 = 365 * 86_400;

struct Ca {
    key: PrivateKey,
    root: Certificate,
    /// By idempotency key: the request and its reply.
    issued: Mutex<HashMap<String, (Value, Value)>>,
}

/// Starts the CA; it ends with the test.
pub fn start() -> SocketAddr {
    let key = PrivateKey::generate().unwrap();
    let name = DistinguishedName::builder().common_name("remote root").build().unwrap();
    let number = SerialNumber::generate().unwrap();
    let now = now();
    let root = CertificateBuilder::new(
        Profile::RootCa,
        name,
        key.public_key().clone(),
        number,
        now - 60,
        now + 10 * YEAR,
    );
    let root = root.self_sign(&key).unwrap();
    let ca = Arc::new(Ca { key, root, issued: Mutex::default() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let ca = ca.clone();
            // A connection that breaks is the test's doing.
            thread::spawn(move || ca.serve(stream));
        }
    });
    address
}

impl Ca {
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?);
        let mut line = || {
            let mut line = String::new();
            lines.read_line(&mut line).ok().filter(|count| *count > 0)?;
            Some(line.trim_end().to_owned())
        };
        let (operation, key, length) = (line()?, line()?, line()?);
        let mut document = vec![0; length.parse().ok()?];
        lines.read_exact(&mut document).ok()?;
        let (status, reply) = self.answer(&operation, &key, &document);
        let mut reply = reply.to_string().into_bytes();
        let mut octets = format!("{status}\n{}\n", reply.len()).into_bytes();
        octets.append(&mut reply);
        (&stream).write_all(&octets).ok()
    }

    fn answer(&self, operation: &str, key: &str, document: &[u8]) -> (i32, Value) {
        let request: Value = serde_json::from_slice(document).unwrap_or_default();
        match operation {
            "0" => (0, json!({"text": "the CA answers"})),
            "100" => {
                let issued = self.issued.lock().unwrap();
                let by_serial = |reply: &Value| serial_of(reply).as_deref() == request["serial"].as_str();
                let found = match request["idempotency_key"].as_str() {
                    Some(key) => issued.get(key).map(|(_, reply)| reply),
                    None => issued.values().map(|(_, reply)| reply).find(|reply| by_serial(reply)),
                };
                match found {
                    Some(reply) => (0, json!({"state": "done", "operation": 1, "reply": reply})),
                    None => (0, json!({"state": "absent"})),
                }
            }
            _ => {
                let mut issued = self.issued.lock().unwrap();
                match issued.get(key) {
                    Some((known, reply)) if *known == request => (0, reply.clone()),
                    Some(_) => (3, json!({"text": "another request under this key"})),
                    None => match self.issue(&request) {
                        Some(reply) => {
                            issued.insert(key.to_owned(), (request, reply.clone()));
                            (0, reply)
                        }
                        None => (3, json!({"text": "the request is refused"})),
                    },
                }
            }
        }
    }

    fn issue(&self, request: &Value) -> Option<Value> {
        let csr: Der = serde_json::from_value(request["csr"].clone()).ok()?;
        let csr = CertificateRequest::from_der(csr.as_bytes()).ok()?;
        csr.verify().ok()?;
        let name = request["holder"]["name"].as_str()?;
        let subject = DistinguishedName::builder().common_name(name).build().ok()?;
        let days = request["validity"]["days"].as_i64().unwrap_or(365);
        let number = SerialNumber::generate().ok()?;
        let key = csr.public_key().clone();
        let end = now() + days * 86_400;
        let certificate = CertificateBuilder::new(Profile::Signing, subject, key, number, now(), end);
        let certificate = certificate.sign(&self.root, &self.key).ok()?;
        let der = |certificate: &Certificate| Der(certificate.der().to_vec());
        Some(json!({"signing_certificate": der(&certificate), "chain": [der(&self.root)]}))
    }
}

fn serial_of(reply: &Value) -> Option<String> {
    let der: Der = serde_json::from_value(reply["signing_certificate"].clone()).ok()?;
    let certificate = Certificate::from_der(der.as_bytes()).ok()?;
    yinqiao_ca_sdk::messages::Serial::from_octets(certificate.serial().as_bytes()).ok().map(String::from)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}
