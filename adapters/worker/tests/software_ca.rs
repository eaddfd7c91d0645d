//! The whole way: handle, worker process, the built `libyinqiao_softca.so`, and kills in the middle.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Services, by_key, eventually, guard, key, patiently, replaced, settings, start, within};
use tempfile::{TempDir, tempdir};
use yinqiao_ca_sdk::messages::{
    AdapterError, Empty, Holder, HolderKind, IssueRequest, ListQuery, LookupReply, RevocationReason,
    RevokeRequest, Serial,
};
use yinqiao_ca_sdk::{ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::{AdapterHandle, Digests, HealthReport, Library, LibraryError, Submitted};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{Certificate, CertificateRequest, DistinguishedName};

/// A copy of the library in a folder that nobody else can write to, which a build's own may not be.
fn library(folder: &TempDir) -> PathBuf {
    let copy = folder.path().join("libyinqiao_softca.so");
    if !copy.exists() {
        std::fs::copy(built_library(), &copy).unwrap();
        guard(&copy);
    }
    copy
}

/// The library, built by the Cargo that runs this test, for its profile, beside it.
fn built_library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let test = std::env::current_exe().unwrap();
            let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
            let mut build = Command::new(env!("CARGO"));
            build
                .args(["build", "--quiet", "-p", "yinqiao-softca", "--target-dir"])
                .arg(profile.parent().unwrap());
            if profile.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success());
            profile.join("libyinqiao_softca.so")
        })
        .clone()
}

fn services() -> Arc<Services> {
    Services::with(&[("softca.master_key", b"a master key of this test")])
}

async fn open(folder: &TempDir, delay_ms: u64) -> Arc<AdapterHandle> {
    let configuration: Value =
        json!({"directory": folder.path().join("ca"), "name": "测试", "issue_delay_ms": delay_ms});
    start(settings(&library(folder), configuration), &services()).await.unwrap()
}

fn issue_request() -> Request {
    let subject = DistinguishedName::builder().common_name("whatever").build().unwrap();
    let csr = CertificateRequest::build(&subject, &PrivateKey::generate().unwrap()).unwrap();
    let holder = Holder {
        kind: HolderKind::Enterprise,
        name: "测试公司".into(),
        identity_code: None,
        organization: None,
        unified_social_credit_code: Some("91350100M000100Y43".into()),
    };
    Request::Issue(IssueRequest { csr: csr.der().to_vec().into(), holder, validity: None, product: None })
}

fn document(submitted: Submitted) -> Vec<u8> {
    match submitted {
        Submitted::Done { document, .. } => document,
        Submitted::Pending(_) => panic!("the software CA has nothing pending"),
    }
}

