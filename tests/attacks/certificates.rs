//! Certificates that answer no session.

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateBuilder, DistinguishedName, Profile, SerialNumber};
use yinqiao_protocol::cause::Attribution;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::{Cause, Sm3Hex};
use yinqiao_tests::holder::{problem_of, unlock};
use yinqiao_tests::relying_party::now;
use yinqiao_tests::{Broker, Holder, tasks};

use crate::wire;

#[test]
fn a_certificate_of_another_ca_is_refused() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());

    // One that somebody made for a key and a name of their own choice.
    let key = PrivateKey::generate().unwrap();
    let subject = DistinguishedName::builder().common_name("王小明").build().unwrap();
    let at = now().seconds();
    let serial = SerialNumber::generate().unwrap();
    let certificate = CertificateBuilder::new(
        Profile::RootCa,
        subject,
        key.public_key().clone(),
        serial,
        at - 60,
        at + 3600,
    )
    .self_sign(&key)
    .unwrap();
    let phone = Holder::new();
    let claim = phone.phone.claim_request(&opened.code, Sm3Hex::of(certificate.der()), None).unwrap();
    wire::post(&broker, "/v1/phone/claims", None, &claim).refused("certificate-unknown");

    // One that is good at another broker.
    let elsewhere = Broker::start();
    let stranger = elsewhere.person("李雷");
    let claim = stranger.phone.claim_request(&opened.code, stranger.certificate_sm3(), None).unwrap();
    wire::post(&broker, "/v1/phone/claims", None, &claim).refused("certificate-unknown");

    assert_eq!(person.answer(&opened.code).state, SessionState::Completed);
}

#[test]
fn a_revoked_certificate_claims_nothing_and_the_session_waits_for_another() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let [revoked, good] = [broker.person("王小明"), broker.person("李雷")];
    broker.revoke(&revoked.certificate_sm3().to_string());
    let opened = platform.open(tasks::login());
    assert_eq!(problem_of(revoked.scan(&opened.code)), "certificate-revoked");
    assert_eq!(platform.view(&opened.session).state, SessionState::Waiting);
    assert_eq!(good.answer(&opened.code).state, SessionState::Completed);
}

#[test]
fn a_certificate_revoked_after_the_claim_fails_the_session_with_that_cause() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let mut session = person.scan(&opened.code).unwrap();
    let keys = unlock(&mut session);
    let response = session.response(&keys).unwrap();
    broker.revoke(&person.certificate_sm3().to_string());
    assert_eq!(problem_of(session.send(&response)), "certificate-revoked");
    let view = platform.view(&opened.session);
    assert_eq!((view.state, view.cause), (SessionState::Failed, Some(Cause::CertificateRevoked)));
    assert_eq!((view.attributed_to, view.result), (Some(Attribution::Holder), None));
    assert_eq!(problem_of(session.send(&response)), "session-ended");
}

#[test]
fn a_revocation_holds_after_a_restart() {
    let mut broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    broker.revoke(&person.certificate_sm3().to_string());
    broker.restart();
    let opened = platform.open(tasks::login());
    assert_eq!(problem_of(person.scan(&opened.code)), "certificate-revoked");
    let trust = std::panic::catch_unwind(|| {
        let at = now().seconds();
        broker.trust().verify(
            &person.encryption_certificate(),
            at,
            yinqiao_gm::x509::chain::Usage::Encryption,
        )
    });
    assert!(trust.is_err(), "the published list does not name the revoked encryption certificate");
}
