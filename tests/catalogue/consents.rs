//! Two persons, each with a key, bound to the digests of what they consent to.

use std::fs;

use serde_json::Value;

use yinqiao_tests::Broker;

use super::operators::{Operator, policy, proposed, set_policy, two_persons};
use super::plugins::{change_one_byte, compile, text};

fn propose(broker: &Broker) -> String {
    let library = compile(broker.folder(), "vendor", &[]);
    proposed(&broker.operator_json(&["adapter", "add", "vendor", text(&library), "--json"]))
}

fn adapters(broker: &Broker) -> usize {
    broker.operator_json(&["adapter", "list", "--json"])["adapters"].as_array().unwrap().len()
}

/// Writes to the stored change behind the operators' backs.
fn edit(broker: &Broker, change: &str, edit: impl FnOnce(&mut Value)) {
    let path = broker.data().join(format!("adapter-changes/{change}.json"));
    let mut record = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut record);
    fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
}

#[test]
fn an_adapter_is_there_when_the_second_person_has_consented_and_not_before() {
    let (broker, zhang, li) = two_persons();
    let change = propose(&broker);
    assert_eq!(adapters(&broker), 1);
    let shown = broker.operator(&["adapter", "show", &change[..8]]);
    assert!(shown.contains("library sm3: ") && shown.contains("plugin: smallest 1"), "{shown}");
    let answer = zhang.consent(&broker, &change).unwrap();
    assert_eq!((&answer["state"], adapters(&broker)), (&"waiting for consents".into(), 1));
    assert!(broker.operator(&["adapter", "changes"]).contains("张三"));
    let answer = li.consent(&broker, &change).unwrap();
    assert_eq!((&answer["state"], adapters(&broker)), (&"in force".into(), 2));
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"][1]["version"]["installed_by"], serde_json::json!(["张三", "李四"]));
    assert!(list["adapters"][1]["refusal"].is_null(), "{list}");
    broker.operator(&["adapter", "preflight"]);
}

#[test]
fn one_person_is_one_person() {
    let (broker, zhang, li) = two_persons();
    let change = propose(&broker);
    let error = zhang.consent_as(&broker, "李四", &change).unwrap_err();
    assert!(error.contains("李四") && error.contains("not signed"), "{error}");
    zhang.consent(&broker, &change).unwrap();
    let error = zhang.consent(&broker, &change).unwrap_err();
    assert!(error.contains("another one must"), "{error}");
    let stranger = Operator::new(&broker, "stranger");
    assert!(stranger.consent(&broker, &change).unwrap_err().contains("no operator is called"));
    assert_eq!(adapters(&broker), 1);
    li.consent(&broker, &change).unwrap();
    assert_eq!(adapters(&broker), 2);
}

#[test]
fn a_file_that_changed_after_it_was_proposed_is_not_installed() {
    let (broker, zhang, li) = two_persons();
    let change = propose(&broker);
    zhang.consent(&broker, &change).unwrap();
    let folder = broker.data().join("adapters/vendor");
    let copy = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    change_one_byte(&copy);
    let error = li.consent(&broker, &change).unwrap_err();
    assert!(error.contains("exchanged after it was proposed"), "{error}");
    assert_eq!(adapters(&broker), 1);
}

#[test]
fn a_change_that_was_written_to_after_a_consent_has_lost_that_consent() {
    let (broker, zhang, li) = two_persons();
    let change = propose(&broker);
    zhang.consent(&broker, &change).unwrap();
    edit(&broker, &change, |record| {
        record["change"]["subject"]["adapter"]["entry"]["sandbox"] = serde_json::json!({ "network": "any" });
    });
    let answer = li.consent(&broker, &change).unwrap();
    assert_eq!(answer["consented"], serde_json::json!(["李四"]));
    assert_eq!(adapters(&broker), 1);
}

