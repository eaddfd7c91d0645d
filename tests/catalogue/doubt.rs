//! Operations in doubt, and a CA that can be asked about them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use yinqiao_tests::{Applicant, Broker};

use super::plugins::{compile, text};

/// A broker whose enrolments go to a CA that leaves each in doubt, and the file with what that CA answers when it is asked.
fn broker_in_doubt(breaker_failures: &str) -> (Broker, PathBuf) {
    let broker = Broker::start();
    let answer = broker.data().join("adapter-data/vendor/answer");
    let configuration = broker.folder().join("vendor.json");
    fs::write(&configuration, json!({ "url": answer }).to_string()).unwrap();
    let library = compile(broker.folder(), "vendor", &["DOUBT"]);
    let add = ["adapter", "add", "vendor", text(&library), "--configuration", text(&configuration)];
    broker.operator(&[&add[..], &["--limit", breaker_failures]].concat());
    // With a second one the broker is not patient.
    broker.operator(&["adapter", "route", "add", "--adapters", "vendor,softca"]);
    (broker, answer)
}

/// Leaves an enrolment in doubt; gives its key.
fn doubt(broker: &Broker) -> String {
    Applicant::new(broker, "王小明", None).send().refused("certificate-authority-unavailable");
    let open = operations(broker);
    let row = open.iter().find(|row| row["progress"] == "outcome unknown").unwrap();
    row["key"].as_str().unwrap().to_owned()
}

fn operations(broker: &Broker) -> Vec<Value> {
    broker.operator_json(&["adapter", "operations", "--json"])["operations"].as_array().unwrap().clone()
}

#[test]
fn the_ca_is_asked_before_a_persons_word_is_taken_and_its_own_word_counts_more() {
    let (mut broker, answer) = broker_in_doubt("breaker_failures=10000");
    let settle =
        |broker: &Broker, key: &str| broker.try_operator(&["adapter", "settle", key, "--not-done", "--json"]);

    let key = doubt(&broker);
    fs::write(&answer, r#"{"state":"done","operation":1,"reply":{"signing_certificate":"MAA=","chain":[]}}"#)
        .unwrap();
    let error = settle(&broker, &key).unwrap_err();
    assert!(error.contains("has done") && error.contains(&key), "{error}");
    let rows = operations(&broker);
    assert_eq!((rows.len(), &rows[0]["progress"]), (1, &json!("done, result not taken yet")));
    assert!(rows[0]["next"].as_str().unwrap().contains("same request"), "{rows:?}");
    fs::remove_file(&answer).unwrap();

    let key = doubt(&broker);
    fs::write(&answer, r#"{"state":"pending","token":"t"}"#).unwrap();
    assert!(settle(&broker, &key).unwrap_err().contains("not finished"));
    fs::remove_file(&answer).unwrap();

    let key = doubt(&broker);
    fs::write(&answer, r#"{"state":"absent"}"#).unwrap();
    let settled: Value = serde_json::from_str(&settle(&broker, &key).unwrap()).unwrap();
    assert!(settled["lookup"].as_str().unwrap().contains("says itself"), "{settled}");
    assert!(settled["next"].as_str().unwrap().contains("submitted anew"), "{settled}");
    assert!(operations(&broker).iter().all(|row| row["key"] != key.as_str()));
    fs::remove_file(&answer).unwrap();

    let key = doubt(&broker);
    broker.kill();
    let settled: Value = serde_json::from_str(&settle(&broker, &key).unwrap()).unwrap();
    assert!(settled["lookup"].as_str().unwrap().contains("no broker runs"), "{settled}");
    assert_eq!(operations(&broker).len(), 2);
}

#[test]
fn a_ready_adapter_whose_breaker_is_open_says_so_and_since_when() {
    let (broker, _) = broker_in_doubt("breaker_failures=1");
    assert!(!broker.operator(&["adapter", "list"]).contains("breaker"));
    doubt(&broker);
    assert!(broker.operator(&["adapter", "list"]).contains("ready, breaker "), "no breaker");
    let live = || broker.operator_json(&["adapter", "list", "--json"])["adapters"][1]["live"].clone();
    let breaker = live()["breaker"].clone();
    assert_ne!(breaker["state"], "closed");
    assert!(breaker["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{breaker}");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(live()["breaker"]["since"], breaker["since"], "it is open all the time");
}
