//! A plugin that has nothing but revocation lists, and faults of a plugin's file and description.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use support::{c_plugin, ids, options, report, text};
use tempfile::tempdir;
use yinqiao_ca_conformance::{Outcome, Report};
use yinqiao_ca_sdk::messages::Der;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{
    CertificateBuilder, CertificateRevocationList, DistinguishedName, Profile, SerialNumber,
};

/// The reply to CRL, with a list that is due again after so many seconds.
fn reply(due_after: i64) -> String {
    let key = PrivateKey::generate().unwrap();
    let name = DistinguishedName::builder().common_name("lists").build().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let number = SerialNumber::generate().unwrap();
    let root = CertificateBuilder::new(
        Profile::RootCa,
        name,
        key.public_key().clone(),
        number,
        now - 60,
        now + 9999,
    );
    let root = root.self_sign(&key).unwrap();
    let (this, next) = (now - 100, now + due_after);
    let list = CertificateRevocationList::build(&root, &key, this, next, 7, &[]).unwrap();
    let document = json!({
        "crl": Der(list.der().to_vec()), "number": "07",
        "this_update_ms": this * 1000, "next_update_ms": next * 1000,
    });
    format!("REPLY={:?}", document.to_string())
}

async fn run(macros: &[&str], only: &[&str]) -> Report {
    run_with(&reply(3600), macros, only).await
}

async fn run_with(reply: &str, macros: &[&str], only: &[&str]) -> Report {
    let folder = tempdir().unwrap();
    let mut all = vec![reply];
    all.extend(macros);
    let mut options = options(&c_plugin(&folder, "lists", &all));
    options.configuration = Some(json!({}));
    options.only = only.iter().map(|name| (*name).to_owned()).collect();
    report(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_does_not_offer_is_no_fault() {
    let report = run(&[], &[]).await;
    assert_eq!(ids(&report, Outcome::Failed), BTreeSet::new());
    assert!(report.passed);
    let not_offered = ids(&report, Outcome::NotOffered);
    for id in ["issue.issues", "revoke.twice", "ocsp.verifies", "seal.verifies", "list.pages", "kill.issue"] {
        assert!(not_offered.contains(id), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_file_and_the_description_fails_the_check_that_is_about_it() {
    for (macros, check, words) in [
        (vec!["EXPORTS_MORE"], "library.symbols", "helper_of_the_vendor"),
        (vec!["CONSTRUCTOR"], "library.constructors", "signals 10 "),
        (vec!["DESCRIBES_ONCE"], "describe.works-alone", "two documents"),
        (vec![r#"SCHEMA="{\"type\": \"objekt\"}""#], "describe.schema", "no JSON Schema"),
        (vec![r#"SCHEMA="{}""#], "describe.schema", "no objects"),
        (
            vec![r#"SCHEMA="{\"type\": \"object\", \"properties\": {\"pin\": {}}}""#],
            "describe.no-credentials",
            "pin",
        ),
        (
            vec![r#"SCHEMA="{\"type\": \"object\", \"required\": [\"url\"]}""#],
            "describe.configuration-fits",
            "does not fit",
        ),
    ] {
        let report = run(&macros, &["library", "describe", "table"]).await;
        assert_eq!(ids(&report, Outcome::Failed), BTreeSet::from([check]), "{macros:?}");
        assert!(text(&report, check).contains(words), "{}", text(&report, check));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_next_update_is_over_fails() {
    let report = run_with(&reply(-50), &[], &["crl"]).await;
    assert_eq!(ids(&report, Outcome::Failed), BTreeSet::from(["crl.verifies"]));
    assert!(text(&report, "crl.verifies").contains("nextUpdate is over"));
}
