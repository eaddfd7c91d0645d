//! Holders of SM2 keys whose certificates lead to roots of other algorithms, or to a root that vouches for their CA by a
//! cross certificate.
//!
//! The CA is the vendor's plugin. It hands out the root of its choice; what stands between comes in the operator's files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::chain::{self, Usage};
use yinqiao_gm::x509::{
    AnyCertificate, Certificate, CertificateBuilder, CertificateRevocationList, DistinguishedName, Profile,
    PublicKey, RevocationReason, RevokedEntry, SerialNumber,
};
use yinqiao_protocol::Base64;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::outcome::{Outcome, Status};
use yinqiao_tests::holder::problem_of;
use yinqiao_tests::relying_party::now;
use yinqiao_tests::{Adapter, Broker, Holder, RelyingParty, catalogue, plugins, tasks};

const DAY: i64 = 86_400;

/// A broker whose only CA publishes what the test puts there.
struct Scene {
    broker: Broker,
    adapter: Adapter,
    issuing: Certificate,
    root: Certificate,
}

impl Scene {
    /// The CA has made its keys and publishes its own certificates.
    fn new() -> Self {
        let mut broker = Broker::not_started();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/other_certificates.c");
        let library = plugins::compile(&broker, "other_certificates", &source);
        let adapter = Adapter::vendor(&broker, "vendor", &library).configured("at = \"ca_certificates\"");
        catalogue::write(&broker, std::slice::from_ref(&adapter), "");
        broker.restart();
        let (file, list) = (broker.folder().join("chain.pem"), broker.folder().join("crl.pem"));
        let files = [file.to_str().unwrap(), list.to_str().unwrap()];
        broker.operator(&["adapter", "export", "vendor", "--chain", files[0], "--crl", files[1]]);
        let chain = Certificate::chain_from_pem(&fs::read_to_string(file).unwrap()).unwrap();
        let [issuing, root] = chain.try_into().unwrap();
        Self { broker, adapter, issuing, root }
    }

    /// From here on the CA publishes `root` alone, and the operator's file has `further` certificates.
    fn publish(&mut self, root: &[u8], further: &[&AnyCertificate]) {
        let published = self.broker.data().join("vendor/published.json");
        fs::write(published, json!({ "certificates": [Base64(root.to_vec())] }).to_string()).unwrap();
        let anchors = self.broker.folder().join("further.pem");
        let pem: String = further.iter().map(|certificate| certificate.to_pem().unwrap()).collect();
        fs::write(&anchors, pem).unwrap();
        let adapter = self.adapter.clone().with("accept_new_root = true");
        let adapter = adapter.with(&format!("trust = {{ anchors = [{anchors:?}], fetch_by_url = true }}"));
        catalogue::write(&self.broker, &[adapter], "");
        self.broker.restart();
    }
}

fn log_in(platform: &RelyingParty, person: &Holder) -> Outcome {
    let opened = platform.open(tasks::login());
    assert_eq!(person.answer(&opened.code).state, SessionState::Completed);
    *platform.view(&opened.session).result.unwrap()
}

/// Checks the result's chain by the root alone, and gives the certificates of the path.
fn verified_path(outcome: &Outcome, root: &AnyCertificate) -> Vec<AnyCertificate> {
    let leaf = Certificate::from_der(outcome.certificate.as_slice()).unwrap();
    let signature = yinqiao_gm::sm2::Signature::from_der(outcome.statement_signature.as_slice()).unwrap();
    leaf.public_key().verify(outcome.statement.as_slice(), &signature).unwrap();
    let given = outcome.chain.iter().map(|der| AnyCertificate::from_der(der.as_slice()).unwrap());
    let given: Vec<_> = given.collect();
    let at = outcome.completed_at.seconds();
    let path = chain::find_path(&leaf, &given, std::slice::from_ref(root), at, Usage::Signing).unwrap();
    assert_eq!(path.certificates()[1..], given);
    path.certificates().to_vec()
}

