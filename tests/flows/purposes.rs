//! Each purpose from the request to a result, checked with the CA's published certificates only.

use yinqiao_gm::sm2::{Ciphertext, PrivateKey};
use yinqiao_gm::x509::Certificate;
use yinqiao_gm::x509::chain::Usage;
use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_protocol::outcome::{Outcome, Status};
use yinqiao_protocol::task::{MessageArc, serial_text};
use yinqiao_protocol::{Base64, Purpose, Task};
use yinqiao_tests::holder::BUILDER;
use yinqiao_tests::{Broker, Holder, RelyingParty, tasks};

/// Opens a session, answers it, and gives the result that the page's websocket gets.
fn result(platform: &RelyingParty, holder: &Holder, task: Task) -> Outcome {
    let opened = platform.open(task);
    let mut page = platform.watch(&opened);
    let code = page.code();
    assert_eq!(holder.answer(&code).state, SessionState::Completed);
    let completed = page.events_until(|happening| matches!(happening, Happening::Completed { .. })).pop();
    let Happening::Completed { result, .. } = completed.unwrap().happening else { unreachable!() };
    page.acknowledge(opened.session);
    let view = platform.view(&opened.session);
    assert!(view.acknowledged && view.result.is_none(), "{view:?}");
    *result.unwrap()
}

#[test]
fn a_login_proves_who_the_holder_is() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let outcome = result(&platform, &person, tasks::login());
    let statement = broker.trust().verify_outcome(&outcome);
    assert_eq!((outcome.purpose, outcome.holder.name.as_str()), (Purpose::Login, "王小明"));
    assert_eq!((outcome.certificate_authority.as_str(), outcome.status.status), ("softca", Status::Good));
    assert_eq!(statement.relying_party.domain, "fuzhou.example.cn");
}

#[test]
fn three_documents_are_signed_as_messages_of_either_arc() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let trust = broker.trust();
    for arc in [MessageArc::Gmt0010, MessageArc::Rfc5652] {
        let outcome = result(&platform, &person, tasks::sign(3, arc));
        let statement = trust.verify_outcome(&outcome);
        assert_eq!(outcome.items.len(), 3);
        for (n, item) in outcome.items.iter().enumerate() {
            assert_eq!(item.id.as_str(), format!("d{n}"));
            trust.verify_message(&item.value, &tasks::content(n), arc, statement.stated_at.seconds());
        }
    }
}

#[test]
fn a_thousand_documents_are_signed_in_one_session() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let outcome = result(&platform, &person, tasks::sign(1000, MessageArc::Rfc5652));
    let trust = broker.trust();
    let at = trust.verify_outcome(&outcome).stated_at.seconds();
    assert_eq!(outcome.items.len(), 1000);
    for n in [0, 499, 999] {
        trust.verify_message(&outcome.items[n].value, &tasks::content(n), MessageArc::Rfc5652, at);
    }
}

#[test]
fn documents_are_sealed_with_the_companys_seal() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    let (seal, der) = broker.seal(&BUILDER, "闽江建设公章");
    let outcome = result(&platform, &legal_person, tasks::seal(2));
    let trust = broker.trust();
    let statement = trust.verify_outcome(&outcome);
    assert_eq!(statement.seal.unwrap().id.to_string(), seal);
    assert_eq!(outcome.items.len(), 2);
    for (n, item) in outcome.items.iter().enumerate() {
        trust.verify_seal(&item.value, &tasks::documents(2)[n].sm3.0);
        let signature = yinqiao_gm::seal::SesSignature::from_der(item.value.as_slice()).unwrap();
        assert_eq!(signature.seal().der(), der.as_slice());
        assert_eq!(signature.property_info(), "/Doc_0/Signs/Sign_0/Signature.xml");
    }
}

#[test]
fn a_seal_is_withdrawn_by_a_signed_statement() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    let outcome = result(&platform, &legal_person, tasks::unseal());
    let statement = broker.trust().verify_outcome(&outcome);
    assert_eq!(statement.task, tasks::unseal());
    assert_eq!(statement.holder.enterprise.unwrap().unified_social_credit_code, BUILDER.code);
}

#[test]
fn a_bid_encrypted_in_one_session_is_opened_in_another_by_the_one_time_key_only() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    let trust = broker.trust();

    let encrypted = result(&platform, &legal_person, tasks::encrypt(1));
    trust.verify_outcome(&encrypted);
    let at = encrypted.completed_at.seconds();
    let certificate = trust.verify(encrypted.encryption_certificate.as_ref().unwrap(), at, Usage::Encryption);
    let content_keys = [[1u8; 16], [2; 16], [3; 16]];

    let one_time_key = PrivateKey::generate().unwrap();
    let serial = serial_text(&certificate);
    let task = tasks::decrypt(&one_time_key, certificate.public_key(), &serial, &content_keys);
    let opened = result(&platform, &legal_person, task);
    trust.verify_outcome(&opened);
    trust.verify_opened_keys(&opened);
    let other_key = PrivateKey::generate().unwrap();
    for (item, content_key) in opened.items.iter().zip(&content_keys) {
        let rewrapped = Ciphertext::from_der(item.value.as_slice()).unwrap();
        assert_eq!(one_time_key.decrypt(&rewrapped).unwrap().as_slice(), content_key);
        assert!(other_key.decrypt(&rewrapped).is_err());
    }
}

#[test]
fn a_key_that_does_not_open_an_item_ends_the_session_with_that_item_as_cause() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    let certificate = Certificate::from_der(legal_person.encryption_certificate().as_slice()).unwrap();
    let one_time_key = PrivateKey::generate().unwrap();
    let serial = serial_text(&certificate);
    let Task::Decrypt { one_time_key: key, mut items } =
        tasks::decrypt(&one_time_key, certificate.public_key(), &serial, &[[1; 16], [2; 16]])
    else {
        unreachable!()
    };
    let stranger = PrivateKey::generate().unwrap();
    items[1].wrapped_key = Base64(stranger.public_key().encrypt(&[2; 16]).unwrap().to_der().unwrap());
    let opened = platform.open(Task::Decrypt { one_time_key: key, items });
    let mut session = legal_person.scan(&opened.code).unwrap();
    session.fetch(0).unwrap();
    session.answer(&yinqiao_tests::holder::pin()).unwrap_err();
    let view = platform.view(&opened.session);
    assert_eq!(view.state, SessionState::Failed);
    assert_eq!(view.cause, Some(yinqiao_protocol::Cause::KeyDidNotOpen { item: "k1".parse().unwrap() }));
}
