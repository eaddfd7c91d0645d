//! The broker dies (`kill -9`) at every single step of an order, its issue and the deletion of its company, one after the other:
//! before and after each change that it stores, and before and after each call to its CA. Started again, it comes to the same end
//! as one that was never disturbed; also where it dies once more while it takes up what was left.

mod deletion;

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use yinqiao_phone::PhoneError;
use yinqiao_protocol::OrderId;
use yinqiao_tests::holder::pin;

use super::kills::insist;
use super::stage::{COMPANY, LEGAL_PERSON, Stage, User, eventually, order, paid, say_to};

/// The points, as the broker names them.
const POINTS: [&str; 4] = ["commit-before", "commit-after", "adapter-before", "adapter-after"];
/// Fewest passes of each in a walk that nothing disturbs: a broker without failpoints, or one that hardly has any, proves nothing.
const FEWEST: [usize; 4] = [25, 25, 2, 2];
/// Walks at once: each mostly waits for its broker.
const LANES: usize = 4;
/// Points at the end of a walk that a later one may not come to: jobs that meet save each other a change.
const MOST_UNREACHED: usize = 6;

/// One that passes its point in the moment in which the walk ends dies after it. Gives whether it did.
fn restart_late(stage: &mut Stage) -> bool {
    thread::sleep(Duration::from_millis(50));
    let died = stage.broker.has_died();
    if died {
        stage.broker.restart();
    }
    died
}

/// After how many changes it dies once more.
const ONCE_MORE: usize = 2;

