//! Responses that are not what the holder signed for this session.

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::Certificate;
use yinqiao_phone::{ClaimedSession, Pin};
use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_protocol::phone::{Answered, Response};
use yinqiao_protocol::task::{MessageArc, serial_text};
use yinqiao_protocol::{Base64, Token};
use yinqiao_tests::holder::{PIN, problem_of, unlock};
use yinqiao_tests::{Answer, Broker, tasks};

use crate::wire;

/// A claimed session with its true response, and a way to post others.
struct Answering<'b> {
    broker: &'b Broker,
    path: String,
    token: Token,
    response: Response,
    session: ClaimedSession,
}

impl<'b> Answering<'b> {
    fn new(broker: &'b Broker, mut session: ClaimedSession) -> Self {
        let keys = unlock(&mut session);
        let response = session.response(&keys).unwrap();
        let path = format!("/v1/phone/sessions/{}/response", session.claimed().session);
        let token = session.claimed().claim_token.clone();
        Self { broker, path, token, response, session }
    }

    fn post(&self, response: &Response) -> Answer {
        wire::post(self.broker, &self.path, Some(&self.token), response)
    }

    fn altered(&self, alter: impl FnOnce(&mut Response)) -> Answer {
        let mut response = self.response.clone();
        alter(&mut response);
        self.post(&response)
    }

    fn completes(&self) {
        assert_eq!(self.post(&self.response).expect::<Answered>().state, SessionState::Completed);
    }
}

#[test]
fn a_signature_by_another_key_or_over_other_bytes_is_refused() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::sign(2, MessageArc::Rfc5652));
    let answering = Answering::new(&broker, person.scan(&opened.code).unwrap());
    let statement = answering.session.checked().unwrap().statement;
    let statement = yinqiao_protocol::statement::SignedText::to_bytes(&statement).unwrap();
    let serial = person.phone.certificates().unwrap().remove(0).serial;
    let own = person.phone.unlock(&serial, &Pin::parse(PIN).unwrap()).unwrap();
    let stranger = PrivateKey::generate().unwrap();
    let sign = |key: &PrivateKey, bytes: &[u8]| Base64(key.sign(bytes).unwrap().to_der().unwrap());

    let by_another_key = sign(&stranger, &statement);
    answering.altered(|response| response.statement_signature = by_another_key).refused("signature-invalid");
    let mut longer = statement.clone();
    longer.push(b' ');
    let over_other_bytes = sign(own.signing(), &longer);
    answering
        .altered(|response| response.statement_signature = over_other_bytes)
        .refused("signature-invalid");
    let of_item_0 = answering.response.items[0].value.clone();
    answering.altered(|response| response.items[1].value = of_item_0.clone()).refused("signature-invalid");
    answering
        .altered(|response| response.statement_signature = of_item_0.clone())
        .refused("signature-invalid");
    for not_der in [vec![], vec![0x30], vec![0; 72]] {
        answering.altered(|response| response.items[0].value = Base64(not_der)).refused("signature-invalid");
    }
    answering.completes();
}

#[test]
fn answers_for_other_items_than_the_sessions_are_refused() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::sign(2, MessageArc::Rfc5652));
    let answering = Answering::new(&broker, person.scan(&opened.code).unwrap());
    answering.altered(|response| response.items.swap(0, 1)).refused("invalid-request");
    answering.altered(|response| response.items.truncate(1)).refused("invalid-request");
    answering.altered(|response| response.items.clear()).refused("invalid-request");
    answering.altered(|response| response.items.push(response.items[0].clone())).refused("invalid-request");
    answering.altered(|response| response.items[1].id = "d7".parse().unwrap()).refused("invalid-request");
    let signature = answering.response.statement_signature.clone();
    answering.altered(|response| response.opened_keys_signature = Some(signature)).refused("invalid-request");
    answering.completes();
}

#[test]
fn a_response_is_for_its_own_session_only() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let [first, second] = [(); 2].map(|()| {
        let opened = platform.open(tasks::login());
        Answering::new(&broker, person.scan(&opened.code).unwrap())
    });
    second.post(&first.response).refused("signature-invalid");
    first.completes();
    second.post(&first.response).refused("signature-invalid");
    second.completes();
}

#[test]
fn rewrapped_keys_are_bound_to_the_statement_by_a_signature() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let certificate = Certificate::from_der(person.encryption_certificate().as_slice()).unwrap();
    let one_time_key = PrivateKey::generate().unwrap();
    let serial = serial_text(&certificate);
    let task = tasks::decrypt(&one_time_key, certificate.public_key(), &serial, &[[1; 16], [2; 16]]);
    let answering = Answering::new(&broker, person.scan(&platform.open(task).code).unwrap());

    let another = one_time_key.public_key().encrypt(&[9; 16]).unwrap().to_der().unwrap();
    answering.altered(|response| response.items[0].value = Base64(another)).refused("signature-invalid");
    let too_long = one_time_key.public_key().encrypt(&[9; 17]).unwrap().to_der().unwrap();
    answering.altered(|response| response.items[0].value = Base64(too_long)).refused("invalid-request");
    answering.altered(|response| response.opened_keys_signature = None).refused("invalid-request");
    let signature = answering.response.statement_signature.clone();
    answering
        .altered(|response| response.opened_keys_signature = Some(signature))
        .refused("signature-invalid");
    answering.completes();
}

#[test]
fn a_repeated_response_gets_the_same_answer_and_another_one_a_conflict() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open(tasks::login());
    let mut answering = Answering::new(&broker, person.scan(&opened.code).unwrap());
    let first: Answered = answering.post(&answering.response).expect();
    let result = platform.view(&opened.session).result.unwrap();
    // SM2 signatures differ each time: a second true answer is other bytes all the same.
    let other =
        answering.session.response(&answering.session.unlock(&Pin::parse(PIN).unwrap()).unwrap()).unwrap();
    answering.post(&other).refused("other-response");
    let second: Answered = answering.post(&answering.response).expect();
    assert_eq!((first.state, first.at), (second.state, second.at));
    assert_eq!(platform.view(&opened.session).result.unwrap(), result);

    platform.order(&opened.session, "acknowledge").expect::<serde_json::Value>();
    answering.post(&other).refused("other-response");
    assert_eq!(answering.post(&answering.response).expect::<Answered>().at, first.at);
    assert_eq!(
        problem_of(answering.session.decline(yinqiao_protocol::phone::DeclineReason::Declined)),
        "session-ended"
    );
    let fetched = answering.session.fetch(0).unwrap();
    assert_eq!(fetched, yinqiao_phone::Fetched::Ended(SessionState::Completed, None));
    let completed = platform.session_events(&opened.session, 0).events;
    let completed = completed.iter().filter(|event| matches!(event.happening, Happening::Completed { .. }));
    assert_eq!(completed.count(), 1);
}

#[test]
fn an_answer_before_the_items_have_come_is_refused() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let opened = platform.open_late(tasks::sign(0, MessageArc::Rfc5652));
    let mut session = person.scan(&opened.code).unwrap();
    let response = Response {
        statement_signature: Base64(PrivateKey::generate().unwrap().sign(b"x").unwrap().to_der().unwrap()),
        items: vec![],
        opened_keys_signature: None,
    };
    assert_eq!(problem_of(session.send(&response)), "wrong-state");
    platform.send_items(&opened.session, tasks::sign(1, MessageArc::Rfc5652)).expect::<serde_json::Value>();
    assert_eq!(yinqiao_tests::holder::agree(&mut session).state, SessionState::Completed);
}
