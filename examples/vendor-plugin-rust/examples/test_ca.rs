//! A CA for tests that the plugin can be held against: HTTP on a loopback address, SM2 certificates, everything in memory.
//!
//! `cargo run --example test_ca -- 127.0.0.1:8460 TOKEN`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a program for tests")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{
    Certificate, CertificateBuilder, CertificateRequest, DistinguishedName, Profile, RevocationListBuilder,
    RevocationReason, RevokedEntry, SerialNumber,
};

const DAY: i64 = 86_400;

struct Ca {
    token: String,
    key: PrivateKey,
    certificate: Certificate,
    /// By number: the request and what it came to.
    requests: HashMap<String, (Value, Value)>,
    /// By serial number: the number of the request, and the state.
    certificates: HashMap<String, (String, Value)>,
    revoked: Vec<(SerialNumber, RevokedEntry)>,
    crl_number: u64,
}

type Answer = Result<Value, (u16, &'static str, String)>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (address, token) =
        (arguments.next().expect("ADDRESS TOKEN"), arguments.next().expect("ADDRESS TOKEN"));
    let ca = Arc::new(Mutex::new(Ca::new(token)));
    let listener = TcpListener::bind(&address).expect("the address is free");
    println!("listening on {address}");
    for stream in listener.incoming().flatten() {
        let ca = Arc::clone(&ca);
        thread::spawn(move || serve(stream, &ca));
    }
}

/// One request, one connection. `None` when it is no HTTP, or the other side went away.
fn serve(stream: TcpStream, ca: &Mutex<Ca>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => token = value.strip_prefix("Bearer ")?.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let (status, document) = match ca.lock().unwrap().answer(&token, &method, &path, body) {
        Ok(document) => (200, document),
        Err((status, code, text)) => (status, json!({ "code": code, "text": text })),
    };
    let text = document.to_string();
    let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    reader.get_mut().write_all((head + &text).as_bytes()).ok()
}

impl Ca {
    fn new(token: String) -> Self {
        let key = PrivateKey::generate().unwrap();
        let name =
            DistinguishedName::builder().country("CN").organization("Acme").common_name("Acme Test CA");
        let (serial, public_key) = (SerialNumber::generate().unwrap(), key.public_key().clone());
        let (begin, end) = (now() - 60, now() + 3650 * DAY);
        let builder =
            CertificateBuilder::new(Profile::RootCa, name.build().unwrap(), public_key, serial, begin, end);
        let certificate = builder.self_sign(&key).unwrap();
        let (requests, certificates) = (HashMap::new(), HashMap::new());
        Self { token, key, certificate, requests, certificates, revoked: Vec::new(), crl_number: 1 }
    }

    fn answer(&mut self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        if token != self.token {
            return Err((401, "A-001", "the token is not known".into()));
        }
        let nothing = || (404, "A-404", "there is nothing of that name".to_owned());
        match (method, path.split('/').skip(1).collect::<Vec<_>>().as_slice()) {
            ("GET", ["health"]) => Ok(json!({})),
            ("GET", ["authority"]) => {
                Ok(json!({ "certificates": [STANDARD.encode(self.certificate.der())] }))
            }
            ("GET", ["crl"]) => Ok(self.revocation_list()),
            ("GET", ["certificates", serial]) => {
                let (number, state) = self.certificates.get(*serial).ok_or_else(nothing)?;
                Ok(json!({ "number": number, "state": state }))
            }
            ("GET", ["requests", number]) => {
                let (request, reply) = self.requests.get(*number).ok_or_else(nothing)?;
                Ok(json!({ "action": request["action"], "reply": reply }))
            }
            ("PUT", ["requests", number]) => self.once(number, body),
            _ => Err(nothing()),
        }
    }

