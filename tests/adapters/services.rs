//! What everyone may ask a CA through the broker: its list, the status of a certificate, and time stamps for bid systems.
//!
//! OpenSSL 3.0 can be told the signer's ID of SM2 for certificates only: it reads the answers, and `yinqiao-gm` verifies
//! their signatures.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ureq::http::Request;

use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::ocsp::{CertId, CertStatus, Expectation, OcspResponse};
use yinqiao_gm::tsp::{TimeStampRequest, TimeStampResponse, Trust};
use yinqiao_gm::x509::{AnyCertificate, CertificateRevocationList};
use yinqiao_protocol::{Base64, Token};
use yinqiao_tests::relying_party::{agent, now};
use yinqiao_tests::{Adapter, Answer, Broker, Holder};

/// A broker with one CA, a holder, and a folder where OpenSSL has the certificates.
struct Desk {
    broker: Broker,
    holder: Holder,
    folder: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let broker = Broker::start_with(|broker| vec![Adapter::software_ca(broker, "softca")]);
        let holder = broker.person("王小明");
        let folder = broker.folder().join("desk");
        fs::create_dir(&folder).unwrap();
        let desk = Self { broker, holder, folder };
        let chain = desk.certificates();
        desk.write("issuing.pem", chain[0].to_pem().unwrap().as_bytes());
        desk.write("root.pem", chain[1].to_pem().unwrap().as_bytes());
        desk.write("leaf.pem", desk.leaf().to_pem().unwrap().as_bytes());
        desk
    }

    /// The issuing CA's and the root, as the broker exports them.
    fn certificates(&self) -> Vec<AnyCertificate> {
        let (chain, crl) = (self.folder.join("chain.pem"), self.folder.join("crl.pem"));
        let files = [chain.to_str().unwrap(), crl.to_str().unwrap()];
        if !chain.exists() {
            self.broker.operator(&["adapter", "export", "softca", "--chain", files[0], "--crl", files[1]]);
        }
        let chain = AnyCertificate::chain_from_pem(&fs::read_to_string(&chain).unwrap()).unwrap();
        assert_eq!(chain.len(), 2);
        chain
    }

    fn leaf(&self) -> AnyCertificate {
        let pairs = self.holder.phone.store().keys().unwrap();
        let yinqiao_phone::store::KeyState::Issued(pair) = &pairs[0].state else { panic!("no pair") };
        AnyCertificate::from_der(pair.signing_certificate.as_slice()).unwrap()
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    /// What OpenSSL says, whether it is content or not.
    fn openssl(&self, words: &str) -> String {
        let output = Command::new("openssl").args(words.split(' ')).current_dir(&self.folder).output();
        let output = output.unwrap_or_else(|error| panic!("openssl: {error}"));
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Asks the CA a question in DER.
    fn ask(&self, service: &str, media_type: &str, key: Option<&Token>, question: &[u8]) -> Answer {
        let url = format!("{}/v1/certificate-authorities/softca/{service}", self.broker.url());
        let mut request = Request::post(url).header("content-type", media_type);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {}", key.expose()));
        }
        Answer::read(agent().run(request.body(question).unwrap()).unwrap()).unwrap()
    }

    /// What OpenSSL reads in the responder's answer about a certificate.
    fn status(&self) -> String {
        let about = "-sm3 -issuer issuing.pem -cert leaf.pem";
        self.openssl(&format!("ocsp {about} -reqout request"));
        let answer = self.ask("ocsp", "application/ocsp-request", None, &self.read("request"));
        assert_eq!((answer.status, answer.media_type.as_str()), (200, "application/ocsp-response"));
        self.write("response", &answer.body);
        self.openssl(&format!("ocsp {about} -reqin request -respin response -noverify"))
    }
}

