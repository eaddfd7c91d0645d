//! What a CA has issued and the broker has refused: it is revoked where it was made for the request, and shown to people where it may be
//! a stranger's.

use std::path::Path;

use serde_json::Value;

use yinqiao_tests::catalogue::Adapter;
use yinqiao_tests::{Applicant, Broker, plugins};

use super::steps::wait_until;

/// The broker's rows of refused pairs that something is left of.
fn refused(broker: &Broker) -> Vec<Value> {
    broker.operator_json(&["certificate", "refused"])["refused"].as_array().unwrap().clone()
}

fn wrong_key(variant: &'static str) -> Broker {
    Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &plugins::faulty(broker, "wrong_key")).variant(variant)]
    })
}

fn is_left(row: &Value, certificates: usize, because: &str) {
    let left = row["left_to_people"].as_array().unwrap();
    assert_eq!(left.len(), certificates, "{row}");
    assert!(left[0]["because"].as_str().unwrap().contains(because), "{row}");
    assert!(left.iter().all(|left| left["serial"].is_string() && left["certificate"].is_string()), "{row}");
}

#[test]
fn a_pair_for_another_key_is_shown_to_people_and_not_revoked_until_they_have_settled_it() {
    let broker = wrong_key("");
    Applicant::new(&broker, "王小明", None).send().refused("certificate-authority-broken");
    let rows = refused(&broker);
    assert_eq!((rows.len(), &rows[0]["certificate_authority"]), (1, &"vendor".into()), "{rows:?}");
    is_left(&rows[0], 2, "another key");
    // Longer than the broker waits before it has something revoked.
    std::thread::sleep(std::time::Duration::from_secs(7));
    assert_eq!(broker.trust_in("vendor").revoked(), 0);
    assert_eq!(refused(&broker).len(), 1);
    let key = rows[0]["key"].as_str().unwrap();
    broker.operator(&["certificate", "settle", key]);
    assert!(refused(&broker).is_empty());
    assert!(broker.operator_refused(&["certificate", "settle", key]).contains("certificate refused"));
}

#[test]
fn of_a_pair_with_a_strangers_encryption_certificate_the_signing_certificate_alone_is_revoked() {
    let broker = wrong_key("encryption");
    Applicant::new(&broker, "王小明", None).send().refused("certificate-authority-broken");
    wait_until("the revocation", || refused(&broker)[0]["to_be_revoked"].as_array().unwrap().is_empty());
    is_left(&refused(&broker)[0], 1, "nothing proves");
    assert_eq!(broker.trust_in("vendor").revoked(), 1);
}

#[test]
fn certificates_that_are_not_signed_with_sm2_are_refused_and_revoked() {
    let broker = Broker::start_with(|broker| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/other_algorithm.c");
        let library = plugins::compile(broker, "other_algorithm", &source);
        vec![Adapter::vendor(broker, "vendor", &library)]
    });
    Applicant::new(&broker, "王小明", None).send().refused("certificate-authority-broken");
    wait_until("the revocation", || refused(&broker).is_empty());
    assert_eq!(broker.trust_in("vendor").revoked(), 2);
}