    /// The same number with the same request gives the same reply.
    fn once(&mut self, number: &str, request: Value) -> Answer {
        if let Some((before, reply)) = self.requests.get(number) {
            let same = *before == request;
            return if same {
                Ok(json!({ "reply": reply }))
            } else {
                Err((409, "A-409", "another request has this number".into()))
            };
        }
        let reply = match request["action"].as_str() {
            Some("issue") => self.issue(number, &request),
            Some("revoke") => self.revoke(&request),
            _ => Err((422, "A-422", "there is no such action".into())),
        }?;
        self.requests.insert(number.to_owned(), (request, reply.clone()));
        Ok(json!({ "reply": reply }))
    }

    fn issue(&mut self, number: &str, request: &Value) -> Answer {
        let refused = |text: &str| (422, "A-422", text.to_owned());
        let csr = STANDARD.decode(request["csr"].as_str().unwrap_or_default()).unwrap_or_default();
        let csr = CertificateRequest::from_der(&csr)
            .map_err(|_| refused("the request is no PKCS#10 with an SM2 key"))?;
        csr.verify().map_err(|_| refused("the request is not signed with its key"))?;
        let days = request["days"].as_i64().unwrap_or(365);
        let begin = request["not_before_ms"].as_i64().map_or_else(now, |millis| millis / 1000);
        let latest = now() + 3650 * DAY;
        if !(1..=3650).contains(&days) || !(0..latest).contains(&begin) {
            return Err(refused("a certificate is valid for 1 to 3650 days"));
        }
        let mut name = DistinguishedName::builder().country("CN");
        if let Some(organization) = request["organization"].as_str() {
            name = name.organization(organization);
        }
        let name = name.common_name(request["name"].as_str().unwrap_or_default()).build();
        let name = name.map_err(|_| refused("the name can't stand in a certificate"))?;
        let serial = SerialNumber::generate().unwrap();
        let end = begin + days * DAY;
        let builder =
            CertificateBuilder::new(Profile::Signing, name, csr.public_key().clone(), serial, begin, end);
        let certificate = builder
            .sign(&self.certificate, &self.key)
            .map_err(|_| refused("the certificate can't be made"))?;
        let serial = hexadecimal(serial.as_bytes());
        let good = json!({ "serial": serial, "state": "good" });
        self.certificates.insert(serial, (number.to_owned(), good));
        Ok(json!({
            "certificate": STANDARD.encode(certificate.der()),
            "chain": [STANDARD.encode(self.certificate.der())],
        }))
    }

    fn revoke(&mut self, request: &Value) -> Answer {
        let refused = |text: &str| (422, "A-422", text.to_owned());
        let serial = request["serial"].as_str().unwrap_or_default();
        let (_, state) =
            self.certificates.get_mut(serial).ok_or_else(|| refused("this CA issued no such certificate"))?;
        if state["state"] == "good" {
            let reason = match request["reason"].as_str() {
                Some("keyCompromise") => RevocationReason::KeyCompromise,
                Some("affiliationChanged") => RevocationReason::AffiliationChanged,
                Some("superseded") => RevocationReason::Superseded,
                Some("cessationOfOperation") => RevocationReason::CessationOfOperation,
                Some("privilegeWithdrawn") => RevocationReason::PrivilegeWithdrawn,
                Some("unspecified") => RevocationReason::Unspecified,
                _ => return Err(refused("this CA does not revoke for that reason")),
            };
            let entry = RevokedEntry { revoked_at: now(), reason };
            let octets: Vec<u8> = (0..serial.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&serial[i..i + 2], 16).unwrap())
                .collect();
            self.revoked.push((SerialNumber::from_bytes(&octets).unwrap(), entry));
            self.crl_number += 1;
            *state = json!({ "serial": serial, "state": "revoked", "reason": request["reason"], "changed_at_ms": now() * 1000 });
        }
        Ok(state.clone())
    }

    fn revocation_list(&self) -> Value {
        let (begin, end) = (now(), now() + DAY);
        let builder = RevocationListBuilder::new(begin, end, self.crl_number).entries(&self.revoked);
        let list = builder.sign(&self.certificate, &self.key).unwrap();
        let (number, der) = (hexadecimal(list.number().unwrap()), STANDARD.encode(list.der()));
        json!({ "crl": der, "number": number, "this_update_ms": begin * 1000, "next_update_ms": end * 1000 })
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
