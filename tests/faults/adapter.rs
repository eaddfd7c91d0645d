//! The CA's worker or the broker dies in the middle of an issue.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use yinqiao_protocol::event::SessionState;
use yinqiao_tests::{Broker, Holder, tasks};

/// Milliseconds that the CA takes in the middle of an issue, before it records the pair.
const ISSUE_DELAY: u32 = 800;

/// How far the issue is when something dies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Moment {
    /// In the CA's delay.
    NothingWritten,
    /// Between the first certificate's file and the second's, or a little later.
    FirstCertificateWritten,
    /// The CA has committed the pair; the broker has it hardly yet.
    Committed,
}

const MOMENTS: [Moment; 3] = [Moment::NothingWritten, Moment::FirstCertificateWritten, Moment::Committed];

#[test]
fn an_enrolment_outlives_its_cas_worker_and_one_pair_is_issued() {
    let broker = Broker::start_with_issue_delay(ISSUE_DELAY);
    for (round, moment) in MOMENTS.into_iter().enumerate() {
        let code = broker.enrolment_code("王小明", None, None);
        let (person, worker, before) =
            (Holder::new(), broker.adapter_process(), (written(&broker), issued(&broker)));
        thread::scope(|scope| {
            let enrolling = scope.spawn(|| person.enrol_with(&broker, &code));
            wait_for(&broker, before, moment);
            worker.kill();
            enrolling.join().unwrap();
        });
        assert_one_more_pair(&broker, &person, round);
    }
}

#[test]
fn an_enrolment_outlives_the_broker_and_one_pair_is_issued() {
    let mut broker = Broker::start_with_issue_delay(ISSUE_DELAY);
    for (round, moment) in MOMENTS.into_iter().enumerate() {
        let code = broker.enrolment_code("王小明", None, None);
        let (person, url, before) = (Holder::new(), broker.url(), (written(&broker), issued(&broker)));
        thread::scope(|scope| {
            // The phone sends the same request until it has an answer.
            let enrolling =
                scope.spawn(|| person.phone.enrol(&url, &code, &yinqiao_tests::holder::pin()).unwrap());
            wait_for(&broker, before, moment);
            broker.kill();
            broker.restart();
            enrolling.join().unwrap();
        });
        assert_one_more_pair(&broker, &person, round);
    }
}

/// Waits for a moment of an issue before which the CA had `(written, issued)` so many certificates.
fn wait_for(broker: &Broker, (before, issued_before): (usize, usize), moment: Moment) {
    let has_come = || match moment {
        Moment::NothingWritten => true,
        Moment::FirstCertificateWritten => written(broker) > before,
        Moment::Committed => issued(broker) > issued_before,
    };
    if moment == Moment::NothingWritten {
        thread::sleep(Duration::from_millis(u64::from(ISSUE_DELAY) / 2));
        assert_eq!(written(broker), before, "the issue was over before the kill");
    }
    let begun = Instant::now();
    while !has_come() {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing is issued");
    }
}

fn assert_one_more_pair(broker: &Broker, person: &Holder, before: usize) {
    assert_eq!(issued(broker), 2 * (before + 1), "the software CA has issued another number than one pair");
    let list = broker.operator_json(&["certificate", "list"]);
    assert_eq!(list["certificates"].as_array().unwrap().len(), before + 1);
    let platform = broker.relying_party(&format!("platform-{before}"));
    let opened = platform.open(tasks::login());
    assert_eq!(person.answer(&opened.code).state, SessionState::Completed);
}

/// Certificates that the software CA has written, also those of an attempt that was killed and was never handed out.
fn written(broker: &Broker) -> usize {
    fs::read_dir(broker.software_ca().join("certificates")).unwrap().count()
}

/// Certificates that the software CA has handed out: those that the records of its operations name.
fn issued(broker: &Broker) -> usize {
    let operations = fs::read_dir(broker.software_ca().join("operations")).unwrap();
    let made = |path| {
        let record: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        record["made"].as_array().unwrap().len()
    };
    operations.map(|entry| made(entry.unwrap().path())).sum()
}

#[test]
fn a_software_ca_that_lost_its_files_does_not_come_back_as_another_one_unseen() {
    let mut broker = Broker::start();
    broker.person("王小明");
    broker.kill();
    std::fs::remove_dir_all(broker.software_ca()).unwrap();
    let refused = broker.refused_start();
    assert!(refused.contains("another root than at the last start"), "{refused}");
}
