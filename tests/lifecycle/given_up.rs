//! An operator gives up an order whose certificate is being issued: in the end nothing is left of it at the CA.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use yinqiao_tests::catalogue::{self, Adapter};
use yinqiao_tests::holder::pin;
use yinqiao_tests::plugins;

use super::stage::{LEGAL_PERSON, Stage, User, eventually, order};

/// How long the CA takes to issue, in milliseconds.
const ISSUE_DELAY: u32 = 3_000;

/// Gives up an order that a phone downloads, does `meanwhile`, and holds the end against what has to come of it. Gives the number of
/// certificates that the CA has issued and revoked.
fn give_up_during_issue(meanwhile: impl FnOnce(&mut Stage)) -> usize {
    let mut stage = Stage::with_issue_delay(ISSUE_DELAY);
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let ordered: Value = legal_person.account.post("/v1/orders", &order(365)).unwrap();
    assert_eq!(ordered["state"], "ready");
    let id = ordered["order"].as_str().unwrap().to_owned();
    let operator = stage.broker.operator(&["staff", "add", "lin", "--role", "operator"]).trim().to_owned();

    std::thread::scope(|scope| {
        let account = &legal_person.account;
        let download = scope.spawn(|| account.download(&id, &pin()));
        eventually("the download", || (order_of(&legal_person, &id)["state"] == "issuing").then_some(()));
        let given_up = stage.post_as_staff(
            &operator,
            &format!("/v1/operator/orders/{id}/fail"),
            &json!({ "reason": "客户撤回申请" }),
        );
        assert_eq!(given_up["state"], "failed");
        meanwhile(&mut stage);
        assert!(download.join().unwrap().is_err(), "nobody gets the certificate of an order given up");
    });

    eventually("the end of all work at the CA", || {
        let jobs = stage.get_as_staff(&operator, "/v1/operator/jobs?limit=200");
        let at_ca = |job: &Value| job["job"].as_str().is_some_and(|name| !name.starts_with("message/"));
        (!jobs["items"].as_array().unwrap().iter().any(at_ca)).then_some(())
    });
    // Nothing may have been issued, where the broker died before the CA began.
    eventually("the revocation of what was issued", || {
        (stage.broker.trust().revoked() == stage.issued_by_ca()).then_some(())
    });
    assert_eq!(order_of(&legal_person, &id)["state"], "failed");
    let certificates: Value = legal_person.account.get("/v1/certificates").unwrap().value;
    let usable = certificates["items"].as_array().unwrap().iter().filter(|item| item["status"] == "active");
    assert_eq!(usable.count(), 0);
    assert!(legal_person.account.download(&id, &pin()).is_err());
    stage.issued_by_ca()
}

fn order_of(user: &User, id: &str) -> Value {
    user.account.get(&format!("/v1/orders/{id}")).unwrap().value
}

#[test]
fn a_certificate_that_comes_after_its_order_was_given_up_is_revoked() {
    assert_eq!(give_up_during_issue(|_| {}), 2);
}

#[test]
fn a_broker_that_dies_after_an_order_was_given_up_has_what_was_issued_revoked() {
    let issued = give_up_during_issue(|stage| stage.broker.restart());
    assert!([0, 2].contains(&issued), "{issued}");
}

/// A stage whose CA is a vendor's that refuses the first issue and does the next.
fn with_a_ca_that_refuses_once() -> Stage {
    let mut stage = Stage::new();
    stage.broker.kill();
    fs::remove_dir_all(stage.broker.software_ca()).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("lifecycle/refuses_once.c");
    let library = plugins::compile(&stage.broker, "refuses_once", &source);
    let adapter = Adapter::vendor(&stage.broker, "softca", &library).with("accept_new_root = true");
    catalogue::write(&stage.broker, &[adapter], "");
    stage.broker.restart();
    stage
}

#[test]
fn a_request_that_waits_while_its_order_is_refused_leaves_no_certificate_in_force() {
    let mut stage = with_a_ca_that_refuses_once();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let ordered: Value = legal_person.account.post("/v1/orders", &order(365)).unwrap();
    let id = ordered["order"].as_str().unwrap().to_owned();
    let operator = stage.broker.operator(&["staff", "add", "lin", "--role", "operator"]).trim().to_owned();
    thread::scope(|scope| {
        let download = || legal_person.account.download(&id, &pin());
        let first = scope.spawn(download);
        eventually("the download", || (order_of(&legal_person, &id)["state"] == "issuing").then_some(()));
        // The very same request, which waits until the first one is answered.
        thread::sleep(Duration::from_millis(300));
        let second = scope.spawn(download);
        assert!(first.join().unwrap().is_err(), "the CA refuses");
        let _whatever_comes = second.join().unwrap();
    });
    assert_eq!(order_of(&legal_person, &id)["state"], "failed");
    eventually("the end of all work at the CA", || {
        let jobs = stage.get_as_staff(&operator, "/v1/operator/jobs?limit=200");
        let at_ca = |job: &Value| job["job"].as_str().is_some_and(|name| !name.starts_with("message/"));
        (!jobs["items"].as_array().unwrap().iter().any(at_ca)).then_some(())
    });
    let issued = 2 * catalogue::vendor_pairs(&stage.broker, "softca");
    eventually("the revocation of what was issued", || {
        (stage.broker.trust().revoked() == issued).then_some(())
    });
    assert!(
        stage.broker.operator_json(&["adapter", "operations", "--json"])["operations"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let certificates: Value = legal_person.account.get("/v1/certificates").unwrap().value;
    let usable = certificates["items"].as_array().unwrap().iter().filter(|item| item["status"] == "active");
    assert_eq!(usable.count(), 0);
    stage.broker.restart();
    assert!(legal_person.account.download(&id, &pin()).is_err());
}

#[test]
fn of_an_order_that_is_refused_the_log_says_that_nothing_was_issued() {
    let stage = with_a_ca_that_refuses_once();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let ordered: Value = legal_person.account.post("/v1/orders", &order(365)).unwrap();
    let id = ordered["order"].as_str().unwrap();
    assert!(legal_person.account.download(id, &pin()).is_err(), "the CA refuses");
    eventually("the end of the request", || {
        let log = stage.broker.log();
        assert!(!log.contains("that its CA had issued for"), "{log}");
        log.contains("nothing was issued, and nothing will be").then_some(())
    });
    assert_eq!(order_of(&legal_person, id)["state"], "failed");
}
