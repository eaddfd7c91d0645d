//! Whose certificates answer a session, and what the result says of their status.

use std::fs;
use std::thread;

use yinqiao_protocol::Token;
use yinqiao_protocol::outcome::{Status, StatusSource};
use yinqiao_tests::holder::problem_of;
use yinqiao_tests::{Adapter, Applicant, Broker, Holder, catalogue, plugins, tasks};

use super::steps::{log_in, wait_until};

#[test]
fn where_ocsp_is_the_source_a_result_says_so_and_a_revoked_holder_is_refused_at_once() {
    let broker = Broker::start_with(|broker| {
        vec![Adapter::software_ca(broker, "softca").with("trust.sources = [\"ocsp\"]")]
    });
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let outcome = log_in(&platform, &person);
    let status = &outcome.status;
    assert_eq!((status.status, status.source), (Status::Good, StatusSource::Ocsp));
    assert!(status.this_update <= outcome.completed_at && outcome.completed_at < status.next_update);
    broker.trust().verify_outcome(&outcome);

    let opened = platform.open(tasks::login());
    broker.revoke(&person.certificate_sm3().to_string());
    assert_eq!(problem_of(person.scan(&opened.code)), "certificate-revoked");
    log_in(&platform, &broker.person("林晓"));
}

#[test]
fn a_status_that_nobody_gives_is_refused_unless_the_operator_accepts_it_and_the_result_says_so() {
    let mut broker = Broker::not_started();
    // This CA has no responder.
    let vendor = Adapter::vendor(&broker, "vendor", &plugins::good(&broker));
    let refusing = vendor.clone().with("trust.sources = [\"ocsp\"]");
    catalogue::write(&broker, &[refusing], "");
    broker.restart();
    let applicant = Applicant::new(&broker, "王小明", None);
    let problem = applicant.send().refused("certificate-authority-unavailable");
    assert!(problem.detail.contains("no fresh status"), "{problem}");

    let accepting = vendor.with("trust = { sources = [\"ocsp\"], unknown = \"accept\" }");
    catalogue::write(&broker, &[accepting], "");
    broker.restart();
    let enrolled = applicant.insist();
    assert_eq!(catalogue::vendor_pairs(&broker, "vendor"), 1);
    let person = applicant.take(&enrolled);
    let platform = broker.relying_party("fuzhou");
    let outcome = log_in(&platform, &person);
    assert_eq!((outcome.status.status, outcome.status.source), (Status::Unknown, StatusSource::None));

    let text = fs::read_to_string(broker.catalogue()).unwrap().replace(", unknown = \"accept\"", "");
    fs::write(broker.catalogue(), text).unwrap();
    broker.restart();
    let opened = platform.open(tasks::login());
    let refused = || broker.log().matches("problem=\"certificate-authority-unavailable\"").count();
    let before = refused();
    thread::scope(|scope| {
        // The phone asks again and again, as long as nobody else has the session.
        let scanning = scope.spawn(|| problem_of(person.scan(&opened.code)));
        wait_until("the refusal", || refused() > before);
        platform.order(&opened.session, "cancel");
        assert_eq!(scanning.join().unwrap(), "session-ended");
    });
}

#[test]
fn a_holder_of_each_ca_logs_in_and_each_result_names_its_ca_and_leads_to_its_root() {
    let broker = Broker::start_with(|broker| {
        vec![
            Adapter::software_ca(broker, "softca"),
            Adapter::vendor(broker, "vendor", &plugins::good(broker)),
        ]
    });
    let platform = broker.relying_party("fuzhou");
    let mut roots = Vec::new();
    for name in ["softca", "vendor"] {
        let code = broker.operator(&["enrolment", "add", "--name", "王小明", "--adapter", name]);
        let person = Holder::new();
        person.enrol_with(&broker, &Token::parse(&code).unwrap());
        let outcome = log_in(&platform, &person);
        assert_eq!(outcome.certificate_authority, name);
        assert_eq!((outcome.status.status, outcome.status.source), (Status::Good, StatusSource::Crl));
        roots.push(outcome.chain.last().unwrap().clone());
        // Revoked at one CA, the holder is refused; the next one of the loop is another CA's.
        broker.revoke(&person.certificate_sm3().to_string());
        let opened = platform.open(tasks::login());
        assert_eq!(problem_of(person.scan(&opened.code)), "certificate-revoked");
    }
    assert_ne!(roots[0], roots[1]);
}

#[test]
fn a_ca_that_is_disabled_vouches_for_nobody() {
    let broker = Broker::start_with(|broker| {
        vec![Adapter::software_ca(broker, "softca"), Adapter::software_ca(broker, "another-ca")]
    });
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    broker.operator(&["adapter", "disable", "softca"]);
    let opened = platform.open(tasks::login());
    assert_eq!(problem_of(person.scan(&opened.code)), "certificate-not-trusted");
    broker.operator(&["adapter", "enable", "softca"]);
    log_in(&platform, &person);
}
