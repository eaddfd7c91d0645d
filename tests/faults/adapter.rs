//! The CA's worker or the broker dies in the middle of an issue.

use std::fs;
use std::thread;
use std::time::Duration;

use yinqiao_protocol::event::SessionState;
use yinqiao_tests::{Broker, Holder, tasks};

/// Milliseconds that the CA takes in the middle of an issue.
const ISSUE_DELAY: u32 = 1500;
/// When the issue is certainly going on.
const IN_THE_MIDDLE: Duration = Duration::from_millis(700);

#[test]
fn an_enrolment_outlives_its_cas_worker_and_one_pair_is_issued() {
    let broker = Broker::start_with_issue_delay(ISSUE_DELAY);
    let code = broker.enrolment_code("王小明", None, None);
    let person = Holder::new();
    thread::scope(|scope| {
        let enrolling = scope.spawn(|| person.enrol_with(&broker, &code));
        thread::sleep(IN_THE_MIDDLE);
        assert_eq!(issued(&broker), 0, "the issue was over before the kill");
        broker.kill_adapter();
        enrolling.join().unwrap();
    });
    assert_one_pair(&broker, &person);
    let adapters = broker.operator_json(&["adapter", "list"]);
    assert_eq!(adapters["adapters"][0]["restarts"], 1, "{adapters}");
}

#[test]
fn an_enrolment_outlives_the_broker_and_one_pair_is_issued() {
    let mut broker = Broker::start_with_issue_delay(ISSUE_DELAY);
    let code = broker.enrolment_code("王小明", None, None);
    let (person, url) = (Holder::new(), broker.url());
    thread::scope(|scope| {
        // The phone sends the same request until it has an answer.
        let enrolling =
            scope.spawn(|| person.phone.enrol(&url, &code, &yinqiao_tests::holder::pin()).unwrap());
        thread::sleep(IN_THE_MIDDLE);
        assert_eq!(issued(&broker), 0, "the issue was over before the kill");
        broker.kill();
        broker.restart();
        enrolling.join().unwrap();
    });
    assert_one_pair(&broker, &person);
}

fn assert_one_pair(broker: &Broker, person: &Holder) {
    assert_eq!(issued(broker), 2, "the software CA has another number of certificates than a pair's");
    let list = broker.operator_json(&["certificate", "list"]);
    assert_eq!(list["certificates"].as_array().unwrap().len(), 1);
    let platform = broker.relying_party("fuzhou");
    let opened = platform.open(tasks::login());
    assert_eq!(person.answer(&opened.code).state, SessionState::Completed);
}

/// Certificates that the software CA has on record.
fn issued(broker: &Broker) -> usize {
    fs::read_dir(broker.software_ca().join("certificates")).unwrap().count()
}
