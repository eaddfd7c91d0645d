//! The broker dies at every step of the deletion of a company that has a seal, another one under review, a recovery that was
//! asked for and an order that is not finished. All of it ends, once, at the broker and at its CA.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use yinqiao_tests::Officer;
use yinqiao_tests::broker::red_square;
use yinqiao_tests::holder::pin;

use super::super::conformance::things::certificate_request;
use super::super::kills::insist;
use super::super::stage::{COMPANY, LEGAL_PERSON, Stage, User, eventually, order};
use super::{LANES, MOST_UNREACHED, POINTS, restart_late};

/// After each change that it stores, and before and after each call to the CA. What comes before a change is what comes after the one
/// before it.
const DEADLY: [&str; 3] = ["commit-after", "adapter-before", "adapter-after"];

/// Fewest passes of each point in a deletion that nothing disturbs.
const FEWEST: [usize; 4] = [8, 8, 2, 2];

/// Companies of one broker: no company applies for more than 20 seals a day, whoever leads it.
const MOST_WALKS: usize = 5;

/// A broker whose CA has an officer who reviews seals.
struct Lane {
    stage: Stage,
    officer: Officer,
    walks: usize,
}

/// What waits to be ended.
struct Company {
    legal_person: User,
    order: String,
    recovery: String,
    application: String,
}

impl Lane {
    fn new() -> Self {
        let mut stage = Stage::with_failpoints("");
        let officer = Officer::new(&stage.broker);
        let catalogue = fs::read_to_string(stage.broker.catalogue()).unwrap();
        let reviewed = format!("issue_delay_ms = 0, seal_review = true, {} }}", officer.operators());
        let reviewed = catalogue.replace("issue_delay_ms = 0 }", &reviewed);
        assert_ne!(reviewed, catalogue);
        fs::write(stage.broker.catalogue(), reviewed).unwrap();
        stage.broker.restart();
        Self { stage, officer, walks: 0 }
    }

    fn company(&self) -> Company {
        let legal_person = self.stage.sign_in(&LEGAL_PERSON);
        let account = &legal_person.account;
        let orders: Vec<String> = (0..2)
            .map(|_| {
                let ordered: Value = account.post("/v1/orders", &order(365)).unwrap();
                ordered["order"].as_str().unwrap().to_owned()
            })
            .collect();
        account.download(&orders[0], &pin()).unwrap();
        let company = format!("/v1/enterprises/{COMPANY}");
        let upload = format!("{company}/seal-pictures?width_mm=40&height_mm=40");
        let picture: Value = account.post_file(&upload, "image/png", &red_square()).unwrap();
        let apply = |kind: &str| {
            let wanted = json!({ "kind": kind, "name": kind, "picture": picture["picture"] });
            let applied: Value = account.post(&format!("{company}/seal-applications"), &wanted).unwrap();
            let path = format!("{company}/seal-applications/{}", applied["application"].as_str().unwrap());
            eventually("the officer's turn", || (self.officer.waiting().len() == 1).then_some(()));
            path
        };
        let made = apply("official");
        self.officer.decide(&["approve"]);
        eventually("the seal", || {
            let found: Value = account.get(&made).unwrap().value;
            assert!(found["state"] == "made" || found["state"] == "under_review", "{found}");
            (found["state"] == "made").then_some(())
        });
        let application = apply("legal_representative");
        let certificates: Value = account.get("/v1/certificates").unwrap().value;
        let certificate = certificates["items"][0]["certificate_sm3"].as_str().unwrap();
        let asked = json!({ "certificate_request": certificate_request() });
        let recovery: Value =
            account.post(&format!("/v1/certificates/{certificate}/recoveries"), &asked).unwrap();
        let recovery = format!("/v1/recoveries/{}", recovery["recovery"].as_str().unwrap());
        let order = format!("/v1/orders/{}", orders[1]);
        Company { legal_person, order, recovery, application }
    }

