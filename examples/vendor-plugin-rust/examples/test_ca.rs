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
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::{PrivateKey, PublicKey};
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
    /// By serial number.
    certificates: HashMap<String, Issued>,
    revoked: Vec<(SerialNumber, RevokedEntry)>,
    crl_number: u64,
}

struct Issued {
    /// Number of the request.
    number: String,
    serial: SerialNumber,
    state: Value,
    /// Serial number of the pair's other certificate.
    other: String,
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
                let issued = self.certificates.get(*serial).ok_or_else(nothing)?;
                Ok(json!({ "number": issued.number, "state": issued.state }))
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
        // GB/T 35276: the encryption key is made here, and comes enveloped for the holder's signing key.
        let encryption_key = PrivateKey::generate().unwrap();
        let enveloped = EnvelopedKey::wrap(&encryption_key, csr.public_key()).unwrap();
        let validity = (begin, begin + days * DAY);
        let signing = self.certify(Profile::Signing, &name, csr.public_key(), validity);
        let encryption = self.certify(Profile::Encryption, &name, encryption_key.public_key(), validity);
        for (own, other) in [(&signing, &encryption), (&encryption, &signing)] {
            let [serial, other] =
                [own, other].map(|certificate| hexadecimal(certificate.serial().as_bytes()));
            let state = json!({ "serial": serial, "state": "good" });
            let issued = Issued { number: number.to_owned(), serial: *own.serial(), state, other };
            self.certificates.insert(serial, issued);
        }
        Ok(json!({
            "certificate": STANDARD.encode(signing.der()),
            "encryption_certificate": STANDARD.encode(encryption.der()),
            "enveloped_key": STANDARD.encode(enveloped.to_der().unwrap()),
            "chain": [STANDARD.encode(self.certificate.der())],
        }))
    }

    fn certify(
        &self,
        profile: Profile,
        name: &DistinguishedName,
        key: &PublicKey,
        (begin, end): (i64, i64),
    ) -> Certificate {
        let serial = SerialNumber::generate().unwrap();
        let builder = CertificateBuilder::new(profile, name.clone(), key.clone(), serial, begin, end);
        builder.sign(&self.certificate, &self.key).unwrap()
    }

    fn revoke(&mut self, request: &Value) -> Answer {
        let refused = |text: &str| (422, "A-422", text.to_owned());
        let reason = match request["reason"].as_str() {
            Some("keyCompromise") => RevocationReason::KeyCompromise,
            Some("affiliationChanged") => RevocationReason::AffiliationChanged,
            Some("superseded") => RevocationReason::Superseded,
            Some("cessationOfOperation") => RevocationReason::CessationOfOperation,
            Some("privilegeWithdrawn") => RevocationReason::PrivilegeWithdrawn,
            Some("unspecified") => RevocationReason::Unspecified,
            _ => return Err(refused("this CA does not revoke for that reason")),
        };
        let serial = request["serial"].as_str().unwrap_or_default().to_owned();
        let never = || refused("this CA issued no such certificate");
        let other = self.certificates.get(&serial).ok_or_else(never)?.other.clone();
        let both = request["pair"] == json!(true);
        let mut states = Vec::new();
        for serial in [Some(serial), both.then_some(other)].into_iter().flatten() {
            let issued = self.certificates.get_mut(&serial).ok_or_else(never)?;
            // What is revoked stays so, since then and for that reason.
            if issued.state["state"] == "good" {
                let revoked_at = now();
                self.revoked.push((issued.serial, RevokedEntry { revoked_at, reason }));
                self.crl_number += 1;
                issued.state = json!({
                    "serial": serial, "state": "revoked", "reason": request["reason"], "changed_at_ms": revoked_at * 1000,
                });
            }
            states.push(issued.state.clone());
        }
        Ok(json!({ "certificates": states }))
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
