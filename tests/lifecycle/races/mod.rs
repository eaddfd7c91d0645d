//! Two parties at once: what comes of it is what would have come of one after the other.

mod orders;
mod payments;
mod removals;

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use yinqiao_phone::PhoneError;
use yinqiao_protocol::OrderId;
use yinqiao_tests::holder::problem_of;

use super::stage::{LEGAL_PERSON, Stage, User, eventually, order};

/// How often each is tried: who is first is up to chance.
const ROUNDS: usize = 20;
/// What a certificate for a year costs a member of the staff, in fen.
const FEE: u64 = 20_000;

/// A company with one member, and staff of the trading centre.
struct Ring {
    stage: Stage,
    legal_person: User,
    member: User,
    operator: String,
    auditor: String,
}

impl Ring {
    fn new(issue_delay: u32) -> Self {
        let stage = Stage::with_issue_delay(issue_delay);
        let legal_person = stage.sign_in(&LEGAL_PERSON);
        let member = stage.member(&legal_person);
        let token =
            |role: &str| stage.broker.operator(&["staff", "add", role, "--role", role]).trim().to_owned();
        let (operator, auditor) = (token("operator"), token("auditor"));
        Self { stage, legal_person, member, operator, auditor }
    }

    /// The path of a new order of the member.
    fn order(&self) -> String {
        let ordered: Value = self.member.account.post("/v1/orders", &order(365)).unwrap();
        assert_eq!(ordered["state"], "applied");
        format!("/v1/orders/{}", text(&ordered["order"]))
    }

    /// The path of a new order that is agreed to, and its payment.
    fn order_to_pay(&self) -> (String, String) {
        let path = self.order();
        let approved = post(&self.legal_person, &format!("{path}/approve")).unwrap();
        (path, text(&approved["payment"]["payment"]).to_owned())
    }

    /// The order as it is.
    fn look(&self, path: &str) -> Value {
        self.member.account.get(path).unwrap().value
    }

    /// What the audit log has of the order, in its order, without how it began.
    fn noted(&self, path: &str) -> Vec<String> {
        let mut actions = self.notes(&path.replace("/v1/orders/", "order/"));
        assert_eq!(actions.remove(0), "order.apply");
        actions
    }

    /// What the audit log has of something, in its order.
    fn notes(&self, subject: &str) -> Vec<String> {
        let path = format!("/v1/operator/audit/{subject}?limit=200");
        let notes = self.stage.get_as_staff(&self.auditor, &path);
        let notes = notes["items"].as_array().unwrap().iter();
        notes.rev().map(|note| text(&note["action"]).to_owned()).collect()
    }

    /// Waits until nothing is left for the broker to do but to tell people.
    fn wait_for_jobs(&self) {
        eventually("the end of all jobs", || {
            let jobs = self.stage.get_as_staff(&self.operator, "/v1/operator/jobs?limit=200");
            let works = |job: &Value| !text(&job["job"]).starts_with("message/");
            (!jobs["items"].as_array().unwrap().iter().any(works)).then_some(())
        });
    }
}

impl Drop for Ring {
    /// A client that sends again what was answered with `503` would not tell.
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let log = self.stage.broker.log();
        let bad = log.lines().find(|line| line.contains(" status=5") || line.contains(" ERROR "));
        assert_eq!(bad, None);
        assert!(log.contains(" status=200"), "the log tells no statuses");
    }
}

/// What came of a request: the answer, or the problem's name.
type Answer = Result<Value, String>;

/// Sends a request without content as new.
fn post(user: &User, path: &str) -> Answer {
    answer(user.account.post_as::<Value>(path, &OrderId::random().to_string(), &json!({})))
}

/// Deletes.
fn delete(user: &User, path: &str) -> Answer {
    answer(user.account.delete(path))
}

fn answer(result: Result<Value, PhoneError>) -> Answer {
    match result {
        Ok(value) => Ok(value),
        refused => Err(problem_of(refused)),
    }
}

/// Does both at the same moment.
fn both<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            start.wait();
            other()
        });
        start.wait();
        let one = one();
        (one, other.join().unwrap())
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}
