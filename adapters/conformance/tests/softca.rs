//! The software CA passes the whole kit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use support::{ids, report, softca_options};
use tempfile::tempdir;
use yinqiao_ca_conformance::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn the_software_ca_passes_and_nothing_that_it_offers_is_skipped() {
    let folder = tempdir().unwrap();
    let report = report(softca_options(&folder)).await;
    assert_eq!(ids(&report, Outcome::Failed), BTreeSet::new());
    assert!(report.passed);
    let skipped = ids(&report, Outcome::Skipped);
    let unwanted: Vec<&&str> =
        skipped.iter().filter(|id| !id.starts_with("network.") && **id != "hostile.sanitizers").collect();
    assert!(unwanted.is_empty(), "{unwanted:?}");
}
