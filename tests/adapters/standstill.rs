//! Worker and broker die or hang in the middle of an issue: one pair is issued all the same.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use yinqiao_tests::catalogue::{Adapter, vendor_pairs};
use yinqiao_tests::{Applicant, Broker, Holder, plugins};

use super::steps::{certificates, kill, log_in, operations, wait_until};

/// What dies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Victim {
    Worker,
    Broker,
}

/// How far an issue is when something dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after the phone has sent its request.
    After(Duration),
    /// The CA has prepared a certificate that nobody has seen.
    Prepared,
    /// The CA has issued the pair.
    Issued,
}

/// A moment in the time that an enrolment takes.
fn random() -> Moment {
    Moment::After(Duration::from_micros(RandomState::new().hash_one(0) % 120_000))
}

/// Enrols a phone while the victim dies at that moment; asserts that there is one pair more afterwards.
fn enrol_during(broker: &mut Broker, victim: Victim, moment: Moment) -> Holder {
    let before = (vendor_pairs(broker, "vendor"), certificates(broker).len());
    let prepared = broker.data().join("vendor/certificates");
    let prepared_before = count(&prepared);
    let applicant = Applicant::new(broker, "王小明", None);
    let process = broker.adapter_state("vendor")["live"]["process"].as_i64();
    let enrolled = thread::scope(|scope| {
        let enrolling = scope.spawn(|| applicant.insist());
        match moment {
            Moment::After(time) => thread::sleep(time),
            Moment::Prepared => spin_until(|| count(&prepared) > prepared_before),
            Moment::Issued => spin_until(|| vendor_pairs(broker, "vendor") > before.0),
        }
        match victim {
            Victim::Worker => kill(process.unwrap_or_else(|| panic!("no worker: {}", broker.log()))),
            Victim::Broker => broker.restart(),
        }
        enrolling.join().unwrap()
    });
    let what = format!("{victim:?} {moment:?}");
    assert_eq!(vendor_pairs(broker, "vendor"), before.0 + 1, "{what}: pairs of the CA");
    assert_eq!(certificates(broker).len(), before.1 + 1, "{what}: pairs of the broker");
    // Whoever asks once more gets the same pair again.
    assert_eq!(applicant.insist().signing_certificate, enrolled.signing_certificate);
    assert_eq!(vendor_pairs(broker, "vendor"), before.0 + 1, "{what}: pairs of the CA in the end");
    wait_until("the worker comes back", || broker.adapter_state("vendor")["live"]["state"] == "ready");
    applicant.take(&enrolled)
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

fn spin_until(mut come: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !come() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing is issued");
    }
}

#[test]
fn a_vendors_ca_issues_one_pair_whenever_its_worker_is_killed() {
    let mut broker =
        Broker::start_with(|broker| vec![Adapter::vendor(broker, "vendor", &plugins::good(broker))]);
    for moment in [Moment::Prepared, Moment::Issued, random(), random(), random(), random()] {
        enrol_during(&mut broker, Victim::Worker, moment);
    }
}

#[test]
fn a_vendors_ca_issues_one_pair_whenever_the_broker_is_killed() {
    let mut broker =
        Broker::start_with(|broker| vec![Adapter::vendor(broker, "vendor", &plugins::good(broker))]);
    let mut last = None;
    for moment in [Moment::Prepared, Moment::Issued, random(), random()] {
        last = Some(enrol_during(&mut broker, Victim::Broker, moment));
    }
    log_in(&broker.relying_party("fuzhou"), &last.unwrap());
}

#[test]
fn a_ca_that_would_issue_twice_is_not_asked_twice() {
    let mut broker = Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &plugins::faulty(broker, "double_issue"))]
    });
    for victim in [Victim::Worker, Victim::Broker] {
        for moment in [Moment::Issued, random(), random()] {
            enrol_during(&mut broker, victim, moment);
        }
    }
}

#[test]
fn a_plugin_that_issues_and_dies_is_looked_up_and_its_pair_taken() {
    let broker = Broker::start_with(|broker| {
        let library = plugins::faulty(broker, "crash_on_issue");
        vec![Adapter::vendor(broker, "vendor", &library).variant("after_issue")]
    });
    for _ in 0..3 {
        broker.person("王小明");
    }
    assert_eq!((vendor_pairs(&broker, "vendor"), certificates(&broker).len()), (3, 3));
    let state = broker.adapter_state("vendor");
    assert!(state["live"]["unknown_outcomes"].as_u64().unwrap() >= 3, "{state}");
}