    /// Deletes a company while the broker dies at this point. Gives whether it died.
    fn walk(&mut self, point: Option<(&str, usize)>) -> bool {
        let company = self.company();
        let folder = self.stage.broker.failpoints();
        fs::write(folder.join("passed"), "").unwrap();
        let die = point.map_or(String::new(), |(name, number)| format!("{name}:{number}\n"));
        fs::write(folder.join("die"), die).unwrap();
        let mut died = false;
        thread::scope(|scope| {
            let walker = scope.spawn(|| delete(&company.legal_person));
            while !walker.is_finished() {
                if self.stage.broker.has_died() {
                    assert!(!died && point.is_some(), "{point:?}: it dies by itself");
                    died = true;
                    self.stage.broker.restart();
                }
                thread::sleep(Duration::from_millis(5));
            }
            walker.join().unwrap_or_else(|_| panic!("{point:?}\n{}", self.stage.broker.log()));
        });
        fs::write(folder.join("die"), "").unwrap();
        died |= restart_late(&mut self.stage);
        self.walks += 1;
        self.check(&company, &format!("{point:?}"));
        died
    }

    fn check(&self, company: &Company, what: &str) {
        let account = &company.legal_person.account;
        for (path, ended) in [
            (&company.order, "cancelled"),
            (&company.recovery, "rejected"),
            (&company.application, "cancelled"),
        ] {
            let found: Value = insist(path, || account.get(path)).value;
            assert_eq!(found["state"], ended, "{what}: {path}");
        }
        let seals: Value = account.get(&format!("/v1/enterprises/{COMPANY}/seals")).unwrap().value;
        let states: Vec<_> = seals["items"].as_array().unwrap().iter().map(|seal| &seal["state"]).collect();
        assert!(!states.is_empty() && states.iter().all(|state| **state == "revoked"), "{what}: {states:?}");
        assert_eq!(self.stage.seals_of_ca(), (self.walks, self.walks), "{what}: seals of the CA");
        assert_eq!(self.officer.waiting(), Vec::<String>::new(), "{what}: reviews at the CA");
        assert_eq!(self.stage.broker.trust().revoked(), 2 * self.walks, "{what}: revoked by the CA");
    }
}

fn delete(legal_person: &User) {
    let (account, company) = (&legal_person.account, format!("/v1/enterprises/{COMPANY}"));
    insist("the deletion", || account.delete(&company));
    eventually("the deletion's end", || {
        let found = account.get::<Value>(&company).ok()?.value;
        (found["state"] == "deleted").then_some(())
    });
}

#[test]
fn wherever_the_broker_dies_a_deleted_company_keeps_no_seal_and_nothing_waits_for_it() {
    let mut undisturbed = Lane::new();
    undisturbed.walk(None);
    let passed = fs::read_to_string(undisturbed.stage.broker.failpoints().join("passed")).unwrap();
    let passed = POINTS.map(|name| passed.lines().filter(|line| *line == name).count());
    assert!(passed.iter().zip(FEWEST).all(|(passed, fewest)| *passed >= fewest), "{passed:?}");
    let points = POINTS.into_iter().zip(passed).filter(|(name, _)| DEADLY.contains(name));
    let points = points.flat_map(|(name, most)| (1..=most).map(move |number| (name, number)));
    let (waiting, unreached) = (Mutex::new(points.collect::<Vec<_>>()), Mutex::new(Vec::new()));
    let next = || waiting.lock().unwrap().pop();
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let mut lane = Lane::new();
                while let Some(point) = next() {
                    if lane.walks == MOST_WALKS {
                        lane = Lane::new();
                    }
                    if !lane.walk(Some(point)) {
                        unreached.lock().unwrap().push(point);
                    }
                }
            });
        }
    });
    let unreached = unreached.into_inner().unwrap();
    assert!(unreached.len() <= MOST_UNREACHED, "{passed:?}, of which nothing died at {unreached:?}");
}
