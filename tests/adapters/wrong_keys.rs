//! Another key's certificate never reaches a phone.

use yinqiao_tests::catalogue::Adapter;
use yinqiao_tests::{Applicant, Broker, plugins};

use super::steps::certificates;

fn certifies_another_key(variant: &str, reason: &str) {
    let broker = Broker::start_with(|broker| {
        vec![Adapter::vendor(broker, "vendor", &plugins::faulty(broker, "wrong_key")).variant(variant)]
    });
    let applicant = Applicant::new(&broker, "王小明", None);
    for _ in 0..2 {
        let problem = applicant.send().refused("certificate-authority-broken");
        assert!(problem.detail.contains("vendor") && problem.detail.contains(reason), "{problem}");
    }
    assert!(certificates(&broker).is_empty());
    assert!(applicant.holder().phone.certificates().unwrap().is_empty());
}

#[test]
fn a_signing_certificate_of_another_key_is_not_handed_out() {
    certifies_another_key("", "of another key than the request's");
}

#[test]
fn an_encryption_certificate_of_another_key_than_the_enveloped_one_is_not_handed_out() {
    certifies_another_key("encryption", "of another key than the enveloped one");
}

#[test]
fn another_keys_envelope_is_not_handed_out() {
    certifies_another_key("envelope", "of another key than the enveloped one");
}
