//! A secret that a plugin was given stands nowhere, however the plugin tells it.

use std::fmt::Write;

use yinqiao_protocol::Base64;
use yinqiao_tests::catalogue::VENDOR_SECRET;
use yinqiao_tests::{Adapter, Applicant, Broker, catalogue, plugins};

use super::metrics::{monitored, scrape};

/// How a secret may be written.
fn spellings() -> Vec<String> {
    let bytes = VENDOR_SECRET.as_bytes();
    let hexadecimal = bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    let base64 = serde_json::to_value(Base64(bytes.to_vec())).unwrap().as_str().unwrap().to_owned();
    vec![
        VENDOR_SECRET.to_owned(),
        VENDOR_SECRET.replace('/', "\\/"),
        hexadecimal.to_uppercase(),
        hexadecimal,
        base64.trim_end_matches('=').to_owned(),
        format!("{bytes:?}"),
    ]
}

fn holds_no_secret(what: &str, text: &str) {
    for spelling in spellings() {
        assert!(!text.contains(&spelling), "a secret stands in {what}");
    }
}

/// Has the plugin tell its secret in this way during an issue; `issues` when it issues all the same.
fn tells(variant: &str, issues: bool) {
    let (mut broker, metrics) = monitored(|broker| {
        let library = plugins::faulty(broker, "secret_leak");
        vec![Adapter::vendor(broker, "vendor", &library).variant(variant)]
    });
    let applicant = Applicant::new(&broker, "王小明", None);
    let answer = applicant.send();
    assert_eq!(answer.status == 200, issues, "{}", answer.text());
    holds_no_secret("the answer", &answer.text());
    holds_no_secret("the figures", &scrape(&metrics).text());
    let lists: [&[&str]; 5] = [
        &["adapter", "list", "--json"],
        &["adapter", "list"],
        &["adapter", "stats"],
        &["adapter", "operations", "--json"],
        &["certificate", "list"],
    ];
    for list in lists {
        holds_no_secret(&list.join(" "), &broker.operator(list));
    }
    broker.stop();
    let log = broker.log();
    assert!(log.contains("DEBUG") && log.contains("vendor"), "the log is not what it was thought to be");
    holds_no_secret("the log", &log);
    let told = answer.text() + &log;
    assert_eq!(told.contains("[secret]"), variant != "reply", "what the plugin said is masked, not left out");
}

#[test]
fn a_secret_that_a_plugin_logs_and_prints_is_masked() {
    tells("", true);
}

#[test]
fn a_secret_that_a_plugin_logs_and_prints_in_base64_is_masked() {
    tells("base64", true);
}

#[test]
fn a_secret_that_a_plugin_logs_and_prints_in_hexadecimal_is_masked() {
    tells("hex", true);
}

#[test]
fn a_secret_in_a_plugins_error_reaches_neither_the_phone_nor_the_log() {
    tells("error", false);
}

#[test]
fn a_secret_among_unknown_members_of_a_reply_is_dropped() {
    tells("reply", true);
}

#[test]
fn the_broker_shows_no_secret_of_an_adapter_that_does_not_start() {
    let mut broker = Broker::not_started();
    let leaking = plugins::faulty(&broker, "secret_leak");
    let adapters = [
        Adapter::vendor(&broker, "vendor", &leaking).configured("at = \"open\"").variant("error"),
        Adapter::software_ca(&broker, "softca"),
    ];
    catalogue::write(&broker, &adapters, "");
    broker.restart();
    let list = broker.operator(&["adapter", "list", "--json"]);
    assert!(list.contains("\"failed\""), "{list}");
    holds_no_secret("the list", &list);
    let preflight = broker.operator_refused(&["adapter", "preflight"]);
    holds_no_secret("the preflight", &preflight);
    holds_no_secret("the log", &broker.log());
}
