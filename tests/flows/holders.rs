//! Who may answer, and with which of a phone's certificates.

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::Certificate;
use yinqiao_phone::{ClaimOptions, PhoneError};
use yinqiao_protocol::HolderId;
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::holder::Acceptance;
use yinqiao_protocol::relying_party::OpenSession;
use yinqiao_protocol::task::serial_text;
use yinqiao_tests::holder::{BUILDER, agree, problem_of};
use yinqiao_tests::relying_party::session;
use yinqiao_tests::{Broker, Holder, tasks};

#[test]
fn a_phone_with_several_certificates_answers_with_the_chosen_one() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let phone = Holder::new();
    let private = phone.enrol(&broker, "王小明", None, None);
    let for_company = phone.enrol(&broker, "王小明", Some(&BUILDER), None);
    let opened = platform.open(tasks::login());

    match phone.scan(&opened.code).unwrap_err() {
        PhoneError::ChooseCertificate(mut serials) => {
            serials.sort();
            let mut expected = [private, for_company.clone()];
            expected.sort();
            assert_eq!(serials, expected);
        }
        other => panic!("{other}"),
    }
    let options = ClaimOptions { certificate: Some(for_company), ..ClaimOptions::default() };
    agree(&mut phone.phone.claim(&opened.code, &options).unwrap());
    let holder = platform.view(&opened.session).result.unwrap().holder;
    assert_eq!(holder.enterprise.unwrap().unified_social_credit_code, BUILDER.code);
}

#[test]
fn a_further_certificate_of_a_holder_names_the_same_holder() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let first = broker.person("王小明");
    let second = Holder::new();
    second.enrol(&broker, "王小明", None, Some(&first.id().to_string()));
    let opened = platform.open(tasks::login());
    second.answer(&opened.code);
    assert_eq!(platform.view(&opened.session).result.unwrap().holder.id, first.id());
}

#[test]
fn a_holder_who_is_not_accepted_is_told_at_the_claim_and_the_right_one_answers() {
    let broker = Broker::start_with_two_authorities();
    let platform = broker.relying_party("fuzhou");
    let wanted = broker.legal_person("陈建国", &BUILDER);
    let other = broker.person("王小明");
    let acceptances = [
        Acceptance { enterprises: vec![BUILDER.code.to_owned()], ..Acceptance::default() },
        Acceptance { persons: vec![wanted.id()], ..Acceptance::default() },
        Acceptance {
            certificate_authorities: vec!["softca".to_owned()],
            persons: vec![HolderId::random(), wanted.id()],
            ..Acceptance::default()
        },
    ];
    for accept in acceptances {
        let opened = platform.open_session(&OpenSession { accept, ..session(tasks::login()) });
        assert_eq!(problem_of(other.scan(&opened.code)), "holder-not-accepted");
        assert_eq!(platform.view(&opened.session).state, SessionState::Waiting);
        assert_eq!(wanted.answer(&opened.code).state, SessionState::Completed);
    }
    let accept = Acceptance { certificate_authorities: vec!["another-ca".into()], ..Acceptance::default() };
    let opened = platform.open_session(&OpenSession { accept, ..session(tasks::login()) });
    assert_eq!(problem_of(wanted.scan(&opened.code)), "holder-not-accepted");
    assert_eq!(platform.view(&opened.session).state, SessionState::Waiting);

    // Nobody could ever answer these, so they are not opened.
    for accept in [
        Acceptance { certificate_authorities: vec!["no-such-ca".into()], ..Acceptance::default() },
        Acceptance { enterprises: vec!["91350100M000100Y44".into()], ..Acceptance::default() },
    ] {
        let request = OpenSession { accept, ..session(tasks::login()) };
        platform.post("/v1/sessions", &request).refused("invalid-request");
    }
}

#[test]
fn a_phone_without_the_key_of_a_bid_does_not_take_the_session_from_the_phone_that_has_it() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let (with_key, without) =
        (broker.legal_person("陈建国", &BUILDER), broker.legal_person("陈建国", &BUILDER));
    let certificate = Certificate::from_der(with_key.encryption_certificate().as_slice()).unwrap();
    let one_time_key = PrivateKey::generate().unwrap();
    let serial = serial_text(&certificate);
    let task = tasks::decrypt(&one_time_key, certificate.public_key(), &serial, &[[1; 16]]);
    let opened = platform.open(task);
    assert_eq!(problem_of(without.scan(&opened.code)), "holder-not-accepted");
    assert_eq!(platform.view(&opened.session).state, SessionState::Waiting);
    assert_eq!(with_key.answer(&opened.code).state, SessionState::Completed);
}
