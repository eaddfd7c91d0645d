//! Which CA issues: by the catalogue's routes, and by who is in reach.

use std::thread;

use yinqiao_tests::catalogue::{self, Adapter, vendor_pairs};
use yinqiao_tests::holder::{BUILDER, Company};
use yinqiao_tests::{Applicant, Broker, plugins};

use super::steps::{certificates, log_in, operations, wait_until};

/// In the province that 35 is the number of, as [`BUILDER`].
const FUJIAN_TRADER: Company = Company { name: "榕城贸易有限公司", code: "91350100M000200Y4T" };
/// In the city that 1101 is the number of.
const BEIJING_TRADER: Company = Company { name: "燕山贸易有限公司", code: "91110100M000100Y45" };

/// The name of the CA that issues for a new holder.
fn issuer(broker: &Broker, company: Option<&Company>) -> String {
    let before = certificates(broker).len();
    match company {
        Some(company) => broker.legal_person("陈建国", company),
        None => broker.person("王小明"),
    };
    let rows = certificates(broker);
    assert_eq!(rows.len(), before + 1);
    let newest = rows.iter().max_by_key(|row| row["issued_at"].as_str().unwrap()).unwrap();
    newest["certificate_authority"].as_str().unwrap().to_owned()
}

/// A broker with two adapters, the first of which is asked first.
fn first_and_second(first: impl FnOnce(&Broker) -> Adapter) -> Broker {
    let mut broker = Broker::not_started();
    let adapters = [first(&broker), Adapter::software_ca(&broker, "second")];
    catalogue::write(&broker, &adapters, "[[route]]\nadapters = [\"first\", \"second\"]\n");
    broker.restart();
    broker
}

#[test]
fn a_company_is_certified_by_the_ca_that_the_first_fitting_route_names() {
    let mut broker = Broker::not_started();
    let adapters = ["national", "fujian", "own"].map(|name| Adapter::software_ca(&broker, name));
    let routes = format!(
        "[[route]]\nenterprises = [{:?}]\nadapters = [\"own\"]\n\
         [[route]]\nregions = [\"35\"]\nadapters = [\"fujian\"]\n",
        BUILDER.code
    );
    catalogue::write(&broker, &adapters, &routes);
    broker.restart();
    assert_eq!(issuer(&broker, Some(&BUILDER)), "own");
    assert_eq!(issuer(&broker, Some(&FUJIAN_TRADER)), "fujian");
    assert_eq!(issuer(&broker, Some(&BEIJING_TRADER)), "national");
    assert_eq!(issuer(&broker, None), "national");
    broker.operator(&["adapter", "disable", "fujian"]);
    // A route is the operator's word: nobody else's CA takes its place.
    let arguments = ["enrolment", "add", "--name", "林晓", "--kind", "legal-person"];
    let company = ["--enterprise", FUJIAN_TRADER.name, "--enterprise-code", FUJIAN_TRADER.code];
    let error = broker.operator_refused(&[&arguments[..], &company].concat());
    assert!(error.contains("leads to disabled adapters only"), "{error}");
}

#[test]
fn where_the_first_ca_is_disabled_the_second_one_issues() {
    let broker = first_and_second(|broker| Adapter::software_ca(broker, "first"));
    let waiting = Applicant::new(&broker, "王小明", None);
    assert_eq!(issuer(&broker, None), "first");
    broker.operator(&["adapter", "disable", "first"]);
    assert_eq!(issuer(&broker, None), "second");
    // Also for who got the code before.
    let enrolled = waiting.insist();
    assert_eq!(enrolled.certificate_authority, "second");
    assert_eq!(waiting.insist().signing_certificate, enrolled.signing_certificate);
    log_in(&broker.relying_party("fuzhou"), &waiting.take(&enrolled));
}

#[test]
fn where_the_first_cas_plugin_crashes_at_its_start_the_second_one_issues() {
    let broker = first_and_second(|broker| {
        let library = plugins::faulty(broker, "crash_on_issue");
        Adapter::vendor(broker, "first", &library).configured("at = \"open\"")
    });
    assert_eq!(issuer(&broker, None), "second");
}

#[test]
fn where_the_first_ca_hangs_and_has_certainly_done_nothing_the_second_one_issues() {
    let broker =
        first_and_second(|broker| Adapter::vendor(broker, "first", &plugins::faulty(broker, "hang")));
    assert_eq!(issuer(&broker, None), "second");
    assert_eq!(vendor_pairs(&broker, "first"), 0);
    assert!(operations(&broker).is_empty());
}

#[test]
fn where_the_first_ca_has_issued_and_cannot_be_asked_no_other_one_issues() {
    let mut broker = first_and_second(|broker| {
        Adapter::vendor(broker, "first", &plugins::faulty(broker, "hang")).variant("after_issue")
    });
    let applicant = Applicant::new(&broker, "王小明", None);
    thread::scope(|scope| {
        scope.spawn(|| applicant.try_send().unwrap_err());
        wait_until("the pair", || vendor_pairs(&broker, "first") == 1);
        broker.kill();
    });
    broker.operator(&["adapter", "disable", "first"]);
    broker.restart();
    let problem = applicant.send().refused("certificate-authority-unavailable");
    assert!(problem.detail.contains("\"first\""), "{problem}");
    assert!(certificates(&broker).is_empty());
    broker.operator(&["adapter", "enable", "first"]);
    let enrolled = applicant.insist();
    assert_eq!(enrolled.certificate_authority, "first");
    assert_eq!((vendor_pairs(&broker, "first"), certificates(&broker).len()), (1, 1));
}