/// Where the broker dies.
#[derive(Clone, Debug)]
struct Deaths(Vec<(&'static str, usize)>);

/// A broker with a company and a member of its staff, who orders.
struct Lane {
    stage: Stage,
    operator: String,
    auditor: String,
    /// Walks that came to their end.
    walks: usize,
}

/// Who takes part in one walk.
struct Party {
    legal_person: User,
    staff: User,
}

impl Lane {
    fn new() -> Self {
        let stage = Stage::with_failpoints("");
        let token =
            |role: &str| stage.broker.operator(&["staff", "add", role, "--role", role]).trim().to_owned();
        let (operator, auditor) = (token("operator"), token("auditor"));
        Self { stage, operator, auditor, walks: 0 }
    }

    /// A company that has just registered, with one member. Nothing is left to be done by the broker.
    fn party(&self) -> Party {
        let legal_person = self.stage.sign_in(&LEGAL_PERSON);
        let staff = self.stage.member(&legal_person);
        self.wait_for_jobs();
        Party { legal_person, staff }
    }

    fn wait_for_jobs(&self) {
        eventually("the end of all jobs", || {
            let jobs = self.stage.get_as_staff(&self.operator, "/v1/operator/jobs?limit=200");
            jobs["items"].as_array().unwrap().is_empty().then_some(())
        });
    }

    /// Has the broker die at these points from now on, once at each.
    fn arm(&self, deaths: &Deaths) {
        let folder = self.stage.broker.failpoints();
        fs::write(folder.join("passed"), "").unwrap();
        let die: String = deaths.0.iter().map(|(name, number)| format!("{name}:{number}\n")).collect();
        fs::write(folder.join("die"), die).unwrap();
    }

    /// Has it die nowhere any more.
    fn disarm(&self) {
        fs::write(self.stage.broker.failpoints().join("die"), "").unwrap();
    }

    /// How often each point was passed since it was armed.
    fn passed(&self) -> [usize; 4] {
        let passed = fs::read_to_string(self.stage.broker.failpoints().join("passed")).unwrap();
        POINTS.map(|name| passed.lines().filter(|line| *line == name).count())
    }

    /// Walks once while the broker dies, and holds the end against what has to come of it. Gives how often it died.
    fn walk(&mut self, deaths: &Deaths) -> usize {
        let party = self.party();
        self.arm(deaths);
        let (done, url) = (AtomicBool::new(false), self.stage.broker.url());
        let operator = self.operator.clone();
        let (id, mut died) = thread::scope(|scope| {
            let walker = scope.spawn(|| {
                let over = Over(&done);
                let id = walk(&party, &url, &operator);
                drop(over);
                id
            });
            let mut died = 0;
            while !done.load(Ordering::Acquire) {
                if self.stage.broker.has_died() {
                    died += 1;
                    assert!(
                        died <= deaths.0.len(),
                        "{deaths:?}: it dies by itself\n{}",
                        self.stage.broker.log()
                    );
                    self.stage.broker.restart();
                }
                thread::sleep(Duration::from_millis(5));
            }
            (walker.join().unwrap_or_else(|_| panic!("{deaths:?}\n{}", self.stage.broker.log())), died)
        });
        self.walks += 1;
        self.disarm();
        died += usize::from(restart_late(&mut self.stage));
        self.check(&party, &id, &format!("{deaths:?}"));
        died
    }

    fn check(&self, party: &Party, id: &str, what: &str) {
        let account = &party.staff.account;
        let stored: Value = account.get(&format!("/v1/orders/{id}")).unwrap().value;
        assert_eq!(
            (&stored["state"], &stored["payment"]["state"]),
            (&json!("issued"), &json!("paid")),
            "{what}"
        );
        assert_eq!(stored["payment"]["refunds_due"], Value::Null, "{what}: refunds");
        let orders: Value = account.get("/v1/orders?limit=200").unwrap().value;
        assert_eq!(orders["items"].as_array().unwrap().len(), self.walks, "{what}: orders");
        let notes =
            self.stage.get_as_staff(&self.auditor, &format!("/v1/operator/audit/order/{id}?limit=200"));
        let mut actions: Vec<_> =
            notes["items"].as_array().unwrap().iter().map(|note| note["action"].as_str().unwrap()).collect();
        actions.reverse();
        // A request that broke off before its code was bound to it begins again.
        actions.retain(|action| *action != "order.begin-again");
        actions.dedup();
        let expected =
            ["apply", "approve", "paid", "begin-issue", "issued"].map(|verb| format!("order.{verb}"));
        assert_eq!(actions, expected, "{what}: audit log");
        assert_eq!(self.stage.issued_by_ca(), 2 * self.walks, "{what}: certificates of the CA");
        assert_eq!(self.stage.broker.trust().revoked(), 2 * self.walks, "{what}: revoked by the CA");
        for user in [&party.staff, &party.legal_person] {
            let certificates: Value = user.account.get("/v1/certificates").unwrap().value;
            assert_eq!(certificates["items"], json!([]), "{what}: certificates that can be seen");
        }
    }
}

/// Tells who watches, also where the walk ends in a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// From the order to the end of its company, insisting on each step. Gives the order.
fn walk(party: &Party, url: &str, operator: &str) -> String {
    let (staff, legal_person) = (&party.staff.account, &party.legal_person.account);
    let keys = [OrderId::random().to_string(), OrderId::random().to_string()];
    let ordered: Value = insist("the order", || staff.post_as("/v1/orders", &keys[0], &order(365)));
    let id = ordered["order"].as_str().unwrap().to_owned();
    let path = format!("/v1/orders/{id}");
    let approved: Value =
        insist("the approval", || legal_person.post_as(&format!("{path}/approve"), &keys[1], &()));
    let payment = approved["payment"]["payment"].as_str().unwrap();
    let word = paid(payment, "wx-1", 20_000);
    eventually("the payment", || say_to(url, &word).is_ok_and(|status| status == 200).then_some(()));
    insist("the download", || {
        let downloaded = staff.download(&id, &pin());
        // The code is used up once the phone has everything.
        let has_all = party.staff.holder.phone.certificates()?.len() == 1;
        if has_all { Ok(()) } else { downloaded.map(drop) }
    });
    eventually("the order's end", || is(staff.get::<Value>(&path).map(|found| found.value), "issued"));
    let company = format!("/v1/enterprises/{COMPANY}");
    insist("the deletion", || legal_person.delete(&company));
    eventually("the deletion's end", || {
        is(legal_person.get::<Value>(&company).map(|found| found.value), "deleted")
    });
    eventually("the end of all jobs", || {
        let jobs = super::stage::try_get_as_staff(url, operator, "/v1/operator/jobs?limit=200").ok()?;
        jobs["items"].as_array().unwrap().is_empty().then_some(())
    });
    id
}

fn is(answer: Result<Value, PhoneError>, state: &str) -> Option<()> {
    (answer.ok()?["state"] == state).then_some(())
}

#[test]
fn wherever_the_broker_dies_an_order_is_issued_once_and_everything_is_revoked_in_the_end() {
    let mut undisturbed = Lane::new();
    assert_eq!(undisturbed.walk(&Deaths(Vec::new())), 0);
    let passed = undisturbed.passed();
    assert!(passed.iter().zip(FEWEST).all(|(passed, fewest)| *passed >= fewest), "{passed:?}");
    let points = POINTS.into_iter().zip(passed).flat_map(|(name, most)| (1..=most).map(move |n| (name, n)));
    let twice = (1..=passed[1]).map(|n| Deaths(vec![(POINTS[1], n), (POINTS[1], n + ONCE_MORE)]));
    let all = points.map(|point| Deaths(vec![point])).chain(twice);
    let (waiting, unreached) = (Mutex::new(all.collect::<Vec<_>>()), Mutex::new(Vec::new()));
    let next = || waiting.lock().unwrap().pop();
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let mut lane = Lane::new();
                while let Some(deaths) = next() {
                    if lane.walk(&deaths) == 0 {
                        unreached.lock().unwrap().push(deaths);
                    }
                }
            });
        }
    });
    let unreached = unreached.into_inner().unwrap();
    assert!(unreached.len() <= MOST_UNREACHED, "{passed:?}, of which nothing died at {unreached:?}");
}
