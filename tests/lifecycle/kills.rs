//! The broker is killed (`kill -9`) again and again while a company orders, downloads and is deleted: it comes to the same end, and the
//! CA has neither an orphan nor a duplicate.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use yinqiao_phone::PhoneError;
use yinqiao_protocol::OrderId;
use yinqiao_tests::holder::pin;

use super::stage::{COMPANY, LEGAL_PERSON, Stage, User, eventually, order};

/// Orders that are downloaded, each while the broker dies.
const ROUNDS: usize = 6;
/// Times that it dies in each.
const DEATHS: usize = 3;
/// The longest that it lives, in milliseconds: about as long as a round takes undisturbed.
const LONGEST_LIFE: u64 = 400;
/// How long a client insists.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does `work` while the broker dies.
fn while_it_dies<T: Send>(stage: &mut Stage, work: impl FnOnce() -> T + Send) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let result = work();
            done.store(true, Ordering::Release);
            result
        });
        for _ in 0..DEATHS {
            if done.load(Ordering::Acquire) {
                break;
            }
            thread::sleep(Duration::from_millis(RandomState::new().hash_one(0) % LONGEST_LIFE));
            stage.broker.restart();
        }
        worker.join().unwrap()
    })
}

/// Asks until the broker is there and says yes.
pub fn insist<T>(what: &str, ask: impl Fn() -> Result<T, PhoneError>) -> T {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{what}: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn certificates(user: &User) -> usize {
    let list: Value = insist("the list", || user.account.get("/v1/certificates")).value;
    list["items"].as_array().unwrap().len()
}

#[test]
fn a_broker_that_dies_again_and_again_issues_each_order_once_and_revokes_everything_in_the_end() {
    let mut stage = Stage::new();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let account = &legal_person.account;
    for round in 1..=ROUNDS {
        let id = while_it_dies(&mut stage, || {
            let key = OrderId::random().to_string();
            let ordered: Value = insist("the order", || account.post_as("/v1/orders", &key, &order(365)));
            let id = ordered["order"].as_str().unwrap().to_owned();
            insist("the download", || {
                let downloaded = account.download(&id, &pin());
                // The code is used up once the phone has everything.
                let has_all = legal_person.holder.phone.certificates()?.len() == round;
                if has_all { Ok(()) } else { downloaded.map(drop) }
            });
            id
        });
        let stored: Value = insist("the order's end", || account.get(&format!("/v1/orders/{id}"))).value;
        assert_eq!(stored["state"], "issued");
        assert_eq!(certificates(&legal_person), round, "certificates of the broker");
        assert_eq!(stage.issued_by_ca(), 2 * round, "certificates of the CA");
    }
    let orders: Value = insist("the orders", || account.get("/v1/orders")).value;
    assert_eq!(orders["items"].as_array().unwrap().len(), ROUNDS, "no order was made twice");

    let company = format!("/v1/enterprises/{COMPANY}");
    while_it_dies(&mut stage, || {
        insist("the deletion", || account.delete(&company));
        eventually("the deletion's end", || {
            let company = account.get::<Value>(&company).ok()?.value;
            (company["state"] == "deleted").then_some(())
        });
    });
    assert_eq!(certificates(&legal_person), 0);
    assert_eq!(stage.broker.trust().revoked(), 2 * ROUNDS, "revoked by the CA");
    assert_eq!(stage.issued_by_ca(), 2 * ROUNDS);
}
