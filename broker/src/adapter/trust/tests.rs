//! A CA whose adapter gives nothing: all is fetched from the addresses in its certificates.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use yinqiao_gm::hash::HashAlgorithm;
use yinqiao_gm::ocsp::{CertStatus, OcspRequest, ResponseBuilder, SingleResponse};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::chain::Usage;
use yinqiao_gm::x509::{
    AnyRevocationList, Certificate, CertificateBuilder, CertificateRevocationList, DistinguishedName,
    Profile, RevocationListBuilder, RevocationReason, RevokedEntry, SerialNumber,
};
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::outcome::{Status, StatusSource};

use super::{Anchors, Checked, TrustError};

mod issuers;
use crate::adapter::Authority;
use crate::adapter::journal::Journal;
use crate::adapter::known_root::KnownRoots;
use crate::event::EventHub;
use crate::store::sled::SledStore;
use crate::store::{EventSink, Records};

const DAY: i64 = 86_400;

/// What the CA's web server gives, by path; and how often it was asked.
#[derive(Default)]
struct Web {
    list: Option<Vec<u8>>,
    delta: Option<Vec<u8>>,
    /// The status of every certificate; none: no answer.
    ocsp: Option<CertStatus>,
    asked: Vec<String>,
}

struct Ca {
    root: Certificate,
    key: PrivateKey,
    web: Arc<Mutex<Web>>,
    address: String,
}

impl Ca {
    fn new(now: i64) -> Self {
        let key = PrivateKey::generate().unwrap();
        let root = builder(Profile::RootCa, "根", &key, now).self_sign(&key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let web = Arc::new(Mutex::new(Web::default()));
        let (served, issuer, signer) = (Arc::clone(&web), root.clone(), key.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &served, &issuer, &signer);
            }
        });
        Self { root, key, web, address }
    }

    fn holder(&self, now: i64) -> Certificate {
        let key = PrivateKey::generate().unwrap();
        builder(Profile::Signing, "王小明", &key, now)
            .crl_distribution_point(&format!("{}/list", self.address))
            .ocsp_responder(&format!("{}/ocsp", self.address))
            .sign(&self.root, &self.key)
            .unwrap()
    }

    fn publish(&self, now: i64, number: u64, revoked: &[&Certificate]) {
        let entry = RevokedEntry { revoked_at: now - 10, reason: RevocationReason::KeyCompromise };
        let entries: Vec<_> = revoked.iter().map(|certificate| (*certificate.serial(), entry)).collect();
        let list =
            CertificateRevocationList::build(&self.root, &self.key, now - 5, now + 600, number, &entries);
        self.web.lock().unwrap().list = Some(list.unwrap().der().to_vec());
    }

    fn asked(&self) -> usize {
        self.web.lock().unwrap().asked.len()
    }
}

fn builder(profile: Profile, common_name: &str, key: &PrivateKey, now: i64) -> CertificateBuilder {
    let name = DistinguishedName::builder().country("CN").common_name(common_name).build().unwrap();
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(profile, name, key.public_key().clone(), serial, now - DAY, now + DAY)
}

fn serve(stream: TcpStream, web: &Mutex<Web>, issuer: &Certificate, key: &PrivateKey) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut web = web.lock().unwrap();
    web.asked.push(first.clone());
    let answer = if first.starts_with("GET /list") {
        web.list.clone()
    } else if first.starts_with("GET /delta") {
        web.delta.clone()
    } else {
        web.ocsp.map(|status| {
            let now = crate::clock::now().seconds();
            let request = OcspRequest::from_der(&body).unwrap();
            let cert_id = request.cert_ids()[0].clone();
            assert_eq!(cert_id.hash(), HashAlgorithm::Sm3);
            let single =
                SingleResponse { cert_id, status, this_update: now - 5, next_update: Some(now + 600) };
            let response = ResponseBuilder::new(now).response(single).nonce(request.nonce());
            response.sign(issuer, key).unwrap().der().to_vec()
        })
    };
    let (status, body) = answer.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let mut stream = stream;
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // The asker may have gone.
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
}

struct Scene {
    ca: Ca,
    authority: Authority,
    now: Timestamp,
    _folder: TempDir,
}