#[test]
fn a_holder_whose_path_leads_over_ecdsa_to_an_rsa_root_logs_in_and_without_the_link_does_not() {
    let mut scene = Scene::new();
    let office = Office::new(scene.broker.folder(), &scene.issuing);
    let platform = scene.broker.relying_party("fuzhou");
    // The phone reads paths with SM2 alone: its certificates come while the CA still has its own root.
    let person = scene.broker.person("王小明");
    scene.publish(office.root.der(), &[&office.intermediate, &office.cross]);

    let outcome = log_in(&platform, &person);
    let path = verified_path(&outcome, &office.root);
    assert_eq!(path.len(), 4);
    assert!(matches!(path[0].any_public_key(), PublicKey::Sm2(_)));
    assert!(matches!(path[1].any_public_key(), PublicKey::Sm2(_)));
    assert!(matches!(path[2].any_public_key(), PublicKey::Ecdsa(_)));
    assert!(matches!(path[3].any_public_key(), PublicKey::Rsa(_)));
    assert_eq!(outcome.status.status, Status::Good);

    scene.publish(office.root.der(), &[&office.cross]);
    let opened = platform.open(tasks::login());
    assert_eq!(problem_of(person.scan(&opened.code)), "certificate-not-trusted");

    // Another key under the intermediate's name has signed nothing of this.
    let stranger = Office::new(&scene.broker.folder().join("stranger"), &scene.issuing);
    scene.publish(office.root.der(), &[&stranger.intermediate, &office.cross]);
    let opened = platform.open(tasks::login());
    assert_eq!(problem_of(person.scan(&opened.code)), "certificate-not-trusted");
}

#[test]
fn a_cross_certificate_leads_to_another_root_until_it_is_revoked_or_taken_away() {
    let mut scene = Scene::new();
    let national = National::new();
    let cross = national.vouch_for(&scene.root);
    let further = [scene.issuing.as_any().clone(), cross.as_any().clone()];
    let further: Vec<_> = further.iter().collect();
    scene.publish(national.root.der(), &further);
    let platform = scene.broker.relying_party("fuzhou");
    let person = scene.broker.person("王小明");

    let outcome = log_in(&platform, &person);
    let path = verified_path(&outcome, national.root.as_any());
    assert_eq!(path[1..], [further[0].clone(), further[1].clone(), national.root.as_any().clone()]);

    scene.publish(national.root.der(), &further[..1]);
    let opened = platform.open(tasks::login());
    assert_eq!(problem_of(person.scan(&opened.code)), "certificate-not-trusted");

    scene.publish(national.root.der(), &further);
    log_in(&platform, &person);

    // A broker that starts has no list yet and asks for it.
    national.revoke(&cross);
    scene.broker.restart();
    let opened = platform.open(tasks::login());
    let asked_before = national.asked();
    assert_eq!(problem_of(person.scan(&opened.code)), "certificate-not-trusted");
    assert!(national.asked() > asked_before, "nobody asked for the list");
}

/// CAs with RSA and ECDSA, by OpenSSL: an RSA root, an ECDSA intermediate, and its certificate for the SM2 issuing CA.
struct Office {
    root: AnyCertificate,
    intermediate: AnyCertificate,
    cross: AnyCertificate,
}