#[test]
fn a_plugin_that_issues_and_hangs_is_killed_at_the_deadline_and_its_pair_taken() {
    let broker = Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &plugins::faulty(broker, "hang")).variant("after_issue")]
    });
    broker.person("王小明");
    assert_eq!((vendor_pairs(&broker, "vendor"), certificates(&broker).len()), (1, 1));
    assert_eq!(broker.adapter_state("vendor")["live"]["kills"], 1);
}

/// A phone waits at a plugin that only fails; the operator puts the mended one in its place.
fn waits_for_the_mended_plugin(fault: &str, variant: &str) {
    let broker = Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &plugins::faulty(broker, fault)).variant(variant)]
    });
    let configuration = broker.folder().join("configuration.json");
    let directory = broker.data().join("vendor");
    fs::write(&configuration, format!("{{\"directory\": {directory:?}, \"name\": \"vendor\"}}")).unwrap();
    let applicant = Applicant::new(&broker, "王小明", None);
    let enrolled = thread::scope(|scope| {
        let enrolling = scope.spawn(|| applicant.insist());
        wait_until("the fault strikes", || {
            broker.adapter_state("vendor")["live"]["unknown_outcomes"].as_u64().unwrap_or(0) >= 2
        });
        let (good, configuration) = (plugins::good(&broker), configuration.to_str().unwrap());
        let upgrade = ["adapter", "upgrade", "vendor", good.to_str().unwrap()];
        broker.operator(&[&upgrade[..], &["--configuration", configuration]].concat());
        enrolling.join().unwrap()
    });
    assert_eq!((vendor_pairs(&broker, "vendor"), certificates(&broker).len()), (1, 1));
    log_in(&broker.relying_party("fuzhou"), &applicant.take(&enrolled));
}

#[test]
fn a_phone_that_waits_at_a_crashing_plugin_gets_its_pair_from_the_mended_one() {
    waits_for_the_mended_plugin("crash_on_issue", "");
}

#[test]
fn a_phone_that_waits_at_a_plugin_that_answers_without_end_gets_its_pair_from_the_mended_one() {
    waits_for_the_mended_plugin("endless_reply", "");
}

#[test]
fn a_phone_that_waits_at_a_plugin_whose_answer_is_nested_too_deep_gets_its_pair_from_the_mended_one() {
    waits_for_the_mended_plugin("endless_reply", "deep");
}

#[test]
fn a_phone_has_one_pair_of_a_ca_that_denies_what_it_did() {
    let broker = Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &plugins::faulty(broker, "stale_absent"))]
    });
    let person = broker.person("王小明");
    assert_eq!(certificates(&broker).len(), 1);
    // The CA lied, which nobody can know before its list is read.
    assert_eq!(vendor_pairs(&broker, "vendor"), 2);
    log_in(&broker.relying_party("fuzhou"), &person);
}

#[test]
fn a_request_that_comes_several_times_at_once_is_issued_once() {
    let broker = Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &plugins::faulty(broker, "double_issue"))]
    });
    let applicant = Applicant::new(&broker, "王小明", None);
    let pairs = thread::scope(|scope| {
        let sent: Vec<_> = (0..6).map(|_| scope.spawn(|| applicant.insist().signing_certificate)).collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(pairs.windows(2).all(|two| two[0] == two[1]));
    assert_eq!((vendor_pairs(&broker, "vendor"), certificates(&broker).len()), (1, 1));
}

#[test]
fn a_revocation_whose_answer_is_lost_is_looked_up_and_confirmed() {
    let broker = Broker::start_with(|broker| {
        let library = plugins::faulty(broker, "crash_on_issue");
        vec![Adapter::vendor(broker, "vendor", &library).configured("at = \"revoke\"").variant("after_issue")]
    });
    let person = broker.person("王小明");
    broker.revoke(&person.certificate_sm3().to_string());
    let row = certificates(&broker).remove(0);
    assert_eq!(row["revocation"]["confirmed"], true, "{row}");
    assert!(broker.adapter_state("vendor")["live"]["unknown_outcomes"].as_u64().unwrap() >= 1);
    assert!(operations(&broker).is_empty());
}