impl Scene {
    fn new(trust: Value) -> Self {
        let now = crate::clock::now();
        let ca = Ca::new(now.seconds());
        let folder = tempfile::tempdir().unwrap();
        let sink: Arc<dyn EventSink> = Arc::new(EventHub::default());
        let records: Arc<dyn Records> =
            Arc::new(SledStore::open(&folder.path().join("store"), sink).unwrap());
        let entry = json!({ "name": "ca", "version": { "library": "/none.so" }, "trust": trust });
        let entry = serde_json::from_value(entry).unwrap();
        let authority = Authority::new(
            entry,
            Err("it has no plugin".to_owned()),
            Arc::new(Journal::new(&records)),
            Arc::new(KnownRoots::new(&records)),
        );
        authority.trust().take_anchors(Anchors::new([ca.root.as_any().clone()]), now);
        Self { ca, authority, now, _folder: folder }
    }

    async fn check(&self, certificate: &Certificate) -> Result<Checked, TrustError> {
        self.authority.check(certificate, Usage::Signing, self.now).await
    }
}

#[actix_rt::test]
async fn a_list_from_the_address_in_the_certificate_says_who_is_good_and_who_is_revoked() {
    let scene = Scene::new(json!({ "fetch_by_url": true, "sources": ["crl"] }));
    let seconds = scene.now.seconds();
    let (good, revoked) = (scene.ca.holder(seconds), scene.ca.holder(seconds));
    scene.ca.publish(seconds, 1, &[&revoked]);
    let checked = scene.check(&good).await.unwrap();
    assert_eq!((checked.status.status, checked.status.source), (Status::Good, StatusSource::Crl));
    assert_eq!(checked.status.this_update.seconds(), seconds - 5);
    assert!(matches!(scene.check(&revoked).await, Err(TrustError::Revoked { .. })));
    assert_eq!(scene.ca.asked(), 1, "a fresh list is not fetched again");
}

#[actix_rt::test]
async fn nothing_is_fetched_where_the_operator_did_not_allow_it() {
    let scene = Scene::new(json!({}));
    let holder = scene.ca.holder(scene.now.seconds());
    scene.ca.publish(scene.now.seconds(), 1, &[]);
    assert!(matches!(scene.check(&holder).await, Err(TrustError::StatusUnavailable { .. })));
    assert_eq!(scene.ca.asked(), 0);
}

#[actix_rt::test]
async fn an_unknown_status_is_refused_unless_the_operator_accepts_it_and_then_the_result_says_so() {
    let holder_of = |scene: &Scene| scene.ca.holder(scene.now.seconds());
    let closed = Scene::new(json!({ "fetch_by_url": true }));
    assert!(matches!(closed.check(&holder_of(&closed)).await, Err(TrustError::StatusUnavailable { .. })));
    let open = Scene::new(json!({ "fetch_by_url": true, "unknown": "accept" }));
    let checked = open.check(&holder_of(&open)).await.unwrap();
    assert_eq!((checked.status.status, checked.status.source), (Status::Unknown, StatusSource::None));
}

#[actix_rt::test]
async fn a_list_of_another_ca_says_nothing() {
    let scene = Scene::new(json!({ "fetch_by_url": true, "sources": ["crl"] }));
    let stranger = Ca::new(scene.now.seconds());
    stranger.publish(scene.now.seconds(), 1, &[]);
    scene.ca.web.lock().unwrap().list = stranger.web.lock().unwrap().list.clone();
    let holder = scene.ca.holder(scene.now.seconds());
    assert!(matches!(scene.check(&holder).await, Err(TrustError::StatusUnavailable { .. })));
    // An address that gave nothing usable is left alone for a while.
    assert!(scene.check(&holder).await.is_err());
    assert_eq!(scene.ca.asked(), 1);
}

#[actix_rt::test]
async fn where_there_is_no_list_ocsp_answers_and_its_answer_is_used_for_as_long_as_allowed() {
    let scene = Scene::new(json!({ "fetch_by_url": true, "ocsp_seconds": 60 }));
    let holder = scene.ca.holder(scene.now.seconds());
    scene.ca.web.lock().unwrap().ocsp = Some(CertStatus::Good);
    let checked = scene.check(&holder).await.unwrap();
    assert_eq!((checked.status.status, checked.status.source), (Status::Good, StatusSource::Ocsp));
    let asked = scene.ca.asked();
    let soon = scene.now.plus_seconds(59);
    let entry = RevokedEntry { revoked_at: scene.now.seconds(), reason: RevocationReason::CertificateHold };
    scene.ca.web.lock().unwrap().ocsp = Some(CertStatus::Revoked(entry));
    assert!(scene.authority.status_by_ocsp(&holder, &scene.ca.root, soon).await.unwrap().is_some());
    assert_eq!(scene.ca.asked(), asked, "the answer is held");
    let later = scene.now.plus_seconds(61);
    let refused = scene.authority.status_by_ocsp(&holder, &scene.ca.root, later).await;
    assert!(matches!(refused, Err(TrustError::Held { .. })));
}