fn kill(health: &HealthReport) {
    let pid = Pid::from_raw(i32::try_from(health.process_id.unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

async fn number_of_certificates(handle: &AdapterHandle) -> usize {
    let query = ListQuery { cursor: None, limit: Some(1000) };
    patiently(|| async { handle.list(&query, &within(5000)).await }).await.certificates.len()
}

#[tokio::test]
async fn what_was_issued_is_found_by_another_process_later() {
    let folder = tempdir().unwrap();
    let request = issue_request();
    let handle = open(&folder, 0).await;
    assert_eq!(handle.info().name, "softca");
    handle.probe(&within(5000)).await.unwrap();
    let first = document(handle.submit(&request, &key("order-1"), &within(5000)).await.unwrap());
    handle.shutdown().await;

    let handle = open(&folder, 0).await;
    let LookupReply::Done { operation, reply } =
        handle.lookup(&by_key("order-1"), &within(5000)).await.unwrap()
    else {
        panic!("not found");
    };
    assert_eq!((operation, reply.get().as_bytes()), (Operation::Issue, first.as_slice()));
    assert_eq!(document(handle.submit(&request, &key("order-1"), &within(5000)).await.unwrap()), first);
    assert_eq!(number_of_certificates(&handle).await, 2);
}

#[tokio::test]
async fn a_kill_before_the_record_leaves_nothing_and_a_kill_after_it_leaves_the_pair() {
    for (kill_after_ms, stored) in [(200, false), (600, true)] {
        let folder = tempdir().unwrap();
        let handle = open(&folder, 400).await;
        let request = issue_request();
        let call = tokio::spawn({
            let (handle, request) = (handle.clone(), request.clone());
            async move { handle.submit(&request, &key("order-1"), &within(10_000)).await }
        });
        let health = eventually(&handle, |health| health.inside == 1).await;
        tokio::time::sleep(Duration::from_millis(kill_after_ms)).await;
        kill(&health);
        let error: AdapterError = call.await.unwrap().unwrap_err();
        assert_eq!(error.class, ErrorClass::UnknownOutcome, "{error}");

        replaced(&handle, health.process_id).await;
        let found = patiently(|| async { handle.lookup(&by_key("order-1"), &within(5000)).await }).await;
        assert_eq!(matches!(found, LookupReply::Done { .. }), stored, "{found:?}");
        let again = patiently(|| async { handle.submit(&request, &key("order-1"), &within(5000)).await });
        let reply = document(again.await);
        if let LookupReply::Done { reply: looked_up, .. } = found {
            assert_eq!(looked_up.get().as_bytes(), reply);
        }
        assert_eq!(number_of_certificates(&handle).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_it_is_killed_each_order_gets_exactly_one_pair() {
    const ORDERS: usize = 24;
    let folder = tempdir().unwrap();
    let handle = open(&folder, 5).await;
    let orders: Vec<_> = (0..ORDERS)
        .map(|number| {
            let handle = handle.clone();
            tokio::spawn(async move {
                let (request, name) = (issue_request(), format!("order-{number}"));
                loop {
                    match handle.submit(&request, &key(&name), &within(10_000)).await {
                        Ok(submitted) => return document(submitted),
                        Err(error) if error.class == ErrorClass::Permanent => panic!("{error}"),
                        Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
            })
        })
        .collect();
    for _ in 0..8 {
        let health = eventually(&handle, |health| health.process_id.is_some()).await;
        tokio::time::sleep(Duration::from_millis(17)).await;
        // It may have ended and be reaped by now: then its successor is killed the next time.
        if handle.health().process_id == health.process_id {
            kill(&health);
        }
        replaced(&handle, health.process_id).await;
    }
    for (number, order) in orders.into_iter().enumerate() {
        let reply = order.await.unwrap();
        let query = by_key(&format!("order-{number}"));
        let looked_up = patiently(|| async { handle.lookup(&query, &within(5000)).await }).await;
        let LookupReply::Done { reply: found, .. } = looked_up else { panic!("order {number} is lost") };
        assert_eq!(found.get().as_bytes(), reply);
    }
    assert_eq!(number_of_certificates(&handle).await, 2 * ORDERS);
    assert!(handle.health().restarts >= 8);
}

#[tokio::test]
async fn a_new_worker_beside_the_old_one_sees_what_it_does() {
    let folder = tempdir().unwrap();
    let (old, new) = (open(&folder, 0).await, open(&folder, 0).await);
    let reply = document(old.submit(&issue_request(), &key("order-1"), &within(5000)).await.unwrap());
    let Ok(Reply::Pair(pair)) = Reply::parse(Operation::Issue, &reply) else { panic!() };
    let certificate = Certificate::from_der(pair.signing_certificate.as_bytes()).unwrap();
    let serial = Serial::from_octets(certificate.serial().as_bytes()).unwrap();
    let revoke = RevokeRequest { serial, reason: RevocationReason::Superseded, pair: true };
    new.submit(&Request::Revoke(revoke), &key("revoke-1"), &within(5000)).await.unwrap();
    let first = document(old.submit(&Request::Crl(Empty {}), &key("crl"), &within(5000)).await.unwrap());
    let second = document(new.submit(&Request::Crl(Empty {}), &key("crl"), &within(5000)).await.unwrap());
    assert_eq!(first, second);
    old.shutdown().await;
    assert_eq!(number_of_certificates(&new).await, 2);
}

#[tokio::test]
async fn a_pinned_digest_admits_this_library_and_no_other() {
    let folder = tempdir().unwrap();
    let library = library(&folder);
    let pinned = *Library::open(&library, None).unwrap().digests();
    assert!(Library::open(&library, Some(&pinned)).is_ok());
    for digests in [Digests { sha256: [0; 32], ..pinned }, Digests { sm3: [0; 32], ..pinned }] {
        let refused = Library::open(&library, Some(&digests));
        assert!(matches!(refused, Err(LibraryError::OtherDigest { .. })));
    }
}
