//! Every check has a plugin that makes it fail: a check that nothing fails proves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use serde_json::json;
use support::vendor::vendor_options;
use support::{c_plugin, c_plugin_linked, ids, options, remote, report};
use tempfile::{TempDir, tempdir};
use yinqiao_ca_conformance::{CHECKS, Options, Outcome, Upstream};

/// A plugin, and the checks that it must fail.
struct Case {
    plugin: Plugin,
    checks: &'static [&'static str],
}

enum Plugin {
    /// The good one in C, and what of the options is taken from it.
    Closed,
    /// One of `faulty/`: which, where, in which variant.
    Faulty(&'static str, &'static str, &'static str),
    /// `lists.c` with these macros.
    Lists(&'static [&'static str]),
    /// `lists.c` with these further arguments of the linker.
    Linked(&'static [&'static str]),
    /// `remote.c` with these macros.
    Remote(&'static [&'static str]),
}

use Plugin::{Closed, Faulty, Linked, Lists, Remote};

const fn fails(plugin: Plugin, checks: &'static [&'static str]) -> Case {
    Case { plugin, checks }
}

/// What no case can be about, and why.
const APART: &[(&str, &str)] = &[
    ("hostile.sanitizers", "needs two builds: tests/network.rs has them"),
    ("issue.algorithms", "other algorithms are no pair for the reader, so that issue.issues fails before it"),
];

