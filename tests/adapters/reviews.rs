//! What a person at the CA must approve first: the broker waits, and goes on by itself.

use std::fs;

use serde_json::Value;

use yinqiao_gm::seal::SesSignature;
use yinqiao_protocol::event::SessionState;
use yinqiao_tests::broker::red_square;
use yinqiao_tests::holder::{BUILDER, problem_of};
use yinqiao_tests::{Adapter, Applicant, Broker, Officer, catalogue, tasks};

use super::steps::{certificates, log_in, operations, wait_until};

/// A broker with a software CA that an officer reviews, for which `member` says what.
fn reviewed(member: &str) -> (Broker, Officer) {
    let mut broker = Broker::not_started();
    let officer = Officer::new(&broker);
    let adapter = Adapter::software_ca(&broker, "softca").configured(member).configured(officer.operators());
    catalogue::write(&broker, &[adapter], "");
    broker.restart();
    (broker, officer)
}

/// Asks for a company's seal that waits for an officer; gives its id.
fn request_seal(broker: &Broker) -> String {
    let picture = broker.folder().join("picture.png");
    fs::write(&picture, red_square()).unwrap();
    let arguments = ["seal", "add", "--enterprise-code", BUILDER.code, "--name", "公章", "--picture"];
    broker.operator(&[&arguments[..], &[picture.to_str().unwrap()]].concat())
}

/// The rows of seals.
fn seals(broker: &Broker) -> Vec<Value> {
    broker.operator_json(&["seal", "list"])["seals"].as_array().unwrap().clone()
}

#[test]
fn a_seal_waits_for_the_cas_officer_through_a_restart_and_is_finished_by_the_broker_itself() {
    let (mut broker, officer) = reviewed("seal_review = true");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    let id = request_seal(&broker);
    let rows = seals(&broker);
    assert_eq!((&rows[0]["seal"], &rows[0]["state"]), (&id.as_str().into(), &"requested".into()), "{rows:?}");
    assert_eq!(operations(&broker)[0]["progress"], "pending at the CA");
    let out = broker.folder().join("seal.der");
    let export = ["seal", "export", &id, "--out", out.to_str().unwrap()];
    assert!(broker.operator_refused(&export).contains("seal"));
    let platform = broker.relying_party("fuzhou");
    let opened = platform.open(tasks::seal(1));
    assert_eq!(problem_of(legal_person.scan(&opened.code)), "no-seal");

    broker.restart();
    assert_eq!(seals(&broker)[0]["state"], "requested");
    officer.decide(&["approve"]);
    broker.restart();
    wait_until("the seal", || seals(&broker)[0]["state"] == "made");
    assert_eq!(seals(&broker).len(), 1);
    assert!(operations(&broker).is_empty());
    broker.operator(&export);
    let exported = fs::read(&out).unwrap();

    let opened = platform.open(tasks::seal(1));
    assert_eq!(legal_person.answer(&opened.code).state, SessionState::Completed);
    let result = platform.view(&opened.session).result.unwrap();
    let signature = SesSignature::from_der(result.items[0].value.as_slice()).unwrap();
    assert_eq!(signature.seal().der(), exported);
}

#[test]
fn a_seal_that_the_cas_officer_rejects_is_not_made_and_the_log_says_why() {
    let (broker, officer) = reviewed("seal_review = true");
    broker.legal_person("陈建国", &BUILDER);
    request_seal(&broker);
    officer.decide(&["reject", "--reason", "the picture names another company"]);
    wait_until("the rejection", || seals(&broker).is_empty());
    wait_until("the log", || broker.log().contains("the CA makes no seal"));
    let log = broker.log();
    let line = log.lines().find(|line| line.contains("the CA makes no seal")).unwrap();
    assert!(line.contains("the picture names another company"), "{line}");
    assert!(operations(&broker).is_empty());
    // The next one is another matter.
    request_seal(&broker);
    officer.decide(&["approve"]);
    wait_until("the seal", || seals(&broker).iter().any(|seal| seal["state"] == "made"));
}

#[test]
fn a_reviewed_enrolment_is_pending_until_the_officer_approves_and_the_same_request_succeeds_then() {
    let (mut broker, officer) = reviewed("profiles = [{ name = \"pair\", review = true }]");
    let applicant = Applicant::new(&broker, "王小明", None);
    let problem = applicant.send().refused("certificate-authority-pending");
    assert_eq!(problem.status, 409);
    assert!(problem.members["retry_after_ms"].is_u64(), "{problem:?}");
    broker.restart();
    applicant.send().refused("certificate-authority-pending");
    assert_eq!(operations(&broker)[0]["progress"], "pending at the CA");
    officer.decide(&["approve"]);
    let enrolled = applicant.send().expect();
    assert_eq!(certificates(&broker).len(), 1);
    log_in(&broker.relying_party("fuzhou"), &applicant.take(&enrolled));
}

#[test]
fn a_reviewed_enrolment_that_the_officer_rejects_is_refused_with_the_reason() {
    let (broker, officer) = reviewed("profiles = [{ name = \"pair\", review = true }]");
    let applicant = Applicant::new(&broker, "王小明", None);
    applicant.send().refused("certificate-authority-pending");
    officer.decide(&["reject", "--reason", "nobody of this name works there"]);
    for _ in 0..2 {
        let problem = applicant.send().refused("certificate-authority-refused");
        assert!(problem.detail.contains("nobody of this name works there"), "{problem}");
    }
    assert!(certificates(&broker).is_empty());
}
