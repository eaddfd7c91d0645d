//! What takes effect without a plugin: trust, and the routes.

use std::fs;

use serde_json::{Value, json};

use yinqiao_tests::Broker;

use super::operators::{proposed, two_persons};
use super::plugins::{compile, text};

fn softca(broker: &Broker) -> Value {
    broker.operator_json(&["adapter", "list", "--json"])["adapters"][0].clone()
}

#[test]
fn trust_changes_in_a_running_broker_without_a_new_process_and_while_the_plugin_does_not_start() {
    let broker = Broker::start();
    let process = softca(&broker)["live"]["process"].clone();
    broker.operator(&["adapter", "trust", "softca", "--unknown", "accept", "--ocsp-seconds", "60"]);
    let after = softca(&broker);
    assert_eq!((&after["trust"]["unknown"], &after["trust"]["ocsp_seconds"]), (&json!("accept"), &json!(60)));
    assert_eq!(after["live"]["process"], process);

    // A CA that gives nothing any more: an upgrade would not go through.
    fs::rename(broker.software_ca(), broker.folder().join("gone")).unwrap();
    broker.adapter_process().kill();
    broker.operator(&["adapter", "trust", "softca", "--sources", "ocsp,crl", "--fetch-by-url", "true"]);
    let after = softca(&broker);
    assert_eq!(after["trust"]["sources"], json!(["ocsp", "crl"]));
    assert_eq!(
        (&after["trust"]["fetch_by_url"], &after["trust"]["unknown"]),
        (&json!(true), &json!("accept"))
    );
}

#[test]
fn trust_needs_two_persons_and_no_plugin_that_loads() {
    let (broker, zhang, li) = two_persons();
    let library = compile(broker.folder(), "vendor", &[]);
    let change = proposed(&broker.operator_json(&["adapter", "add", "vendor", text(&library), "--json"]));
    zhang.consent(&broker, &change).unwrap();
    li.consent(&broker, &change).unwrap();
    fs::remove_file(super::plugins::taken(&broker, "vendor")).unwrap();
    let arguments = ["adapter", "trust", "vendor", "--unknown", "accept", "--json"];
    let change = proposed(&broker.operator_json(&arguments));
    assert!(broker.operator(&["adapter", "show", &change]).contains("\"unknown\":\"accept\""));
    zhang.consent(&broker, &change).unwrap();
    assert_eq!(li.consent(&broker, &change).unwrap()["state"], "in force");
    let list = broker.operator_json(&["adapter", "list", "--json"]);
    assert_eq!(list["adapters"][1]["trust"]["unknown"], "accept");
    assert!(list["adapters"][1]["refusal"].is_null(), "{list}");
}

#[test]
fn trust_names_what_it_cannot_take() {
    let broker = Broker::not_started();
    assert!(broker.operator_refused(&["adapter", "trust", "softca"]).contains("--unknown"));
    let missing = broker.folder().join("missing.pem");
    let error = broker.operator_refused(&["adapter", "trust", "softca", "--anchors", text(&missing)]);
    assert!(error.contains("missing.pem"), "{error}");
    assert!(!broker.catalogue().exists());
}

#[test]
fn routes_are_added_listed_and_removed_and_comments_stay() {
    let broker = Broker::not_started();
    fs::create_dir_all(broker.data()).unwrap();
    let text = "# Ours.\n[[adapter]]\nname = \"a\"\nversion.library = \"/a.so\"\n\n[[route]] # last\nadapters = [\"a\"] # all\n";
    fs::write(broker.catalogue(), text).unwrap();
    let add = ["adapter", "route", "add", "--adapters", "a", "--regions", "35,3502", "--holder", "person"];
    broker.operator(&[&add[..], &["--position", "1"]].concat());
    let routes = || broker.operator_json(&["adapter", "route", "list", "--json"])["routes"].clone();
    let first = json!({ "regions": ["35", "3502"], "holder": "person", "adapters": ["a"] });
    assert_eq!(routes(), json!([first, { "adapters": ["a"] }]));
    let after = fs::read_to_string(broker.catalogue()).unwrap();
    assert!(["# Ours.", "# last", "# all"].iter().all(|kept| after.contains(kept)), "{after}");
    assert!(broker.operator(&["adapter", "route", "list"]).contains("35, 3502"));
    broker.operator(&["adapter", "route", "remove", "2"]);
    assert_eq!(routes(), json!([first]));
    assert!(broker.operator_refused(&["adapter", "route", "remove", "2"]).contains("no route 2"));
    let error = broker.operator_refused(&["adapter", "route", "add", "--adapters", "b"]);
    assert!(error.contains("no adapter is called \"b\""), "{error}");
}

#[test]
fn routes_need_two_persons_and_those_that_a_hand_wrote_do_not_count() {
    let (broker, zhang, li) = two_persons();
    let change = proposed(&broker.operator_json(&[
        "adapter",
        "route",
        "add",
        "--adapters",
        "softca",
        "--regions",
        "35",
        "--json",
    ]));
    let list = || broker.operator_json(&["adapter", "route", "list", "--json"]);
    assert_eq!(list()["routes"], json!([]));
    zhang.consent(&broker, &change).unwrap();
    assert_eq!(li.consent(&broker, &change).unwrap()["state"], "in force");
    let agreed = json!([{ "regions": ["35"], "adapters": ["softca"] }]);
    assert_eq!(list(), json!({ "routes": agreed, "routes_changed_by_hand": false }));
    let by_hand = fs::read_to_string(broker.catalogue()).unwrap().replace("\"35\"", "\"44\"");
    fs::write(broker.catalogue(), by_hand).unwrap();
    assert_eq!(list(), json!({ "routes": agreed, "routes_changed_by_hand": true }));
}