const FILE: &[Case] = &[
    fails(Faulty("wrong_sizes_missing_symbol", "issue", ""), &["library.loads"]),
    fails(Lists(&["EXPORTS_MORE"]), &["library.symbols"]),
    fails(Lists(&["CONSTRUCTOR"]), &["library.constructors"]),
    fails(Linked(&["NEEDED"]), &["library.dependencies"]),
    fails(Linked(&["-Wl,-rpath,lib"]), &["library.search-path"]),
    fails(Linked(&["-Wl,-z,execstack"]), &["library.hardening"]),
    fails(Faulty("wrong_sizes_wrong_major", "issue", ""), &["table.entry"]),
    fails(Faulty("wrong_sizes_smaller", "issue", ""), &["table.size-matrix"]),
    fails(Faulty("wrong_sizes_other_minor", "issue", ""), &["table.host-minor"]),
    fails(Faulty("wrong_sizes_any_major", "issue", ""), &["table.host-major"]),
    fails(Faulty("wrong_sizes_bit_without_pointer", "issue", ""), &["table.capabilities"]),
    fails(Faulty("wrong_sizes_slice_not_text", "issue", ""), &["table.names"]),
    fails(Faulty("wrong_sizes_wrong_threading", "issue", ""), &["table.threading"]),
    fails(Faulty("wrong_sizes_calls_host", "issue", ""), &["table.no-host-calls"]),
    fails(Lists(&["DESCRIBES_ONCE"]), &["describe.works-alone"]),
    fails(Lists(&[r#"SCHEMA="{}""#]), &["describe.schema"]),
    fails(
        Lists(&[r#"SCHEMA="{\"type\": \"object\", \"required\": [\"url\"]}""#]),
        &["describe.configuration-fits"],
    ),
    fails(
        Lists(&[r#"SCHEMA="{\"type\": \"object\", \"properties\": {\"pin\": {}}}""#]),
        &["describe.no-credentials"],
    ),
    fails(
        Lists(&[r#"SCHEMA="{\"type\": \"object\"}, \"products\": [{\"name\": \"a\", \"text\": \"\"}]""#]),
        &["describe.names"],
    ),
];

const OPENING: &[Case] = &[
    fails(Faulty("wrong_open", "issue", "never"), &["open.opens"]),
    fails(Faulty("wrong_open", "issue", "accepts"), &["open.bad-configurations"]),
    fails(Faulty("wrong_open", "issue", "renames"), &["open.missing-secret", "open.wrong-secret"]),
    fails(Faulty("wrong_open", "issue", "once"), &["open.again"]),
    fails(Faulty("wrong_open", "issue", "leaks"), &["open.without-leaks"]),
    fails(Faulty("wrong_open", "issue", "sulks"), &["idle.credential-rotation"]),
    fails(Faulty("wrong_open", "issue", "spins"), &["idle.left-alone"]),
    fails(Faulty("wrong_open", "issue", "sticks"), &["deadline.close-afterwards"]),
    fails(Faulty("wrong_reply", "status", "slow"), &["deadline.already-over"]),
];

const PROCESS: &[Case] = &[
    fails(Faulty("exit", "issue", ""), &["process.ends", "issue.issues"]),
    fails(Faulty("signals", "issue", ""), &["process.unchanged"]),
    fails(Faulty("fork", "issue", ""), &["process.forks"]),
    fails(Faulty("write_stdout", "issue", ""), &["process.output"]),
    fails(Faulty("late_host_calls", "issue", ""), &["process.host-functions"]),
    fails(Closed, &["process.sandbox"]),
    fails(Faulty("memory_growth", "status", ""), &["leaks.calls"]),
    fails(Faulty("threads_and_descriptors", "issue", ""), &["leaks.issues"]),
    fails(Faulty("secret_leak", "health", ""), &["canary.secrets"]),
    fails(Faulty("wrong_reply", "issue", "tells"), &["canary.personal-data"]),
    fails(Faulty("wrong_reply", "status", "alternates"), &["threading.at-once", "hostile.unknown-members"]),
    fails(Faulty("double_issue", "issue", ""), &["threading.one-key-at-once", "issue.deduplicates"]),
    fails(
        Faulty("wrong_reply", "status", "ok"),
        &["hostile.malformed-json", "hostile.wrong-types", "hostile.mutations"],
    ),
    fails(
        Faulty("wrong_open", "issue", "permanent"),
        &["hostile.unknown-operations", "hostile.unoffered-operations"],
    ),
    fails(Faulty("wrong_reply", "issue", "short_keys"), &["hostile.idempotency-keys"]),
    fails(Faulty("wrong_reply", "issue", "grants"), &["hostile.bad-requests"]),
];

const ISSUING: &[Case] = &[
    fails(Faulty("wrong_key", "issue", ""), &["issue.key-matches-request"]),
    fails(Faulty("wrong_key", "issue", "envelope"), &["issue.encryption-key"]),
    fails(Faulty("wrong_reply", "issue", "no_chain"), &["issue.chain"]),
    fails(Faulty("wrong_reply", "issue", "swapped"), &["issue.key-usages"]),
    fails(Faulty("wrong_reply", "issue", "no_envelope"), &["issue.whole-pair"]),
    fails(Faulty("wrong_reply", "issue", "own_validity"), &["issue.validity"]),
    fails(Faulty("wrong_reply", "issue", "first_reply"), &["issue.serials"]),
    fails(Faulty("wrong_reply", "issue", "other_holder"), &["issue.holder"]),
    fails(Faulty("stale_absent", "issue", "honest_submit"), &["issue.lookup"]),
    fails(Faulty("wrong_reply", "status", "revoked"), &["issue.status"]),
    fails(Faulty("wrong_reply", "ca_certificates", "empty"), &["issue.ca-certificates"]),
    fails(Faulty("wrong_reply", "renew", "swapped"), &["renew.keeps-keys"]),
    fails(Faulty("wrong_reply", "renew", "grants"), &["renew.refuses-another-key"]),
    fails(Faulty("wrong_key", "rekey", ""), &["rekey.changes-keys"]),
    fails(Faulty("wrong_reply", "list", "empty"), &["list.complete"]),
    fails(Faulty("wrong_reply", "list", "endless"), &["list.pages"]),
    fails(Faulty("wrong_reply", "list", "retryable"), &["list.wrong-cursor"]),
];

const REVOKING: &[Case] = &[
    fails(Faulty("wrong_reply", "revoke", "pretends"), &["revoke.confirmed", "revoke.twice", "revoke.alone"]),
    fails(Faulty("wrong_reply", "revoke", "grants"), &["revoke.unknown-serial"]),
    fails(Faulty("wrong_reply", "crl", "unhealthy"), &["crl.verifies"]),
    fails(Faulty("wrong_reply", "crl", "first_reply"), &["crl.number-grows"]),
    fails(
        Faulty("more_operations", "issue", ""),
        &[
            "hold.holds-and-releases",
            "hold.can-be-revoked",
            "ocsp.verifies",
            "timestamp.verifies",
            "timestamp.refuses",
            "recover-key.recovers",
            "recover-key.refuses",
            "seal.verifies",
            "seal.status",
            "seal.revokes",
            "pending.unknown-token",
            "pending.cancel-of-nothing",
        ],
    ),
    fails(Faulty("more_operations", "issue", "pending"), &["pending.survives-restart", "pending.cancels"]),
];

const KILLING: &[Case] = &[
    fails(Faulty("stale_lock", "issue", ""), &["kill.issue"]),
    fails(Faulty("stale_lock", "renew", ""), &["kill.renew"]),
    fails(Faulty("stale_lock", "rekey", ""), &["kill.rekey"]),
    fails(Faulty("stale_lock", "revoke", ""), &["kill.revoke"]),
    fails(Faulty("more_operations", "issue", "stale_lock"), &["kill.seal-issue"]),
];

const NETWORK: &[Case] = &[
    fails(Remote(&["ABRUPT"]), &["network.open-without-ca", "network.refused"]),
    fails(
        Remote(&["BLIND"]),
        &["network.black-hole", "network.half-close", "network.reset", "network.cut-reply"],
    ),
    fails(Remote(&["DEAF"]), &["network.drip"]),
    fails(Remote(&["ONE_SESSION"]), &["network.ca-restart"]),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    [FILE, OPENING, PROCESS, ISSUING, REVOKING, KILLING, NETWORK].into_iter().flatten()
}

#[test]
fn no_check_is_without_a_plugin_that_fails_it() {
    let known: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    let mut tried: BTreeSet<&str> = cases().flat_map(|case| case.checks).copied().collect();
    tried.extend(APART.iter().map(|(check, _)| check));
    let without: Vec<&&str> = known.difference(&tried).collect();
    assert!(without.is_empty(), "{without:?}");
    assert_eq!(known, tried);
}

fn prepared(folder: &TempDir, case: &Case) -> Options {
    let mut options = match case.plugin {
        Closed => {
            let mut options = vendor_options(folder, None);
            options.write = Vec::new();
            options
        }
        Faulty(fault, at, variant) => {
            let mut options = vendor_options(folder, Some(fault));
            let configuration = options.configuration.as_mut().unwrap();
            configuration["at"] = json!(at);
            configuration["variant"] = json!(variant);
            options
        }
        Lists(macros) => {
            let mut options = options(&c_plugin(folder, "lists", &[&[r#"REPLY="{}""#], macros].concat()));
            options.configuration = Some(json!({}));
            options
        }
        Linked(arguments) => options(&c_plugin_linked(folder, arguments)),
        Remote(macros) => {
            let address = remote::start();
            let mut options = options(&c_plugin(folder, "remote", macros));
            options.configuration = Some(json!({"port": address.port()}));
            options.upstream = Some(Upstream { address, pointer: "/port".to_owned() });
            options
        }
    };
    options.only = case.checks.iter().map(|check| (*check).to_owned()).collect();
    options
}

async fn each_fails(cases: &'static [Case]) {
    let mut passed: Vec<&str> = Vec::new();
    for case in cases {
        let folder = tempdir().unwrap();
        let report = report(prepared(&folder, case)).await;
        let failed = ids(&report, Outcome::Failed);
        passed.extend(case.checks.iter().filter(|check| !failed.contains(**check)).copied());
    }
    assert!(passed.is_empty(), "{passed:?} did not fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_file_table_and_description_can_fail() {
    each_fails(FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_opening_waiting_and_deadlines_can_fail() {
    each_fails(OPENING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_the_process_and_of_hostile_requests_can_fail() {
    each_fails(PROCESS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_issued_pairs_and_lists_can_fail() {
    each_fails(ISSUING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_revocation_seals_stamps_and_pending_operations_can_fail() {
    each_fails(REVOKING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_with_kills_can_fail() {
    each_fails(KILLING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_the_network_can_fail() {
    each_fails(NETWORK).await;
}
