//! A broken plugin keeps nobody else from the broker, and its mended file is taken without a restart.

use std::fs;

use yinqiao_protocol::Token;
use yinqiao_tests::catalogue::{self, Adapter};
use yinqiao_tests::plugins::{self, change_one_byte, replace};
use yinqiao_tests::{Applicant, Broker, Holder};

use super::steps::{log_in, wait_until};

#[test]
fn broken_missing_and_changed_plugins_keep_no_other_ca_from_serving_and_come_up_once_mended() {
    let mut broker = Broker::not_started();
    let folder = broker.folder().join("plugins");
    let file = |name: &str| folder.join(format!("{name}.so"));
    let good = fs::read(plugins::good(&broker)).unwrap();
    for name in ["missing", "changed", "foreign"] {
        fs::write(file(name), &good).unwrap();
    }
    let adapters = [
        Adapter::vendor(&broker, "missing", &file("missing")),
        Adapter::vendor(&broker, "changed", &file("changed")),
        Adapter::vendor(&broker, "crashing", &plugins::faulty(&broker, "crash_on_issue"))
            .configured("at = \"open\""),
        Adapter::vendor(&broker, "foreign", &file("foreign")),
        Adapter::software_ca(&broker, "softca"),
    ];
    catalogue::write(&broker, &adapters, "");
    broker.operator(&["adapter", "pin", "changed"]);
    let pinned = broker.adapter_state("changed")["version"]["library"].as_str().unwrap().to_owned();
    fs::remove_file(file("missing")).unwrap();
    change_one_byte(pinned.as_ref());
    replace(&file("foreign"), b"#!/bin/sh\n");
    broker.restart();

    for (name, why) in [
        ("missing", "cannot be opened"),
        ("changed", "another file than the pinned one"),
        ("crashing", "signal 11"),
        ("foreign", "ELF"),
    ] {
        let state = broker.adapter_state(name);
        assert_eq!(state["live"]["state"], "failed", "{state}");
        let reason = state["live"]["reason"].as_str().unwrap();
        assert!(reason.contains(why) && reason.contains(name), "{name}: {reason}");
        assert_eq!(reason.lines().count(), 1, "{reason}");
    }
    let platform = broker.relying_party("fuzhou");
    let code = broker.operator(&["enrolment", "add", "--name", "王小明", "--adapter", "softca"]);
    let person = Holder::new();
    person.enrol_with(&broker, &Token::parse(&code).unwrap());
    assert_eq!(log_in(&platform, &person).certificate_authority, "softca");

    fs::write(file("missing"), &good).unwrap();
    change_one_byte(pinned.as_ref());
    replace(&file("foreign"), &good);
    for name in ["missing", "changed", "foreign"] {
        wait_until(name, || broker.adapter_state(name)["live"]["state"] == "ready");
    }
    assert_eq!(broker.adapter_state("crashing")["live"]["state"], "failed");
    let applicant = Applicant::new(&broker, "林晓", None);
    let enrolled = applicant.insist();
    assert_eq!(enrolled.certificate_authority, "missing");
    log_in(&platform, &applicant.take(&enrolled));
    log_in(&platform, &person);
}

#[test]
fn one_changed_byte_of_a_running_plugins_file_stops_no_call_and_refuses_the_next_start() {
    let mut broker = Broker::not_started();
    let library = plugins::good(&broker);
    let adapters = [Adapter::vendor(&broker, "vendor", &library), Adapter::software_ca(&broker, "softca")];
    catalogue::write(&broker, &adapters, "");
    broker.operator(&["adapter", "pin", "vendor"]);
    broker.restart();
    let pinned = broker.adapter_state("vendor")["version"]["library"].as_str().unwrap().to_owned();
    change_one_byte(pinned.as_ref());
    broker.person("王小明");
    assert_eq!(broker.adapter_state("vendor")["live"]["state"], "ready");
    broker.restart();
    let state = broker.adapter_state("vendor");
    assert!(state["live"]["reason"].as_str().unwrap().contains("pinned"), "{state}");
    let preflight = broker.operator_refused(&["adapter", "preflight"]);
    assert!(preflight.contains("vendor"), "{preflight}");
}
