//! What was encrypted for a certificate opens after it was renewed: the holder answers with the present certificate, the old
//! key only unwraps.

use yinqiao_gm::sm2::{Ciphertext, PrivateKey};
use yinqiao_gm::x509::Certificate;
use yinqiao_phone::session::ClaimOptions;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::task::serial_text;
use yinqiao_tests::holder::{BUILDER, agree, pin, problem_of};
use yinqiao_tests::{Broker, tasks};

#[test]
fn a_bid_that_was_encrypted_before_a_renewal_opens_after_the_old_certificate_was_revoked() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let phone = broker.legal_person("陈建国", &BUILDER);
    let old_sm3 = phone.certificate_sm3().to_string();
    let bid_for = Certificate::from_der(phone.encryption_certificate().as_slice()).unwrap();
    let old = phone.phone.certificates().unwrap()[0].clone();

    let renewed = phone.enrol(&broker, "陈建国", Some(&BUILDER), Some(&old.holder.id.to_string()));
    phone.phone.carry((&old.serial, &pin()), (&renewed, &pin())).unwrap();
    broker.operator(&["certificate", "revoke", &old_sm3, "--reason", "superseded"]);

    let one_time_key = PrivateKey::generate().unwrap();
    let serial = serial_text(&bid_for);
    let task = tasks::decrypt(&one_time_key, bid_for.public_key(), &serial, &[[7; 16]]);
    let opened = platform.open(task);
    let with =
        |serial: &str| ClaimOptions { certificate: Some(serial.to_owned()), ..ClaimOptions::default() };
    assert_eq!(problem_of(phone.phone.claim(&opened.code, &with(&old.serial))), "certificate-revoked");
    let mut session = phone.phone.claim(&opened.code, &with(&renewed)).unwrap();
    assert_eq!(agree(&mut session).state, SessionState::Completed);

    let outcome = platform.view(&opened.session).result.unwrap();
    broker.trust().verify_outcome(&outcome);
    broker.trust().verify_opened_keys(&outcome);
    let signer = Certificate::from_der(outcome.certificate.as_slice()).unwrap();
    assert_eq!(signer.serial().to_string(), renewed);
    let rewrapped = Ciphertext::from_der(outcome.items[0].value.as_slice()).unwrap();
    assert_eq!(one_time_key.decrypt(&rewrapped).unwrap().as_slice(), [7; 16]);
}
