//! A broken or missing plugin can always be disabled and removed.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use yinqiao_tests::Broker;

use super::operators::{proposed, two_persons};
use super::plugins::{compile, taken, text};

#[test]
fn an_adapter_whose_file_is_gone_is_disabled_and_removed_without_a_broker() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &[]);
    broker.operator(&["adapter", "add", "vendor", text(&library)]);
    fs::remove_file(taken(&broker, "vendor")).unwrap();
    assert!(broker.operator_refused(&["adapter", "preflight"]).contains("vendor"));
    broker.operator(&["adapter", "disable", "vendor"]);
    broker.operator(&["adapter", "preflight"]);
    broker.operator(&["adapter", "remove", "vendor", "--yes"]);
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"].as_array().unwrap().len(), 1, "the software CA stays: {list}");
}

#[test]
fn an_adapter_that_the_catalogue_has_all_wrong_is_disabled_and_removed() {
    let broker = Broker::not_started();
    fs::create_dir_all(broker.data()).unwrap();
    let text = "# Mine.\n[[adapter]]\nname = 'a'\ncolour = 'red' # why?\n\n[[adapter]]\nname = 'b'\nversion.library = '/b.so'\n";
    fs::write(broker.catalogue(), text).unwrap();
    broker.operator(&["adapter", "disable", "a"]);
    broker.operator(&["adapter", "remove", "a", "--yes"]);
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"][0]["name"], "b");
}

#[test]
fn disabling_and_removing_need_neither_the_store_nor_the_agreed_policy() {
    let (broker, ..) = two_persons();
    fs::create_dir_all(broker.data().join("store")).unwrap();
    fs::write(broker.data().join("store/db"), "damaged").unwrap();
    fs::write(broker.data().join("adapter-changes/policy.json"), "damaged").unwrap();
    broker.operator(&["adapter", "disable", "softca"]);
    broker.operator(&["adapter", "remove", "softca", "--yes"]);
    assert!(!fs::read_to_string(broker.catalogue()).unwrap().contains("softca"));
}

#[test]
fn a_running_broker_lets_an_adapter_go_at_once_and_takes_it_back() {
    let broker = Broker::start_with_two_authorities();
    let live = |index: usize| {
        broker.operator_json(&["adapter", "list", "--json"])["adapters"][index]["live"].clone()
    };
    assert_eq!(live(1)["state"], "ready");
    broker.operator(&["adapter", "disable", "another-ca"]);
    assert!(live(1).is_null());
    assert_eq!(live(0)["state"], "ready");
    broker.operator(&["adapter", "enable", "another-ca"]);
    assert_eq!(live(1)["state"], "ready");
    broker.operator(&["adapter", "remove", "another-ca", "--yes"]);
    assert!(live(1).is_null());
    assert!(broker.data().join("another-ca").is_dir(), "its own folder stays");
}

#[test]
fn one_person_disables_at_once_and_two_must_enable_again() {
    let (broker, zhang, li) = two_persons();
    broker.operator(&["adapter", "disable", "softca"]);
    let by_hand = fs::read_to_string(broker.catalogue()).unwrap().replace("disabled", "enabled");
    fs::write(broker.catalogue(), by_hand).unwrap();
    let refusal = broker.operator_json(&["adapter", "list", "--json"])["adapters"][0]["refusal"].clone();
    assert!(refusal.as_str().unwrap().contains("by hand"), "{refusal}");
    let change = proposed(&broker.operator_json(&["adapter", "enable", "softca", "--json"]));
    zhang.consent(&broker, &change).unwrap();
    assert_eq!(li.consent(&broker, &change).unwrap()["state"], "in force");
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert!(list["adapters"][0]["refusal"].is_null(), "{list}");
    assert_eq!(list["adapters"][0]["state"], "enabled");
}

#[test]
fn an_adapter_is_let_go_at_once_while_changes_are_being_tried_and_those_of_it_are_given_up() {
    let mut broker = Broker::not_started();
    let quick = compile(broker.folder(), "quick", &[]);
    let slow = compile(broker.folder(), "slow", &["OPEN_SECONDS=6"]);
    for name in ["vendor", "other"] {
        broker.operator(&["adapter", "add", name, text(&quick)]);
    }
    for runs in [false, true] {
        if runs {
            broker.operator(&["adapter", "enable", "vendor"]);
            broker.restart();
        }
        thread::scope(|scope| {
            let trying = scope.spawn(|| broker.try_operator(&["adapter", "upgrade", "vendor", text(&slow)]));
            thread::sleep(Duration::from_secs(1));
            let begun = Instant::now();
            broker.operator(&["adapter", "disable", "vendor"]);
            if runs {
                broker.operator(&["adapter", "remove", "other", "--yes"]);
            }
            assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
            assert!(!trying.is_finished(), "it was being tried");
            let error = trying.join().unwrap().unwrap_err();
            assert!(error.contains("the change was given up"), "{error}");
        });
        let list = broker.operator_json(&["adapter", "list", "--json"]);
        let vendor = &list["adapters"][1];
        assert_eq!((&vendor["state"], &vendor["live"]), (&"disabled".into(), &serde_json::Value::Null));
        assert!(vendor["earlier"].as_array().is_none_or(Vec::is_empty), "{vendor}");
    }
}
