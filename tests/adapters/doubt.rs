//! A CA that nobody can ask what it has done, and whose reply was lost.

use std::fs;
use std::path::{Path, PathBuf};

use yinqiao_tests::catalogue::{self, Adapter, vendor_pairs};
use yinqiao_tests::{Applicant, Broker, plugins};

use super::steps::{certificates, log_in, operations};

fn lost_reply(broker: &Broker) -> PathBuf {
    compile(broker, "lost_reply")
}

fn compile(broker: &Broker, fault: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("adapters/{fault}.c"));
    plugins::compile(broker, fault, &source)
}

/// How often the CA was asked to issue.
fn submits(broker: &Broker) -> usize {
    fs::read(broker.data().join("vendor/submits")).map_or(0, |marks| marks.len())
}

fn stands_in_doubt(applicant: &Applicant) -> String {
    let problem = applicant.send().refused("certificate-authority-unavailable");
    assert!(problem.detail.contains("yinqiao adapter settle"), "{problem}");
    problem.detail
}

#[test]
fn an_issue_in_doubt_is_not_submitted_again_until_an_operator_says_that_nothing_was_done() {
    let mut broker =
        Broker::start_with(|broker| vec![Adapter::vendor(broker, "vendor", &lost_reply(broker))]);
    let applicant = Applicant::new(&broker, "王小明", None);
    for _ in 0..3 {
        stands_in_doubt(&applicant);
    }
    broker.restart();
    let detail = stands_in_doubt(&applicant);
    assert_eq!(submits(&broker), 1);

    let open = operations(&broker);
    assert_eq!((open.len(), &open[0]["progress"]), (1, &"outcome unknown".into()), "{open:?}");
    assert_eq!((&open[0]["adapter"], &open[0]["operation"]), (&"vendor".into(), &"issue".into()));
    let key = open[0]["key"].as_str().unwrap();
    assert!(detail.contains(&format!("yinqiao adapter settle {key} --not-done")), "{detail}");
    assert!(broker.operator_refused(&["adapter", "settle", key]).contains("--not-done"));
    assert_eq!(submits(&broker), 1);
    broker.operator(&["adapter", "settle", key, "--not-done"]);
    assert!(operations(&broker).is_empty(), "what is settled is not listed");

    let enrolled = applicant.send().expect();
    assert_eq!((submits(&broker), vendor_pairs(&broker, "vendor")), (2, 1));
    assert!(operations(&broker).is_empty());
    log_in(&broker.relying_party("fuzhou"), &applicant.take(&enrolled));
    let error = broker.operator_refused(&["adapter", "settle", key, "--not-done"]);
    assert!(error.contains(key), "{error}");
}

#[test]
fn an_issue_in_doubt_is_taken_to_no_other_ca() {
    let mut broker = Broker::not_started();
    let vendor = Adapter::vendor(&broker, "vendor", &lost_reply(&broker));
    let second = Adapter::software_ca(&broker, "second");
    catalogue::write(&broker, &[vendor, second], "[[route]]\nadapters = [\"vendor\", \"second\"]\n");
    broker.restart();
    let applicant = Applicant::new(&broker, "王小明", None);
    stands_in_doubt(&applicant);
    broker.operator(&["adapter", "disable", "vendor"]);
    applicant.send().refused("certificate-authority-unavailable");
    broker.restart();
    applicant.send().refused("certificate-authority-unavailable");
    assert!(certificates(&broker).is_empty());
    broker.operator(&["adapter", "enable", "vendor"]);
    let key = operations(&broker)[0]["key"].as_str().unwrap().to_owned();
    broker.operator(&["adapter", "settle", &key, "--not-done"]);
    applicant.insist();
    assert_eq!(certificates(&broker)[0]["certificate_authority"], "vendor");
}

#[test]
fn a_lookup_whose_reply_cannot_be_read_leaves_the_issue_in_doubt_until_it_can_be_or_people_have_asked_the_ca()
{
    let broker = Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &compile(broker, "unreadable_lookup"))]
    });
    let unreadable = broker.data().join("vendor/unreadable");
    fs::write(&unreadable, "").unwrap();
    let [mended, settled] = ["王小明", "林晓"].map(|name| Applicant::new(&broker, name, None));
    // At once: the broker looks again and again for half a minute.
    std::thread::scope(|scope| {
        for applicant in [&mended, &settled] {
            scope.spawn(|| {
                let problem = applicant.send().refused("certificate-authority-unavailable");
                assert!(problem.detail.contains("a reply that cannot be"), "{problem}");
            });
        }
    });
    let open = operations(&broker);
    assert!(open.iter().all(|operation| operation["progress"] == "outcome unknown"), "{open:?}");
    assert_eq!((open.len(), vendor_pairs(&broker, "vendor")), (2, 2));

    fs::remove_file(&unreadable).unwrap();
    let enrolled = mended.send().expect();
    log_in(&broker.relying_party("fuzhou"), &mended.take(&enrolled));
    assert_eq!(vendor_pairs(&broker, "vendor"), 2, "nothing was issued twice");

    fs::write(&unreadable, "").unwrap();
    let key = operations(&broker)[0]["key"].as_str().unwrap().to_owned();
    let answer = broker.operator_json(&["adapter", "settle", &key, "--not-done", "--json"]);
    assert!(answer["lookup"].as_str().unwrap().contains("a reply that cannot be"), "{answer}");
    assert!(operations(&broker).is_empty());
}
