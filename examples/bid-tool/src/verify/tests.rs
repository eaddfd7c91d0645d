use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::Profile;
use yinqiao_protocol::task::{MessageArc, WrappedKey};

use super::*;
use crate::fixture::{NOW, World, at, document};

fn sign_task(content: &[u8]) -> Task {
    Task::Sign { arc: MessageArc::Rfc5652, items: vec![document("bid.pdf", content)] }
}

fn decrypt_task(world: &World, one_time_key: &PrivateKey) -> Task {
    let wrapped = world.encryption_key.public_key().encrypt(&[7; 16]).unwrap();
    Task::Decrypt {
        one_time_key: one_time_key.public_key().to_sec1().as_slice().into(),
        items: vec![WrappedKey {
            id: "item-1".parse().unwrap(),
            name: "bid.pdf".into(),
            size: 3,
            wrapped_key: wrapped.to_der().unwrap().into(),
            certificate_serial: world.encryption.serial().to_string(),
        }],
    }
}

fn verify(world: &World, outcome: &Outcome) -> Result<Verified, VerifyError> {
    verify_outcome(outcome, &world.trust(), at(NOW + 10))
}

#[test]
fn honest_results_of_all_purposes_verify() {
    let world = World::new();
    let one_time_key = PrivateKey::generate().unwrap();
    let tasks = [
        Task::Login {},
        sign_task(b"bid"),
        Task::Sign { arc: MessageArc::Gmt0010, items: vec![document("bid.pdf", b"bid")] },
        world.seal_task(),
        Task::Unseal { items: Vec::new() },
        Task::Encrypt { items: vec![document("bid.pdf", b"bid")] },
        decrypt_task(&world, &one_time_key),
    ];
    for task in tasks {
        let statement = world.statement(task);
        let outcome = world.outcome(&statement);
        let asked = Asked { session: statement.session, task: &statement.task, display: &statement.display };
        let verified = verify_answer(&outcome, &asked, &world.trust(), at(NOW + 10)).unwrap();
        assert_eq!(verified.statement, statement);
    }
}

#[test]
fn a_result_for_something_else_than_was_asked_is_refused() {
    let world = World::new();
    let statement = world.statement(sign_task(b"bid"));
    let outcome = world.outcome(&statement);
    let asked = Asked { session: statement.session, task: &statement.task, display: &statement.display };
    let (other_task, other_display) =
        (sign_task(b"other"), Display { title: "x".into(), text: String::new() });
    let cases = [
        ("session", Asked { session: SessionId::random(), ..asked }),
        ("task", Asked { task: &other_task, ..asked }),
        ("text", Asked { display: &other_display, ..asked }),
    ];
    for (what, asked) in cases {
        let error = verify_answer(&outcome, &asked, &world.trust(), at(NOW)).unwrap_err();
        assert!(matches!(error, VerifyError::NotWhatWasAsked(found) if found == what), "{what}: {error}");
    }
}

#[test]
fn an_altered_statement_is_refused() {
    let world = World::new();
    let mut outcome = world.outcome(&world.statement(sign_task(b"bid")));
    let text = String::from_utf8(outcome.statement.0.clone()).unwrap();
    outcome.statement = text.replace("4711", "4712").into_bytes().into();
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Signature("statement"))));
}

#[test]
fn a_certificate_of_another_root_is_refused() {
    let (world, other) = (World::new(), World::new());
    let outcome = world.outcome(&world.statement(Task::Login {}));
    let error = verify_outcome(&outcome, &other.trust(), at(NOW)).unwrap_err();
    assert!(matches!(error, VerifyError::Chain("signing certificate", _)), "{error}");
}

#[test]
fn a_message_of_another_document_or_with_the_other_arc_is_refused() {
    let world = World::new();
    let statement = world.statement(sign_task(b"bid"));
    let mut outcome = world.outcome(&statement);
    let other = |task| world.outcome(&world.statement(task)).items;
    for items in [
        other(sign_task(b"other")),
        other(Task::Sign { arc: MessageArc::Gmt0010, items: vec![document("bid.pdf", b"bid")] }),
    ] {
        outcome.items = items;
        assert!(matches!(verify(&world, &outcome), Err(VerifyError::Item { .. })));
    }
    outcome.items.clear();
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Items)));
}

#[test]
fn a_message_signed_by_another_holder_of_the_same_ca_is_refused() {
    let mut world = World::new();
    let statement = world.statement(sign_task(b"bid"));
    let honest = world.outcome(&statement);
    let key = PrivateKey::generate().unwrap();
    world.signing = world.issue(Profile::Signing, "李四", &key);
    world.signing_key = key;
    let outcome = Outcome { items: world.outcome(&statement).items, ..honest };
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Item { .. })));
}

#[test]
fn a_seal_signature_of_another_session_is_refused() {
    let world = World::new();
    let statement = world.statement(world.seal_task());
    let mut later = statement.clone();
    later.stated_at = at(NOW + 1);
    let outcome = Outcome { items: world.outcome(&later).items, ..world.outcome(&statement) };
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Item { .. })));
}

#[test]
fn an_encryption_certificate_of_somebody_else_is_refused() {
    let world = World::new();
    let mut outcome = world.outcome(&world.statement(Task::Encrypt { items: Vec::new() }));
    let key = PrivateKey::generate().unwrap();
    outcome.encryption_certificate = Some(world.issue(Profile::Encryption, "李四", &key).der().into());
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Contradiction(_))));
    outcome.encryption_certificate = Some(world.signing.der().into());
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Chain("encryption certificate", _))));
    outcome.encryption_certificate = None;
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Missing(_))));
}

#[test]
fn keys_that_were_put_in_on_the_way_are_refused() {
    let world = World::new();
    let one_time_key = PrivateKey::generate().unwrap();
    let honest = world.outcome(&world.statement(decrypt_task(&world, &one_time_key)));
    let mut outcome = honest.clone();
    outcome.items[0].value = one_time_key.public_key().encrypt(&[8; 16]).unwrap().to_der().unwrap().into();
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Items)));
    outcome.opened_keys = Some(world.opened_keys(outcome.statement.as_slice(), &outcome.items));
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Signature(_))));
    let mut of_another_session = honest;
    let keys = world.opened_keys(b"another statement", &of_another_session.items);
    of_another_session.opened_keys_signature = Some(world.sign(keys.as_slice()));
    of_another_session.opened_keys = Some(keys);
    assert!(matches!(verify(&world, &of_another_session), Err(VerifyError::Contradiction(_))));
}

#[test]
fn results_from_the_future_and_revoked_ones_are_refused() {
    let world = World::new();
    let mut outcome = world.outcome(&world.statement(Task::Login {}));
    let error = verify_outcome(&outcome, &world.trust(), at(NOW - 700)).unwrap_err();
    assert!(matches!(error, VerifyError::Date { .. }), "{error}");
    outcome.status.status = Status::Revoked;
    assert!(matches!(verify(&world, &outcome), Err(VerifyError::Revoked)));
}
