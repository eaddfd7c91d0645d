//! A certificate is revoked, or its holder removed, while something is being done for it or with it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::task::MessageArc;
use yinqiao_tests::holder::{pin, problem_of};
use yinqiao_tests::tasks;

use super::{FEE, ROUNDS, Ring, both, delete, text};
use crate::stage::{COMPANY, User};

/// Brokers at once: a removal mostly waits.
const LANES: usize = 4;
/// By how much a removal may be ahead, in milliseconds: about as long as it takes to come to the certificates.
const LONGEST_HEAD_START: u64 = 150;
/// How long the CA takes to issue, in milliseconds: about as long as a removal takes.
const ISSUE_DELAY: u32 = 30;

impl Ring {
    /// An order of the member that can be downloaded.
    fn paid_order(&self) -> String {
        let (path, payment) = self.order_to_pay();
        assert_eq!(self.stage.pay(&payment, "wx-1", FEE), 200);
        path
    }

    fn remove_member(&self) -> Result<Value, String> {
        let user = self.member.account.account().user;
        delete(&self.legal_person, &format!("/v1/enterprises/{COMPANY}/members/{user}"))
    }
}

/// Does the work at several brokers at once.
fn in_lanes<T: Send>(issue_delay: u32, work: impl Fn(&mut Ring) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let lane = || work(&mut Ring::new(issue_delay));
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    })
}

/// The certificates of the company that its legal person sees.
fn certificates(user: &User) -> Vec<Value> {
    let list: Value =
        user.account.get(&format!("/v1/enterprises/{COMPANY}/certificates?limit=200")).unwrap().value;
    list["items"].as_array().unwrap().clone()
}

/// The certificate of that order, the moment that it is there.
fn certificate_of(user: &User, order: &str) -> Value {
    let begun = Instant::now();
    loop {
        if let Some(found) = certificates(user).into_iter().find(|found| found["order"] == order) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no certificate comes about");
    }
}

#[test]
fn a_member_who_is_removed_while_a_certificate_is_issued_has_none_and_the_money_is_accounted_for() {
    let issued = in_lanes(ISSUE_DELAY, |ring| {
        let mut issued = 0;
        for _ in 0..ROUNDS / LANES {
            let path = ring.paid_order();
            let id = path.replace("/v1/orders/", "");
            let head_start = RandomState::new().hash_one(0) % LONGEST_HEAD_START;
            let download = || {
                thread::sleep(Duration::from_millis(head_start));
                ring.member.account.download(&id, &pin())
            };
            let (downloaded, removed) = both(download, || ring.remove_member());
            removed.unwrap();
            ring.wait_for_jobs();
            let (order, noted) = (ring.look(&path), ring.noted(&path));
            match text(&order["state"]) {
                "issued" => {
                    issued += 1;
                    assert_eq!(order["payment"]["state"], "paid");
                    assert_eq!(noted, ["order.approve", "order.paid", "order.begin-issue", "order.issued"]);
                    downloaded.unwrap();
                }
                "cancelled" => {
                    assert_eq!(order["payment"]["state"], "refund_due");
                    assert_eq!(noted, ["order.approve", "order.paid", "order.cancel"]);
                    assert!(downloaded.is_err());
                }
                other => panic!("{other}: {noted:?}"),
            }
            assert_eq!(certificates(&ring.legal_person), Vec::<Value>::new());
            assert_eq!(ring.stage.issued_by_ca(), 2 * issued);
            assert_eq!(ring.stage.broker.trust().revoked(), 2 * issued);
            ring.member = ring.stage.member(&ring.legal_person);
        }
        issued
    });
    println!("{} of {ROUNDS} were issued", issued.iter().sum::<usize>());
}

#[test]
fn a_certificate_that_is_revoked_the_moment_it_is_there_was_issued_and_is_revoked() {
    let ring = Ring::new(ISSUE_DELAY);
    for round in 1..=ROUNDS {
        let path = ring.paid_order();
        let id = path.replace("/v1/orders/", "");
        let revoke = || {
            let found = certificate_of(&ring.legal_person, &id);
            let path = format!("/v1/certificates/{}/revoke", text(&found["certificate_sm3"]));
            ring.legal_person
                .account
                .post::<Value>(&path, &json!({ "reason": "affiliationChanged" }))
                .unwrap()
        };
        let (downloaded, revoked) = both(|| ring.member.account.download(&id, &pin()), revoke);
        downloaded.unwrap();
        assert_eq!(revoked["state"], "revoked");
        ring.wait_for_jobs();
        assert_eq!(ring.look(&path)["state"], "issued");
        assert_eq!(ring.noted(&path).split_off(2), ["order.begin-issue", "order.issued"]);
        let notes = ring.notes(&format!("certificate/{}", text(&revoked["certificate_sm3"])));
        assert_eq!(notes.iter().filter(|action| *action == "certificate.revoke").count(), 1, "{notes:?}");
        let issued = ring.stage.issued_by_ca();
        assert_eq!((ring.stage.broker.trust().revoked(), issued), (2 * round, 2 * round));
    }
}

#[test]
fn a_member_who_is_removed_during_a_session_has_signed_or_is_refused() {
    let signed = in_lanes(0, |ring| {
        let platform = ring.stage.broker.relying_party("fuzhou");
        let mut signed = 0;
        for _ in 0..ROUNDS / LANES {
            let path = ring.paid_order();
            ring.member.account.download(&path.replace("/v1/orders/", ""), &pin()).unwrap();
            let opened = platform.open(tasks::sign(1, MessageArc::Rfc5652));
            let mut session = ring.member.holder.scan(&opened.code).unwrap();
            session.fetch(0).unwrap();
            session.review().unwrap();
            let head_start = RandomState::new().hash_one(0) % LONGEST_HEAD_START;
            let answer = || {
                thread::sleep(Duration::from_millis(head_start));
                session.answer(&pin())
            };
            let (answered, removed) = both(answer, || ring.remove_member());
            removed.unwrap();
            let state = platform.view(&opened.session).state;
            match answered {
                Ok(answered) => {
                    signed += 1;
                    assert_eq!((answered.state, state), (SessionState::Completed, SessionState::Completed));
                }
                refused => {
                    assert_eq!(problem_of(refused), "certificate-revoked");
                    assert_eq!(state, SessionState::Failed);
                }
            }
            ring.wait_for_jobs();
            // From then on it is over in any case.
            let opened = platform.open(tasks::login());
            let refused = ring.member.holder.scan(&opened.code).map(drop);
            assert_eq!(problem_of(refused), "certificate-revoked");
            assert_eq!(certificates(&ring.legal_person), Vec::<Value>::new());
            ring.member = ring.stage.member(&ring.legal_person);
        }
        assert_eq!(ring.stage.broker.trust().revoked(), 2 * (ROUNDS / LANES));
        signed
    });
    println!("{} of {ROUNDS} were signed", signed.iter().sum::<usize>());
}
