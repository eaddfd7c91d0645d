//! A CA is down for an hour of the broker's clock: an order and a revocation wait for it, are tried again and again at distances
//! that are bounded, and are done once when it is back. What is to be revoked is of no use in the meantime.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use yinqiao_protocol::order::DownloadCode;
use yinqiao_protocol::staff::JobView;
use yinqiao_protocol::{Timestamp, Token};
use yinqiao_tests::holder::{pin, problem_of};
use yinqiao_tests::relying_party::now;
use yinqiao_tests::tasks;

use super::stage::{LEGAL_PERSON, Stage, User, eventually, order};

/// An hour, in milliseconds.
const HOUR: u64 = 3_600_000;
/// The longest pause between two attempts, in milliseconds.
const LONGEST_PAUSE: u64 = 300_000;
/// How often each is tried in the hour: neither given up nor in a hurry.
const ATTEMPTS: std::ops::Range<usize> = 15..40;
/// The adapter's breaker asks in real time whether the CA is back.
const LIMITS: &str = "limits = { breaker_pause = \"100ms\", breaker_longest_pause = \"100ms\" }\n";

/// A broker whose clock is moved.
struct Desk {
    stage: Stage,
    operator: String,
    /// By how many milliseconds its clock is ahead.
    ahead: u64,
}

impl Desk {
    fn new() -> Self {
        let stage = Stage::with_failpoints(LIMITS);
        let operator =
            stage.broker.operator(&["staff", "add", "lin", "--role", "operator"]).trim().to_owned();
        Self { stage, operator, ahead: 0 }
    }

    /// The broker's time.
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(now().millis() + i64::try_from(self.ahead).unwrap())
    }

    fn pass(&mut self, milliseconds: u64) {
        self.ahead += milliseconds;
        let folder = self.stage.broker.failpoints();
        // In one step: the broker reads it at any time.
        fs::write(folder.join("ahead.new"), self.ahead.to_string()).unwrap();
        fs::rename(folder.join("ahead.new"), folder.join("ahead")).unwrap();
    }

    /// The CA loses its disk, or gets it back.
    fn set_down(&self, down: bool) {
        let (there, away) = (self.stage.broker.software_ca(), self.stage.broker.data().join("away"));
        let (from, to) = if down { (there, away) } else { (away, there) };
        fs::rename(from, to).unwrap();
    }

    /// What the broker has to do at its CA.
    fn jobs(&self) -> Vec<JobView> {
        let jobs = self.stage.get_as_staff(&self.operator, "/v1/operator/jobs?limit=200");
        let jobs: Vec<JobView> = serde_json::from_value(jobs["items"].clone()).unwrap();
        jobs.into_iter().filter(|job| !job.job.starts_with("message/")).collect()
    }

    /// Lets time pass until the next job is due, and waits until it was attempted. Gives the job as it is then, where it is not done.
    fn next_attempt(&mut self) -> Option<JobView> {
        let before = self.jobs().into_iter().min_by_key(|job| job.due)?;
        let pause = self.now().millis_until(before.due);
        assert!(pause <= LONGEST_PAUSE, "{before:?} waits {pause} ms");
        self.pass(pause);
        eventually("the attempt", || {
            let after = self.jobs().into_iter().find(|job| job.job == before.job);
            (after.as_ref().is_none_or(|after| after.due != before.due)).then_some(after)
        })
    }

    fn order(&self, id: &str) -> Value {
        self.stage.get_as_staff(&self.operator, &format!("/v1/operator/orders/{id}"))
    }

    fn certificate(&self, sm3: &str) -> Value {
        self.stage.get_as_staff(&self.operator, &format!("/v1/operator/certificates/{sm3}"))
    }
}

/// A certificate of the legal person, who pays nothing.
fn certified(legal_person: &User) -> String {
    let ordered: Value = legal_person.account.post("/v1/orders", &order(365)).unwrap();
    legal_person.account.download(ordered["order"].as_str().unwrap(), &pin()).unwrap();
    legal_person.holder.certificate_sm3().to_string()
}

