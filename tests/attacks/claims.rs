//! Claims: who is first, and with which code.

use std::sync::Barrier;
use std::thread;

use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_protocol::phone::{Answered, ClaimRequest, Claimed, PhoneSession};
use yinqiao_protocol::{SessionId, code};
use yinqiao_tests::holder::{agree, problem_of};
use yinqiao_tests::relying_party::{agent, current_code, send};
use yinqiao_tests::{Broker, Holder, tasks};

use crate::wire;

const PHONES: usize = 64;

#[test]
fn of_64_phones_that_claim_at_once_exactly_one_wins_and_completes() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let phones = enrolled(&broker, PHONES);
    let opened = platform.open(tasks::login());
    let code = current_code(platform.url(), &opened);
    let barrier = Barrier::new(PHONES);
    let results: Vec<_> = thread::scope(|scope| {
        let claiming: Vec<_> = phones
            .iter()
            .map(|phone| {
                scope.spawn(|| {
                    let claim = phone.phone.claim_request(&code, phone.certificate_sm3(), None).unwrap();
                    barrier.wait();
                    wire::post(&broker, "/v1/phone/claims", None, &claim)
                })
            })
            .collect();
        claiming.into_iter().map(|claim| claim.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, PHONES - 1));
    for answer in lost {
        answer.refused("already-claimed");
    }
    let events = platform.session_events(&opened.session, 0).events;
    let claims = events.iter().filter(|event| matches!(event.happening, Happening::Claimed { .. }));
    assert_eq!(claims.count(), 1);

    // The winner's token works: what it gets is the statement for its own certificate.
    let claimed: Claimed = won.into_iter().next().unwrap().expect();
    let path = format!("/v1/phone/sessions/{}", opened.session);
    let view: PhoneSession =
        send(&agent(), &broker.url(), "GET", &path, Some(&claimed.claim_token), b"").unwrap().expect();
    let statement = view.statement.unwrap();
    let content: yinqiao_protocol::Statement =
        yinqiao_protocol::statement::SignedText::from_bytes(statement.as_slice()).unwrap();
    let winner = phones.iter().find(|phone| phone.certificate_sm3() == content.certificate_sm3).unwrap();
    let serial = winner.phone.certificates().unwrap().remove(0).serial;
    let keys = winner.phone.unlock(&serial, &yinqiao_tests::holder::pin()).unwrap();
    let response = yinqiao_protocol::phone::Response {
        statement_signature: keys.signing().sign(statement.as_slice()).unwrap().to_der().unwrap().into(),
        items: vec![],
        opened_keys_signature: None,
    };
    let answered: Answered =
        wire::post(&broker, &format!("{path}/response"), Some(&claimed.claim_token), &response).expect();
    assert_eq!(answered.state, SessionState::Completed);
}

#[test]
fn a_second_phone_is_told_that_another_was_first() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let [first, second] = [broker.person("王小明"), broker.person("李雷")];
    let opened = platform.open(tasks::login());
    let mut session = first.scan(&opened.code).unwrap();
    assert_eq!(problem_of(second.scan(&opened.code)), "already-claimed");
    // The same phone with a new claim is no better off: it has its token already.
    assert_eq!(problem_of(first.scan(&opened.code)), "already-claimed");
    assert_eq!(agree(&mut session).state, SessionState::Completed);
    assert_eq!(problem_of(second.scan(&opened.code)), "session-ended");
}

#[test]
fn a_repeated_claim_gets_the_same_token() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let claim = person.phone.claim_request(&opened.code, person.certificate_sm3(), None).unwrap();
    let claims = || wire::post(&broker, "/v1/phone/claims", None, &claim).expect::<Claimed>();
    let first = claims();
    // Long after the code has become stale.
    thread::sleep(std::time::Duration::from_millis(6500));
    let second = claims();
    assert_eq!(first.claim_token.expose(), second.claim_token.expose());
    assert_eq!(first.match_code, second.match_code);
    assert_eq!(platform.session_events(&opened.session, 0).events.len(), 2);
}

#[test]
fn forged_stale_and_early_codes_are_refused_and_the_true_one_works() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let (opened, other) = (platform.open(tasks::login()), platform.open(tasks::login()));
    let (url, id) = (platform.url(), opened.session);
    let secret = opened.secret.as_slice();
    let step = code::step_at(opened.opened_at, yinqiao_tests::relying_party::now());
    let scan = |text: &str| problem_of(person.scan(text));

    assert_eq!(scan(&code::text(url, &[0; 32], &id, step)), "code-not-authentic");
    assert_eq!(scan(&code::text(url, other.secret.as_slice(), &id, step)), "code-not-authentic");
    assert_eq!(scan(&code::text(url, secret, &id, step + 1000)), "stale-code");
    assert_eq!(scan(&code::text(url, secret, &SessionId::random(), step)), "not-found");
    let true_code = current_code(url, &opened);
    let claim = person.phone.claim_request(&true_code[..true_code.len() - 1], person.certificate_sm3(), None);
    wire::post(&broker, "/v1/phone/claims", None, &claim.unwrap()).refused("malformed-request");

    assert_eq!(person.answer(&current_code(url, &opened)).state, SessionState::Completed);
}

#[test]
fn a_claim_for_another_phones_certificate_is_refused() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let [thief, owner] = [broker.person("王小明"), broker.person("李雷")];
    let opened = platform.open(tasks::login());
    let stolen = thief.phone.claim_request(&opened.code, owner.certificate_sm3(), None).unwrap();
    wire::post(&broker, "/v1/phone/claims", None, &stolen).refused("signature-invalid");
    let claim = owner.phone.claim_request(&opened.code, owner.certificate_sm3(), None).unwrap();
    let altered = ClaimRequest { claim: stolen.claim, ..claim.clone() };
    wire::post(&broker, "/v1/phone/claims", None, &altered).refused("signature-invalid");
    wire::post(&broker, "/v1/phone/claims", None, &claim).expect::<Claimed>();
}

fn enrolled(broker: &Broker, count: usize) -> Vec<Holder> {
    let enrol = |range: std::ops::Range<usize>| -> Vec<Holder> {
        range.map(|n| broker.person(&format!("投标人{n}"))).collect()
    };
    thread::scope(|scope| {
        let halves = [0..count / 2, count / 2..count].map(|range| scope.spawn(|| enrol(range)));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    })
}
