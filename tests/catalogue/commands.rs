//! What commands say.

use std::path::Path;

use yinqiao_tests::Broker;

use super::plugins::{compile, text};

#[test]
fn a_plugin_is_described_without_a_configuration() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &["MAJOR=1"]);
    let page = broker.operator(&["adapter", "describe", text(&library)]);
    for part in ["plugin: smallest 1", "vendor: Example", "abi: 1.", "url (string, optional)", "secrets:"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let shipped = yinqiao_tests::programs::yinqiao().with_file_name("libyinqiao_softca.so");
    let softca = broker.operator_json(&["adapter", "describe", text(&shipped), "--json"]);
    assert!(softca["operations"].as_array().unwrap().contains(&"issue".into()), "{softca}");
    let secret = &softca["description"]["secrets"][0];
    assert!(secret["name"].is_string() && secret["required"].is_boolean(), "{softca}");
    assert!(!broker.data().exists(), "nothing is made");
}

#[test]
fn a_description_says_what_the_process_was_not_closed_for() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &["MAJOR=1"]);
    let page = broker.operator(&["adapter", "describe", text(&library), "--enforcement", "required"]);
    assert!(page.contains("sandbox: closed"), "{page}");
    let page = broker.operator(&["adapter", "describe", text(&library), "--enforcement", "off"]);
    assert!(page.contains("sandbox: not closed for files, the network, system calls"), "{page}");
    let described =
        broker.operator_json(&["adapter", "describe", text(&library), "--enforcement", "off", "--json"]);
    assert_eq!(described["isolation"]["files"], false, "{described}");
}

#[test]
fn a_plugin_that_is_described_reaches_nothing() {
    let broker = Broker::not_started();
    let (theirs, made) = (broker.folder().join("theirs"), broker.folder().join("made"));
    std::fs::write(&theirs, "another's file").unwrap();
    // Its constructor ends the process where it can read or write a file, connect, or run another program.
    let hostile = [format!("HOSTILE_READS={theirs:?}"), format!("HOSTILE_WRITES={made:?}")];
    let library = compile(broker.folder(), "hostile", &[&hostile[0], &hostile[1]]);
    let page = broker.operator(&["adapter", "describe", text(&library)]);
    assert!(page.contains("plugin: smallest"), "{page}");
    assert!(!made.exists());
}

#[test]
fn a_file_that_is_no_plugin_is_not_described() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "vendor", &["NO_SYMBOL"]);
    let error = broker.operator_refused(&["adapter", "describe", text(&library)]);
    assert!(error.contains("ca_adapter_get"), "{error}");
    broker.operator_refused(&["adapter", "describe", text(Path::new("/nowhere.so"))]);
}

#[test]
fn the_help_of_check_speaks_of_the_plugins_configuration_and_not_of_the_brokers() {
    let broker = Broker::not_started();
    let help = broker.operator(&["adapter", "check", "--help"]);
    assert!(help.contains("The plugin's own configuration"), "{help}");
    assert!(!help.contains("Settings, a TOML file") && !help.contains("--data-dir"), "{help}");
    let help = broker.operator(&["adapter", "list", "--help"]);
    assert!(help.contains("Settings, a TOML file"), "{help}");
}

#[test]
fn an_adapter_that_does_not_start_is_named_once() {
    let broker = Broker::not_started();
    let library = compile(broker.folder(), "library", &["MAJOR=99"]);
    let error = broker.operator_refused(&["adapter", "add", "acme", text(&library)]);
    assert_eq!(error.matches("acme").count(), 1, "{error}");
}

#[test]
fn a_network_with_a_host_is_refused_with_what_to_write() {
    let broker = Broker::not_started();
    let arguments = ["adapter", "configure", "softca", "--network", "localhost:8443"];
    assert!(broker.operator_refused(&arguments).contains("without hosts"));
}

#[test]
fn operations_and_settling_start_no_plugin_without_a_broker() {
    let mut broker = Broker::start();
    broker.kill();
    let before = broker.log().len();
    assert_eq!(
        broker.operator_json(&["adapter", "operations", "--json"])["operations"],
        serde_json::json!([])
    );
    let error = broker.operator_refused(&["adapter", "settle", "key-1", "--not-done"]);
    assert!(error.contains("no plugin is started") && error.contains("no operation is open"), "{error}");
    assert!(!error.contains("plugin file taken"), "{error}");
    assert_eq!(broker.log().len(), before);
}
