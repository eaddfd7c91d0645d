//! What is agreed upon is what is in force now, once, and nothing that was before.

use std::fs;

use serde_json::{Value, json};

use yinqiao_tests::Broker;

use super::operators::{Operator, proposed, two_persons};
use super::plugins::{compile, software_ca, text};

fn adapter(broker: &Broker, name: &str) -> Value {
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    let found = list["adapters"].as_array().unwrap().iter().find(|adapter| adapter["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {list}")).clone()
}

/// Has both persons consent to what the command proposes.
fn agreed(broker: &Broker, persons: [&Operator; 2], arguments: &[&str]) {
    let change = proposed(&broker.operator_json(&[arguments, &["--json"]].concat()));
    let [zhang, li] = persons;
    zhang.consent(broker, &change).unwrap();
    assert_eq!(li.consent(broker, &change).unwrap()["state"], "in force");
}

fn configuration(broker: &Broker, url: &str) -> String {
    let file = broker.folder().join(format!("{url}.json"));
    fs::write(&file, json!({ "url": url }).to_string()).unwrap();
    text(&file).to_owned()
}

#[test]
fn what_was_consented_to_and_then_replaced_or_removed_is_refused_when_a_hand_writes_it_back() {
    let (broker, zhang, li) = two_persons();
    let persons = [&zhang, &li];
    let library = compile(broker.folder(), "vendor", &[]);
    let (first, second) = (configuration(&broker, "first"), configuration(&broker, "second"));
    agreed(&broker, persons, &["adapter", "add", "vendor", text(&library), "--configuration", &first]);
    let old = fs::read_to_string(broker.catalogue()).unwrap();
    agreed(&broker, persons, &["adapter", "configure", "vendor", "--configuration", &second]);
    let new = fs::read_to_string(broker.catalogue()).unwrap();
    assert!(adapter(&broker, "vendor")["refusal"].is_null());

    fs::write(broker.catalogue(), &old).unwrap();
    let refusal = adapter(&broker, "vendor")["refusal"].clone();
    assert!(refusal.as_str().unwrap().contains("must consent"), "{refusal}");
    fs::write(broker.catalogue(), &new).unwrap();
    assert!(adapter(&broker, "vendor")["refusal"].is_null());

    // Going back is a change like any other.
    agreed(&broker, persons, &["adapter", "rollback", "vendor"]);
    let vendor = adapter(&broker, "vendor");
    assert_eq!((&vendor["configuration"]["url"], &vendor["refusal"]), (&json!("first"), &Value::Null));
    fs::write(broker.catalogue(), &new).unwrap();
    assert!(adapter(&broker, "vendor")["refusal"].is_string());

    broker.operator(&["adapter", "remove", "vendor", "--yes"]);
    fs::write(broker.catalogue(), &old).unwrap();
    assert!(adapter(&broker, "vendor")["refusal"].is_string());
}

#[test]
fn what_was_taken_over_with_the_policy_is_not_agreed_upon_any_more_when_it_was_replaced() {
    let (broker, zhang, li) = two_persons();
    let before = fs::read_to_string(broker.catalogue()).unwrap();
    assert!(adapter(&broker, "softca")["refusal"].is_null());
    agreed(&broker, [&zhang, &li], &["adapter", "configure", "softca", "--limit", "threads=2"]);
    assert!(adapter(&broker, "softca")["refusal"].is_null());
    fs::write(broker.catalogue(), before).unwrap();
    assert!(adapter(&broker, "softca")["refusal"].is_string());
}

#[test]
fn the_same_file_and_settings_once_more_are_no_change() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    broker.operator(&["adapter", "add", "vendor", text(&library)]);
    let before = fs::read_to_string(broker.catalogue()).unwrap();
    for arguments in [
        &["adapter", "upgrade", "vendor", text(&library)][..],
        &["adapter", "configure", "vendor", "--network", "none"],
        &["adapter", "trust", "vendor", "--unknown", "refuse"],
    ] {
        assert!(broker.operator(arguments).contains("nothing to change"), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(broker.catalogue()).unwrap(), before);
    let changes = broker.operator_json(&["adapter", "changes", "--all", "--json"]);
    assert_eq!(changes["changes"].as_array().unwrap().len(), 1, "{changes}");
}

#[test]
fn another_root_is_accepted_once() {
    let mut broker = Broker::start();
    let second = software_ca(broker.folder(), "2");
    let arguments = ["adapter", "upgrade", "softca", text(&second), "--accept-new-root", "true"];
    broker.operator(&arguments);
    assert!(!fs::read_to_string(broker.catalogue()).unwrap().contains("accept_new_root"));
    broker.stop();
    // Without a broker nobody has used it yet; its next start does.
    broker.operator(&["adapter", "configure", "softca", "--accept-new-root", "true"]);
    assert!(fs::read_to_string(broker.catalogue()).unwrap().contains("accept_new_root = true"));
    broker.restart();
    assert!(!fs::read_to_string(broker.catalogue()).unwrap().contains("accept_new_root"));
    assert_eq!(adapter(&broker, "softca")["live"]["state"], "ready");
}

#[test]
fn two_persons_who_agreed_upon_another_root_have_agreed_upon_it_for_one_start() {
    let (mut broker, zhang, li) = two_persons();
    agreed(&broker, [&zhang, &li], &["adapter", "configure", "softca", "--accept-new-root", "true"]);
    let with = fs::read_to_string(broker.catalogue()).unwrap();
    broker.restart();
    assert_eq!(adapter(&broker, "softca")["live"]["state"], "ready");
    broker.stop();
    assert!(adapter(&broker, "softca")["refusal"].is_null());
    fs::write(broker.catalogue(), with).unwrap();
    assert!(adapter(&broker, "softca")["refusal"].is_string());
}