#[test]
fn an_expired_or_rejected_change_takes_no_consent() {
    let (broker, zhang, _) = two_persons();
    let change = propose(&broker);
    edit(&broker, &change, |record| record["change"]["expires_at"] = "2026-01-01T00:00:00.000Z".into());
    assert!(zhang.consent(&broker, &change).unwrap_err().contains("expired"));
    let change = propose(&broker);
    broker.operator(&["adapter", "reject", &change]);
    assert!(zhang.consent(&broker, &change).unwrap_err().contains("rejected"));
}

#[test]
fn a_change_is_void_when_another_one_came_first() {
    let (broker, zhang, li) = two_persons();
    let (first, second) = (propose(&broker), propose(&broker));
    for operator in [&zhang, &li] {
        operator.consent(&broker, &first).unwrap();
    }
    zhang.consent(&broker, &second).unwrap();
    assert!(li.consent(&broker, &second).unwrap_err().contains("not what it was"));
}

#[test]
fn an_adapter_that_a_hand_wrote_into_the_catalogue_is_not_started() {
    let (mut broker, ..) = two_persons();
    let library = compile(broker.folder(), "vendor", &[]);
    let mut catalogue = fs::read_to_string(broker.catalogue()).unwrap();
    catalogue += &format!("\n[[adapter]]\nname = \"vendor\"\nversion.library = {:?}\n", text(&library));
    fs::write(broker.catalogue(), catalogue).unwrap();
    assert!(broker.operator_refused(&["adapter", "preflight"]).contains("2 operators must consent"));
    broker.restart();
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"][0]["live"]["state"], "ready");
    assert_ne!(list["adapters"][1]["live"]["state"], "ready");
}

#[test]
fn a_policy_that_a_hand_weakened_does_not_count_and_is_seen() {
    let (mut broker, ..) = two_persons();
    let weakened = fs::read_to_string(broker.catalogue()).unwrap().replace("consents = 2", "consents = 0");
    fs::write(broker.catalogue(), weakened).unwrap();
    assert_eq!(broker.operator_json(&["adapter", "list", "--json"])["standing"]["state"], "changed_by_hand");
    propose(&broker);
    assert_eq!(adapters(&broker), 1);
    broker.restart();
    assert!(broker.log().contains("not the one that its operators agreed upon"), "{}", broker.log());
}

#[test]
fn the_policy_itself_changes_by_consents_of_the_present_operators() {
    let (broker, zhang, li) = two_persons();
    let wang = Operator::new(&broker, "王五");
    let change = proposed(&set_policy(&broker, &policy(2, &[&zhang, &wang])));
    zhang.consent(&broker, &change).unwrap();
    assert!(wang.consent(&broker, &change).is_err(), "not one of them yet");
    li.consent(&broker, &change).unwrap();
    let change = propose(&broker);
    assert!(li.consent(&broker, &change).is_err(), "not one of them any more");
    zhang.consent(&broker, &change).unwrap();
    assert_eq!(wang.consent(&broker, &change).unwrap()["state"], "in force");
}

#[test]
fn a_policy_can_require_a_report_that_speaks_for_the_very_file() {
    let broker = Broker::not_started();
    set_policy(&broker, "require_report = true\n");
    let library = compile(broker.folder(), "vendor", &[]);
    let error = broker.operator_refused(&["adapter", "add", "vendor", text(&library)]);
    assert!(error.contains("adapter check"), "{error}");
    let report = broker.folder().join("report.json");
    fs::write(&report, "{\"passed\": true}").unwrap();
    let arguments = ["adapter", "add", "vendor", text(&library), "--after-check", text(&report)];
    assert!(broker.operator_refused(&arguments).contains("does not count"));
}

#[test]
fn a_key_is_shown_as_it_was_made_and_never_written_over() {
    let broker = Broker::not_started();
    let zhang = Operator::new(&broker, "zhang");
    assert_eq!(zhang.shown(&broker), zhang.public_key());
    let key = broker.folder().join("zhang.pem");
    let before = fs::read(&key).unwrap();
    assert!(before.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let passphrase = broker.folder().join("zhang.passphrase");
    let arguments = ["operator", "key", "new", "--out", text(&key), "--passphrase-file", text(&passphrase)];
    broker.operator_refused(&arguments);
    assert_eq!(fs::read(&key).unwrap(), before);
}