/// An order that the member has paid, and its download code.
fn paid_order(stage: &Stage, member: &User, legal_person: &User) -> (String, Token) {
    let ordered: Value = member.account.post("/v1/orders", &order(365)).unwrap();
    let path = format!("/v1/orders/{}", ordered["order"].as_str().unwrap());
    let approved: Value = legal_person.account.post(&format!("{path}/approve"), &json!({})).unwrap();
    assert_eq!(stage.pay(approved["payment"]["payment"].as_str().unwrap(), "wx-1", 20_000), 200);
    let code = member.account.get::<DownloadCode>(&format!("{path}/download-code")).unwrap().value.code;
    (ordered["order"].as_str().unwrap().to_owned(), code)
}

#[test]
fn orders_and_revocations_outlast_a_ca_that_is_down_for_an_hour() {
    let mut desk = Desk::new();
    let legal_person = desk.stage.sign_in(&LEGAL_PERSON);
    let member = desk.stage.member(&legal_person);
    let sm3 = certified(&legal_person);
    let platform = desk.stage.broker.relying_party("fuzhou");

    desk.set_down(true);
    // Whatever needs no CA goes on: another order is made, agreed to and paid.
    let (id, code) = paid_order(&desk.stage, &member, &legal_person);
    let revocation = format!("/v1/certificates/{sm3}/revoke");
    let revoked: Value =
        legal_person.account.post(&revocation, &json!({ "reason": "keyCompromise" })).unwrap();
    assert_eq!((&revoked["state"], &revoked["authority_pending"]), (&json!("revoked"), &json!(true)));
    let refused = legal_person.holder.scan(&platform.open(tasks::login()).code).map(drop);
    assert_eq!(problem_of(refused), "certificate-revoked");
    let refused = member.account.download(&id, &pin());
    assert_eq!(problem_of(refused), "certificate-authority-unavailable");

    let begun = desk.now();
    let mut attempts = Vec::new();
    while begun.millis_until(desk.now()) < HOUR {
        let job = desk.next_attempt().expect("nothing is done without the CA");
        assert!(job.last_error.is_some(), "{job:?}");
        attempts.push(job.job);
        let order = desk.order(&id);
        assert_eq!((&order["state"], &order["payment"]["state"]), (&json!("issuing"), &json!("paid")));
        assert_eq!(order["payment"]["refunds_due"], Value::Null);
        let certificate = desk.certificate(&sm3);
        assert_eq!(
            (&certificate["state"], &certificate["authority_pending"]),
            (&json!("revoked"), &json!(true))
        );
    }
    for kind in ["issue/", "reconcile/"] {
        let count = attempts.iter().filter(|job| job.starts_with(kind)).count();
        assert!(ATTEMPTS.contains(&count), "{kind}: {count} attempts");
    }

    desk.set_down(false);
    // The adapter notices by itself.
    thread::sleep(Duration::from_secs(1));
    let back = desk.now();
    while !desk.jobs().is_empty() {
        desk.next_attempt();
        assert!(back.millis_until(desk.now()) <= 2 * LONGEST_PAUSE, "{:?}", desk.jobs());
    }
    assert_eq!(desk.order(&id)["state"], "issued");
    assert_eq!(desk.certificate(&sm3)["authority_pending"], false);
    assert_eq!((desk.stage.issued_by_ca(), desk.stage.broker.trust().revoked()), (4, 2));
    // The phone gets what was issued without it, by the code that it had before: its clock stayed behind.
    member.holder.phone.enrol(&desk.stage.broker.url(), &code, &pin()).unwrap();
    assert_eq!(member.holder.phone.certificates().unwrap().len(), 1);
    assert_eq!(desk.stage.issued_by_ca(), 4);
}
