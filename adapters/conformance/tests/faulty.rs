//! Plugins with one fault each fail the checks that are about it, and no others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use serde_json::json;
use support::vendor::vendor_options;
use support::{ids, report, text};
use tempfile::tempdir;
use yinqiao_ca_conformance::{Outcome, Report, run as run_kit};

/// Runs the kit on a plugin with one fault that strikes at `at` in the form `variant`.
async fn run(fault: &str, at: &str, variant: Option<&str>, only: &[&str]) -> Report {
    let folder = tempdir().unwrap();
    let mut options = vendor_options(&folder, Some(fault));
    let configuration = options.configuration.as_mut().unwrap();
    configuration["at"] = json!(at);
    if let Some(variant) = variant {
        configuration["variant"] = json!(variant);
    }
    options.only = only.iter().map(|name| (*name).to_owned()).collect();
    report(options).await
}

fn failed(report: &Report) -> BTreeSet<&str> {
    ids(report, Outcome::Failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_good_plugin_in_c_passes() {
    let folder = tempdir().unwrap();
    let report = report(vendor_options(&folder, None)).await;
    assert_eq!(failed(&report), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_inside_issue_fails_issue_and_is_named_as_the_end_of_the_process() {
    // Without "open": the schema of the faulty plugins does not know the members that choose the fault.
    let groups =
        ["library", "table", "describe", "process", "hostile", "issue", "renew", "revoke", "list", "leaks"];
    let more = ["threading", "deadline", "canary", "kill", "idle", "pending", "seal", "crl"];
    let report = run("crash_on_issue", "issue", None, &[&groups[..], &more[..]].concat()).await;
    assert_eq!(failed(&report), BTreeSet::from(["issue.issues", "process.ends"]));
    assert!(text(&report, "process.ends").contains("signal 11"), "{}", text(&report, "process.ends"));
    assert!(text(&report, "issue.chain").contains("see issue.issues"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_inside_issue_is_not_taken_for_an_error_of_the_ca() {
    let report = run("exit", "issue", None, &["process", "issue"]).await;
    assert_eq!(failed(&report), BTreeSet::from(["issue.issues", "process.ends"]));
    assert!(text(&report, "process.ends").contains("exit status 0"), "{}", text(&report, "process.ends"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_does_to_its_process_fails_one_check_each() {
    for (fault, variant, check) in [
        ("write_stdout", None, "process.output"),
        ("fork", None, "process.forks"),
        ("signals", None, "process.unchanged"),
        ("signals", Some("block"), "process.unchanged"),
        ("late_host_calls", None, "process.host-functions"),
    ] {
        let report = run(fault, "issue", variant, &["process", "table", "library"]).await;
        assert_eq!(failed(&report), BTreeSet::from([check]), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_the_requests_is_found_wherever_it_is() {
    for (variant, checks) in [
        (None, vec!["issue.key-matches-request"]),
        (Some("encryption"), vec!["issue.encryption-key"]),
        (Some("envelope"), vec!["issue.encryption-key"]),
    ] {
        let report = run("wrong_key", "issue", variant, &["issue"]).await;
        let found = failed(&report);
        assert!(checks.iter().all(|check| found.contains(check)), "{variant:?}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pair_under_one_key_is_found_by_asking_twice_and_by_killing() {
    let report = run("double_issue", "issue", None, &["issue", "threading", "kill"]).await;
    let found = failed(&report);
    assert!(found.contains("issue.deduplicates"), "{found:?}");
    assert!(found.contains("kill.issue"), "{found:?}");
    assert!(found.contains("threading.one-key-at-once"), "{found:?}");
    assert!(
        found
            .iter()
            .all(|id| id.starts_with("kill.") || id.starts_with("threading.") || *id == "issue.deduplicates")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_that_says_absent_of_what_was_issued_is_found() {
    let report = run("stale_absent", "issue", Some("honest_submit"), &["issue"]).await;
    assert_eq!(failed(&report), BTreeSet::from(["issue.lookup"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_found_in_every_place_and_spelling() {
    for variant in [None, Some("error"), Some("reply"), Some("base64"), Some("hex")] {
        let report = run("secret_leak", "health", variant, &["canary"]).await;
        assert!(failed(&report).contains("canary.secrets"), "{variant:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grows_with_each_call_is_found() {
    for (fault, what) in [("memory_growth", "KiB"), ("threads_and_descriptors", "descriptors")] {
        let report = run(fault, "status", None, &["leaks.calls"]).await;
        assert_eq!(failed(&report), BTreeSet::from(["leaks.calls"]), "{fault}");
        assert!(text(&report, "leaks.calls").contains(what), "{}", text(&report, "leaks.calls"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_table_fails_the_check_that_is_about_it() {
    for (fault, check, words) in [
        ("larger_than_room", "table.size-matrix", "struct_size"),
        ("writes_beyond", "table.size-matrix", "overwritten"),
        ("smaller", "table.size-matrix", "struct_size"),
        ("zero", "table.size-matrix", "version 1.0 has"),
        ("bit_without_pointer", "table.capabilities", "lookup"),
        ("pointer_without_bit", "table.capabilities", "list"),
        ("required_null", "table.capabilities", "submit"),
        ("slice_too_long", "table.names", "vendor"),
        ("slice_null", "table.names", "NULL"),
        ("slice_empty", "table.names", "0 octets"),
        ("slice_not_text", "table.names", "UTF-8"),
        ("wrong_major", "table.entry", "abi_major"),
        ("wrong_threading", "table.threading", "threading"),
        ("unknown_flags", "table.threading", "flags"),
        ("unknown_bit", "table.capabilities", "bits"),
        ("missing_symbol", "library.loads", "ca_adapter_get"),
    ] {
        let report = run(&format!("wrong_sizes_{fault}"), "issue", None, &["table", "library"]).await;
        assert!(failed(&report).contains(check), "{fault}: {:?}", failed(&report));
        assert!(text(&report, check).contains(words), "{fault}: {}", text(&report, check));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kit_does_not_begin_without_a_required_secret_and_names_it_with_the_option() {
    let folder = tempdir().unwrap();
    let mut options = vendor_options(&folder, None);
    options.secrets.clear();
    let error = run_kit(options, |_| panic!("a check was run")).await.unwrap_err().to_string();
    assert!(error.contains("the secret vendor_ca.passphrase:") && error.contains("--secrets DIR"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path().join("ca")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_without_a_configuration_is_told_what_would_be_checked() {
    let folder = tempdir().unwrap();
    let mut options = vendor_options(&folder, None);
    options.configuration = None;
    let report = report(options).await;
    assert!(report.passed);
    assert!(text(&report, "issue.chain").contains("--config"));
}
