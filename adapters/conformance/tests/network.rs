//! Faults of the network between a plugin and its CA.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use serde_json::json;
use support::{c_plugin, ids, options, remote, report, text};
use tempfile::tempdir;
use yinqiao_ca_conformance::{Outcome, Report, Upstream};

async fn run(macros: &[&str], only: &[&str]) -> Report {
    let folder = tempdir().unwrap();
    let address = remote::start();
    let mut options = options(&c_plugin(&folder, "remote", macros));
    options.configuration = Some(json!({"port": address.port()}));
    options.upstream = Some(Upstream { address, pointer: "/port".to_owned() });
    options.only = only.iter().map(|name| (*name).to_owned()).collect();
    report(options).await
}

fn failed(report: &Report) -> BTreeSet<&str> {
    ids(report, Outcome::Failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_bounds_its_waits_and_says_what_it_does_not_know_passes() {
    let report =
        run(&[], &["library", "table", "describe", "open", "network", "issue", "kill", "idle"]).await;
    assert_eq!(failed(&report), BTreeSet::new());
    assert!(ids(&report, Outcome::Passed).contains("network.cut-reply"));
    assert!(ids(&report, Outcome::Passed).contains("kill.issue"));
    assert!(ids(&report, Outcome::Passed).contains("issue.whole-pair"));
    let whole = text(&report, "issue.whole-pair");
    assert!(
        whole.starts_with("signing only") && whole.contains("enrolments that ask for encryption"),
        "{whole}"
    );
    // What this plugin lacks is no fault.
    assert!(ids(&report, Outcome::NotOffered).contains("issue.status"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_promises_that_nothing_was_done_when_it_cannot_know_fails() {
    let report = run(&["BLIND"], &["network"]).await;
    let wanted = ["network.black-hole", "network.cut-reply", "network.half-close", "network.reset"];
    let found = failed(&report);
    assert!(wanted.iter().all(|id| found.contains(id)), "{found:?}");
    assert!(!found.contains("network.refused") && !found.contains("network.open-without-ca"));
    assert!(text(&report, "network.cut-reply").contains("unknown outcome is the class"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_waits_for_ever_is_told_that_it_had_to_be_killed() {
    let report = run(&["DEAF"], &["network.black-hole", "network.reset"]).await;
    assert_eq!(failed(&report), BTreeSet::from(["network.black-hole"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_with_a_sanitizer_shows_what_an_ordinary_one_hides() {
    for (overrun, outcome) in [(false, Outcome::Passed), (true, Outcome::Failed)] {
        let folder = tempdir().unwrap();
        let address = remote::start();
        let macros = |more: &'static str| if overrun { vec!["OVERRUN", more] } else { vec![more] };
        let mut options = options(&c_plugin(&folder, "remote", &macros("PLAIN")));
        options.sanitized = Some(c_plugin(&folder, "remote", &macros("SANITIZED")));
        options.configuration = Some(json!({"port": address.port()}));
        options.only = vec!["hostile.sanitizers".to_owned(), "issue".to_owned()];
        let report = report(options).await;
        assert!(
            ids(&report, outcome).contains("hostile.sanitizers"),
            "{}",
            text(&report, "hostile.sanitizers")
        );
        assert!(ids(&report, Outcome::Passed).contains("issue.issues"));
        if overrun {
            assert!(text(&report, "hostile.sanitizers").contains("heap-buffer-overflow"));
        }
    }
}