#[actix_rt::test]
async fn a_responder_that_does_not_know_the_certificate_leaves_its_status_unknown() {
    let scene = Scene::new(json!({ "fetch_by_url": true, "sources": ["ocsp"] }));
    scene.ca.web.lock().unwrap().ocsp = Some(CertStatus::Unknown);
    let holder = scene.ca.holder(scene.now.seconds());
    assert!(matches!(scene.check(&holder).await, Err(TrustError::StatusUnavailable { .. })));
}

#[actix_rt::test]
async fn an_answer_signed_by_a_stranger_is_not_believed() {
    let scene = Scene::new(json!({ "fetch_by_url": true, "sources": ["ocsp"] }));
    let stranger = Ca::new(scene.now.seconds());
    stranger.web.lock().unwrap().ocsp = Some(CertStatus::Good);
    // A certificate of the trusted CA that names the stranger's responder.
    let key = PrivateKey::generate().unwrap();
    let holder = builder(Profile::Signing, "王小明", &key, scene.now.seconds())
        .ocsp_responder(&format!("{}/ocsp", stranger.address))
        .sign(&scene.ca.root, &scene.ca.key)
        .unwrap();
    assert!(matches!(scene.check(&holder).await, Err(TrustError::StatusUnavailable { .. })));
    assert_eq!(stranger.asked(), 1);
}

#[actix_rt::test]
async fn an_older_list_never_takes_the_place_of_a_newer_one() {
    let scene = Scene::new(json!({}));
    let seconds = scene.now.seconds();
    let holder = scene.ca.holder(seconds);
    let take = |this_update: i64, number: u64, revoked: &[&Certificate]| {
        scene.ca.publish(this_update, number, revoked);
        let der = scene.ca.web.lock().unwrap().list.clone().unwrap();
        let list = Arc::new(AnyRevocationList::from_der(&der).unwrap());
        scene.authority.trust().take_list(super::FetchedList { list, fetched_at: scene.now });
    };
    take(seconds, 2, &[&holder]);
    take(seconds - 60, 1, &[]);
    assert!(matches!(scene.check(&holder).await, Err(TrustError::Revoked { .. })));
}

#[actix_rt::test]
async fn a_delta_list_revokes_and_releases_what_its_complete_list_says_otherwise() {
    let scene = Scene::new(json!({ "fetch_by_url": true, "sources": ["crl"] }));
    let (ca, seconds) = (&scene.ca, scene.now.seconds());
    let [good, held, new] = [0; 3].map(|_| ca.holder(seconds));
    let list = |revoked: &Certificate, reason| {
        let entry = RevokedEntry { revoked_at: seconds - 10, reason };
        (*revoked.serial(), entry)
    };
    let base = RevocationListBuilder::new(seconds - 20, seconds + 600, 7)
        .freshest_crl(&format!("{}/delta", ca.address))
        .entries(&[list(&held, RevocationReason::CertificateHold)])
        .sign(&ca.root, &ca.key);
    let delta = RevocationListBuilder::new(seconds - 5, seconds + 60, 8)
        .delta_of(7)
        .entries(&[list(&held, RevocationReason::RemoveFromCrl), list(&new, RevocationReason::KeyCompromise)])
        .sign(&ca.root, &ca.key);
    {
        let mut web = ca.web.lock().unwrap();
        web.list = Some(base.unwrap().der().to_vec());
        web.delta = Some(delta.unwrap().der().to_vec());
    }
    let checked = scene.check(&good).await.unwrap();
    assert_eq!(checked.status.source, StatusSource::DeltaCrl);
    assert_eq!(checked.status.this_update.seconds(), seconds - 5);
    assert!(scene.check(&held).await.is_ok(), "it was released");
    assert!(matches!(scene.check(&new).await, Err(TrustError::Revoked { .. })));
    assert_eq!(ca.asked(), 2);
}