#[test]
fn the_published_list_is_the_one_that_openssl_reads_and_names_who_is_revoked() {
    let desk = Desk::new();
    let serial = desk.leaf().serial().to_string();
    let list = || {
        let url = format!("{}/v1/certificate-authorities/softca/crl", desk.broker.url());
        let answer = Answer::read(agent().get(url).call().unwrap()).unwrap();
        assert_eq!((answer.status, answer.media_type.as_str()), (200, "application/pkix-crl"));
        desk.write("list", &answer.body);
        (answer.body, desk.openssl("crl -inform DER -in list -noout -text").to_lowercase())
    };
    let (before, said) = list();
    assert!(said.contains("no revoked certificates"), "{said}");
    desk.broker.revoke(&desk.holder.certificate_sm3().to_string());
    let (after, said) = list();
    assert_ne!(before, after);
    assert!(said.contains(&format!("serial number: {}", serial.to_lowercase())), "{serial}: {said}");
    let read = CertificateRevocationList::from_der(&after).unwrap();
    assert!(said.contains(&read.issuer().common_name().unwrap().to_lowercase()), "{said}");
    let all: Vec<serde_json::Value> = serde_json::from_slice(
        &Answer::read(
            agent().get(format!("{}/v1/certificate-authorities", desk.broker.url())).call().unwrap(),
        )
        .unwrap()
        .body,
    )
    .unwrap();
    let shown: Base64 = serde_json::from_value(all[0]["certificate_revocation_list"].clone()).unwrap();
    assert_eq!(shown.as_slice(), after);
}

#[test]
fn openssl_asks_the_responder_through_the_broker_and_sees_a_revocation() {
    let desk = Desk::new();
    let said = desk.status();
    assert!(said.contains("leaf.pem: good") && !said.contains("WARNING"), "{said}");
    let chain = desk.certificates();
    let about = CertId::new(HashAlgorithm::Sm3, &chain[0], desk.leaf().serial()).unwrap();
    let response = OcspResponse::from_der(&desk.read("response")).unwrap();
    let verified = response.verify(&Expectation::new(&chain[0], now().seconds())).unwrap();
    assert!(matches!(verified.status(&about).unwrap().status, CertStatus::Good));
    assert!(response.verify(&Expectation::new(&chain[1], now().seconds())).is_err(), "by another issuer");

    desk.broker.revoke(&desk.holder.certificate_sm3().to_string());
    let said = desk.status();
    assert!(said.contains("leaf.pem: revoked"), "{said}");
}

#[test]
fn a_bid_system_gets_a_time_stamp_that_openssl_reads_and_that_verifies() {
    let desk = Desk::new();
    let platform = desk.broker.relying_party("fuzhou");
    desk.write("bid", b"a bid");
    desk.openssl("ts -query -data bid -sm3 -cert -out request");
    let question = desk.read("request");
    let answer = desk.ask("timestamps", "application/timestamp-query", Some(platform.key()), &question);
    assert_eq!((answer.status, answer.media_type.as_str()), (200, "application/timestamp-reply"));
    desk.write("response", &answer.body);
    let said = desk.openssl("ts -reply -in response -text");
    for word in ["Status: Granted.", "Hash Algorithm: sm3", "Nonce: 0x", "Time stamp: "] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let chain = desk.certificates();
    let request = TimeStampRequest::from_der(&question).unwrap();
    let response = TimeStampResponse::from_der(&answer.body).unwrap();
    let trust = |anchors| Trust { anchors, others: &chain[..1] };
    response.verify(&request, &trust(&chain[1..])).unwrap();
    assert!(response.verify(&request, &trust(&[])).is_err(), "it leads to no root");
    desk.openssl("ts -query -data issuing.pem -sm3 -cert -out other");
    let other = TimeStampRequest::from_der(&desk.read("other")).unwrap();
    assert!(response.verify(&other, &trust(&chain[1..])).is_err(), "of other data");
}

#[test]
fn questions_without_key_of_another_type_or_too_large_are_refused() {
    let desk = Desk::new();
    let platform = desk.broker.relying_party("fuzhou");
    let (query, key) = ("application/timestamp-query", Some(platform.key()));
    assert_eq!(desk.ask("timestamps", query, None, b"x").refused("unauthorized").status, 401);
    assert_eq!(desk.ask("timestamps", "text/plain", key, b"x").refused("malformed-request").status, 400);
    assert_eq!(desk.ask("ocsp", query, None, b"x").refused("malformed-request").status, 400);
    let large = vec![0; 16 * 1024 + 1];
    assert_eq!(desk.ask("timestamps", query, key, &large).refused("too-large").status, 413);
    assert_eq!(desk.ask("ocsp", "application/ocsp-request", None, &large).refused("too-large").status, 413);
    let unknown = desk.ask("../nobody/ocsp", "application/ocsp-request", None, b"x");
    assert_eq!(unknown.status, 404);
    // Nonsense is the CA's to judge: the responder says so in its own words.
    let answer = desk.ask("ocsp", "application/ocsp-request", None, b"nonsense");
    desk.write("response", &answer.body);
    assert!(desk.openssl("ocsp -respin response -noverify").contains("malformedrequest"));
}
