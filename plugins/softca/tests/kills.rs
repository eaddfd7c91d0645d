//! Killed at any instant, with SIGKILL: exactly one outcome, and nothing lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::*;
use yinqiao_ca_sdk::messages::{IssueRequest, ListQuery, LookupQuery, LookupReply};
use yinqiao_ca_sdk::{LocalError, LocalInstance, Reply, Request};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::sm2::PrivateKey;

const NEW_SECRET: &[u8] = b"the next master key of this test";
/// Where the child finds what to do.
const WORK: &str = "SOFTCA_TEST_WORK";

/// Not a test of its own: the process that the others start and kill. It submits one request until it is answered.
#[test]
#[ignore = "started and killed by the other tests"]
fn child() {
    let Some(work) = std::env::var_os(WORK) else { return };
    let work: Value = serde_json::from_slice(&fs::read(work).unwrap()).unwrap();
    let host = host();
    let ca = host.open(&work["configuration"]).unwrap();
    let request = work["request"].to_string();
    let operation = yinqiao_ca_sdk::Operation::Issue;
    let answer = ca.submit_document(work["key"].as_str().unwrap(), operation, request.as_bytes());
    assert!(matches!(answer, Ok(_) | Err(LocalError::Pending(_))), "{answer:?}");
}

fn start_child(office: &Office) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child"])
        .env(WORK, office.path("work"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Starts it and kills it after ever more time, until it comes to its end unkilled; how often it was killed.
fn kill_until_done(start: impl Fn() -> Child, step: Duration, mut after_each: impl FnMut()) -> u32 {
    let mut kills = 0;
    loop {
        let mut child = start();
        thread::sleep(step * kills);
        let killed = child.try_wait().unwrap().is_none();
        if killed {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        after_each();
        if !killed {
            assert!(status.success(), "{status}");
            return kills;
        }
        kills += 1;
        assert!(kills < 300, "it never comes to an end");
    }
}

/// A request under a profile with review, and the child's work with it.
fn reviewed_issue(office: &Office) -> (Value, Request) {
    let members = json!({"profiles": [{"name": "reviewed", "review": true}], "issue_delay_ms": 20});
    let configuration = office.configuration(members);
    let request = Request::Issue(IssueRequest {
        csr: csr(&PrivateKey::generate().unwrap()),
        holder: holder(),
        validity: None,
        product: Some("reviewed".into()),
    });
    let document: Value = serde_json::from_slice(&request.to_json().unwrap()).unwrap();
    let work = json!({"configuration": configuration, "key": "order", "request": document});
    fs::write(office.path("work"), work.to_string()).unwrap();
    (configuration, request)
}

fn lookup(ca: &LocalInstance<'_>) -> LookupReply {
    ca.lookup(&LookupQuery::IdempotencyKey("order".to_owned().try_into().unwrap())).unwrap()
}

#[test]
fn what_needs_operators_waits_once_and_is_done_once_however_often_it_is_killed() {
    let office = Office::with(&["甲"]);
    let (configuration, request) = reviewed_issue(&office);
    let host = host();
    let ca = host.open(&configuration).unwrap();

    let mut tokens = Vec::new();
    kill_until_done(
        || start_child(&office),
        Duration::from_millis(3),
        || match lookup(&ca) {
            LookupReply::Absent => assert!(tokens.is_empty(), "what waited waits"),
            LookupReply::Pending { token } => tokens.push(token),
            LookupReply::Done { .. } => panic!("nobody consented"),
        },
    );
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(office.json(&["review", "list"]).as_array().unwrap().len(), 1);

    office.decide(&["review", "approve", &tokens[0]], "甲");
    let mut replies: Vec<String> = Vec::new();
    let kills = kill_until_done(
        || start_child(&office),
        Duration::from_millis(3),
        || match lookup(&ca) {
            LookupReply::Absent => panic!("what waited is lost"),
            LookupReply::Pending { .. } => assert!(replies.is_empty(), "what is done stays done"),
            LookupReply::Done { reply, .. } => replies.push(reply.get().to_owned()),
        },
    );
    println!("{kills} kills until it was done");
    replies.dedup();
    assert_eq!(replies.len(), 1);
    assert_eq!(ca.list(&ListQuery::default()).unwrap().certificates.len(), 2);
    assert_eq!(
        ca.submit("order", &request).unwrap(),
        Reply::Pair(serde_json::from_str(&replies[0]).unwrap())
    );
}

#[test]
fn another_master_key_is_in_force_at_the_end_however_often_the_command_is_killed() {
    const PAIRS: usize = 30;
    let office = Office::with(&["甲", "乙"]);
    let configuration = office.configuration(json!({}));
    let key = PrivateKey::generate().unwrap();
    let pairs: Vec<_> = {
        let host = host();
        let ca = host.open(&configuration).unwrap();
        (0..PAIRS).map(|number| issue(&ca, &format!("order-{number}"), &key)).collect()
    };
    fs::write(office.path("old"), SECRET).unwrap();
    fs::write(office.path("new"), NEW_SECRET).unwrap();

    let start = || {
        Command::new(env!("CARGO_BIN_EXE_yinqiao-softca"))
            .args(["--json", "--directory", &office.text("ca"), "rekey-vault"])
            .args(["--old-key-file", &office.text("old"), "--new-key-file", &office.text("new")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (mut interrupted, opened) = (0, std::cell::Cell::new(false));
    let kills = kill_until_done(start, Duration::from_millis(4), || {
        let [old, new] = [SECRET, NEW_SECRET].map(|secret| host_with(secret).open(&configuration).is_ok());
        assert!(!(old && new));
        // Neither: it is to be run again, and says so.
        if !old && !new {
            interrupted += 1;
            let error = host_with(SECRET).open(&configuration).err().unwrap();
            assert!(error.to_string().contains("rekey-vault"), "{error}");
        }
        opened.set(new);
    });
    println!("{kills} kills, {interrupted} of them in the middle");
    assert!(interrupted > 0, "no kill hit the middle: the test shows nothing");
    assert!(opened.get());

    let mut done = String::new();
    start().stdout.take().unwrap().read_to_string(&mut done).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&done).unwrap()["found_done"], 5 + PAIRS);
    let host = host_with(NEW_SECRET);
    let ca = host.open(&configuration).unwrap();
    for (number, pair) in pairs.iter().enumerate() {
        let request = recover_request(pair, &key);
        let name = format!("recover-{number}");
        let token = pending(ca.submit(&name, &request));
        if number > 2 {
            // That it waits shows that the escrowed key was opened; some are followed to the end.
            continue;
        }
        office.decide(&["review", "approve", &token], "甲");
        office.decide(&["review", "approve", &token], "乙");
        let Reply::RecoveredKey(recovered) = ca.submit(&name, &request).unwrap() else { panic!() };
        let opened = EnvelopedKey::from_der(recovered.enveloped_key.as_bytes()).unwrap().open(&key).unwrap();
        let encryption = certificate(pair.encryption_certificate.as_ref().unwrap());
        assert_eq!(opened.public_key(), encryption.public_key());
    }
}

#[test]
fn a_rekeying_beside_a_plugin_that_issues_loses_nothing_of_either() {
    let office = Office::with(&[]);
    // So that there is an issue between the encryption of its key and its record when the keys are encrypted anew.
    let configuration = office.configuration(json!({"issue_delay_ms": 300}));
    fs::write(office.path("old"), SECRET).unwrap();
    fs::write(office.path("new"), NEW_SECRET).unwrap();
    let host = host();
    let ca = host.open(&configuration).unwrap();
    let key = PrivateKey::generate().unwrap();
    issue(&ca, "before", &key);
    let (old, new) = (office.text("old"), office.text("new"));
    let (mut issued, mut waited) = (1, 0);
    thread::scope(|scope| {
        let rekeying =
            scope.spawn(|| office.done(&["rekey-vault", "--old-key-file", &old, "--new-key-file", &new]));
        loop {
            match ca.submit(&format!("beside-{issued}"), &issue_request(&key)) {
                Ok(_) => issued += 1,
                Err(error) => {
                    use yinqiao_ca_sdk::ErrorClass::{Authentication, Retryable};
                    assert!(matches!(error.class(), Some(Retryable | Authentication)), "{error}");
                    waited += 1;
                    if error.class() == Some(Authentication) {
                        break;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
        rekeying.join().unwrap();
    });
    println!("{issued} issued, {waited} told to wait");
    drop(ca);
    let host = host_with(NEW_SECRET);
    let ca = host.open(&office.configuration(json!({}))).unwrap();
    let query = ListQuery { cursor: None, limit: Some(1000) };
    let listed = ca.list(&query).unwrap().certificates;
    assert_eq!(listed.len(), 2 * issued);
    // Renewal opens the escrowed key of each pair.
    for (number, certificate) in listed.iter().enumerate() {
        let serial = certificate.serial.clone();
        let renew = yinqiao_ca_sdk::messages::RenewRequest { serial, csr: csr(&key), validity: None };
        match ca.submit(&format!("renew-{number}"), &Request::Renew(renew)) {
            Ok(reply) => drop(pair_of(reply)),
            Err(error) => assert!(error.to_string().contains("no signing certificate"), "{error}"),
        }
    }
}
