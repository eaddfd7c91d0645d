//! A seal that is not what was asked for is never used, and revoked.

use std::fs;
use std::path::Path;

use yinqiao_tests::catalogue::Adapter;
use yinqiao_tests::holder::BUILDER;
use yinqiao_tests::{Broker, broker, plugins};

#[test]
fn a_seal_that_nobody_can_read_is_revoked_at_its_ca() {
    let broker = Broker::start_with(|broker| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/unfit_seal.c");
        vec![Adapter::vendor(broker, "vendor", &plugins::compile(broker, "unfit_seal", &source))]
    });
    broker.legal_person("王小明", &BUILDER);
    let picture = broker.folder().join("seal.png");
    fs::write(&picture, broker::red_square()).unwrap();
    let picture = picture.to_str().unwrap();
    let add = ["seal", "add", "--enterprise-code", BUILDER.code, "--name", "公章", "--picture", picture];
    let refusal = broker.operator_refused(&add);
    assert!(refusal.contains("seal:"), "{refusal}");
    let revoked = fs::read_to_string(broker.data().join("vendor/revoked-seals")).unwrap();
    assert_eq!(revoked, "unfit-1\n");
    assert!(broker.operator_json(&["seal", "list"])["seals"].as_array().unwrap().is_empty());
    assert!(broker.operator_json(&["seal", "requests"])["requests"].as_array().unwrap().is_empty());
}