impl Office {
    fn new(folder: &Path, issuing: &Certificate) -> Self {
        fs::create_dir_all(folder).unwrap();
        let identifier: Vec<_> =
            issuing.subject_key_identifier().unwrap().iter().map(|octet| format!("{octet:02X}")).collect();
        let ca = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n";
        let config = format!(
            "[req]\ndistinguished_name=n\nprompt=no\n[n]\nCN=unnamed\n[ca]\n{ca}subjectKeyIdentifier=hash\n\
             [issuing]\n{ca}subjectKeyIdentifier={}\nauthorityKeyIdentifier=keyid\n",
            identifier.join(":")
        );
        fs::write(folder.join("config"), config).unwrap();
        fs::write(folder.join("issuing.pub"), issuing.public_key().to_pem().unwrap()).unwrap();
        for command in [
            "req -x509 -config config -newkey rsa:2048 -nodes -keyout rsa.key -subj /C=CN/CN=RSA -days 2 -extensions ca \
             -sha256 -out rsa.pem",
            "req -new -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ecdsa.key \
             -subj /C=CN/CN=ECDSA -out ecdsa.csr",
            "x509 -req -in ecdsa.csr -CA rsa.pem -CAkey rsa.key -CAcreateserial -days 2 -sha256 -extfile config \
             -extensions ca -out ecdsa.pem",
            "x509 -req -in ecdsa.csr -force_pubkey issuing.pub -subj /C=CN/O=vendor/CN=vendor\u{a0}CA -CA ecdsa.pem \
             -CAkey ecdsa.key -CAcreateserial -days 2 -sha256 -extfile config -extensions issuing -out cross.pem",
        ] {
            open_ssl(folder, command);
        }
        let read =
            |file: &str| AnyCertificate::from_pem(&fs::read_to_string(folder.join(file)).unwrap()).unwrap();
        let office =
            Self { root: read("rsa.pem"), intermediate: read("ecdsa.pem"), cross: read("cross.pem") };
        assert_eq!(office.cross.subject(), issuing.subject(), "OpenSSL writes the name in another way");
        office
    }
}

/// Runs `openssl` with the words of `command`; a no-break space stands for a space within a word.
fn open_ssl(folder: &Path, command: &str) {
    let words = command.split_ascii_whitespace().map(|word| word.replace('\u{a0}', " "));
    let output = Command::new("openssl").args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A root with SM2 that vouches for other CAs, and publishes whom it does not vouch for any more.
struct National {
    root: Certificate,
    key: PrivateKey,
    address: String,
    /// The list in DER, and how often it was asked for.
    published: Arc<Mutex<(Vec<u8>, usize)>>,
}

impl National {
    fn new() -> Self {
        let key = PrivateKey::generate().unwrap();
        let name = DistinguishedName::builder().country("CN").common_name("national root").build().unwrap();
        let root = builder(name, key.public_key().clone()).self_sign(&key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/list.crl", listener.local_addr().unwrap());
        let national = Self { root, key, address, published: Arc::default() };
        national.list(&[]);
        let published = Arc::clone(&national.published);
        thread::spawn(move || serve(&listener, &published));
        national
    }

    fn vouch_for(&self, other: &Certificate) -> Certificate {
        let builder = builder(other.subject().clone(), other.public_key().clone());
        builder.crl_distribution_point(&self.address).sign(&self.root, &self.key).unwrap()
    }

    fn revoke(&self, certificate: &Certificate) {
        let entry = RevokedEntry { revoked_at: now().seconds() - 10, reason: RevocationReason::CaCompromise };
        self.list(&[(*certificate.serial(), entry)]);
    }

    fn list(&self, entries: &[(SerialNumber, RevokedEntry)]) {
        let number = 1 + entries.len() as u64;
        let at = now().seconds();
        let list = CertificateRevocationList::build(&self.root, &self.key, at - 5, at + DAY, number, entries);
        self.published.lock().unwrap().0 = list.unwrap().der().to_vec();
    }

    fn asked(&self) -> usize {
        self.published.lock().unwrap().1
    }
}

fn builder(name: DistinguishedName, key: yinqiao_gm::sm2::PublicKey) -> CertificateBuilder {
    let (serial, at) = (SerialNumber::generate().unwrap(), now().seconds());
    CertificateBuilder::new(Profile::RootCa, name, key, serial, at - DAY, at + DAY)
}

fn serve(listener: &TcpListener, published: &Mutex<(Vec<u8>, usize)>) {
    for mut stream in listener.incoming().flatten() {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let request = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).count();
        assert!(request > 0);
        let mut published = published.lock().unwrap();
        published.1 += 1;
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", published.0.len());
        // The asker may have gone.
        let _ = stream.write_all(&[head.as_bytes(), &published.0].concat());
    }
}
