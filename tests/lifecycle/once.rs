//! What is sent again is done once, and what may be done once is refused the second time.

use serde_json::{Value, json};
use ureq::http::Request;

use yinqiao_protocol::OrderId;
use yinqiao_tests::Person;
use yinqiao_tests::holder::{pin, problem_of};
use yinqiao_tests::relying_party::agent;

use crate::stage::{COMPANY, LEGAL_PERSON, Stage, User, order};

fn token(stage: &Stage, name: &str, role: &str) -> String {
    stage.broker.operator(&["staff", "add", name, "--role", role]).trim().to_owned()
}

fn post(stage: &Stage, token: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let request = Request::post(format!("{}{path}", stage.broker.url()))
        .header("Authorization", format!("Bearer {token}"))
        .header("Idempotency-Key", key)
        .header("Content-Type", "application/json")
        .body(body.to_string())
        .unwrap();
    let mut response = agent().run(request).unwrap();
    let answer = serde_json::from_slice(&response.body_mut().read_to_vec().unwrap()).unwrap();
    (response.status().as_u16(), answer)
}

fn everything_stored(folder: &std::path::Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            bytes.extend(everything_stored(&entry.path()));
        } else if entry.file_type().unwrap().is_file() {
            bytes.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    bytes
}

#[test]
fn a_lost_token_of_staff_is_given_again_for_the_same_key_and_is_stored_nowhere() {
    let mut stage = Stage::new();
    let officer = token(&stage, "officer", "security-officer");
    let new = json!({ "name": "clerk", "role": "operator" });
    let added = post(&stage, &officer, "/v1/operator/staff", "first", &new);
    assert_eq!(added.0, 201, "{}", added.1);
    stage.broker.stop();
    stage.broker.restart();
    assert_eq!(post(&stage, &officer, "/v1/operator/staff", "first", &new), added);
    assert_eq!(post(&stage, &officer, "/v1/operator/staff", "second", &new).0, 409, "the name is taken");
    let other = json!({ "name": "clerk", "role": "auditor" });
    assert_eq!(post(&stage, &officer, "/v1/operator/staff", "first", &other).0, 422);
    let of = |added: &Value| added["token"].as_str().unwrap().to_owned();
    stage.get_as_staff(&of(&added.1), "/v1/operator/orders");

    let path = format!("/v1/operator/staff/{}/token", added.1["operator"].as_str().unwrap());
    let renewed = post(&stage, &officer, &path, "third", &json!({}));
    assert_eq!(renewed.0, 200);
    assert_eq!(post(&stage, &officer, &path, "third", &json!({})), renewed);
    assert_ne!(of(&renewed.1), of(&added.1));
    stage.get_as_staff(&of(&renewed.1), "/v1/operator/orders");

    let path = path.replace("/token", "/disable");
    let disabled = post(&stage, &officer, &path, "fourth", &json!({}));
    assert_eq!((disabled.0, post(&stage, &officer, &path, "fourth", &json!({}))), (200, disabled));
    stage.broker.stop();
    let stored = everything_stored(&stage.broker.data());
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("clerk"), "nothing is read");
    assert!(!holds(&of(&added.1)) && !holds(&of(&renewed.1)));
}

#[test]
fn who_agreed_to_a_successor_may_say_so_again_and_not_the_contrary() {
    let stage = Stage::new();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let next = stage.sign_in(&Person {
        subject: "next",
        name: "法人丙",
        id_number: "110101199003070011",
        ..LEGAL_PERSON
    });
    let path = format!("/v1/enterprises/{COMPANY}/succession");
    let _: Value = next.account.post(&path, &json!({})).unwrap();
    let decision = |verb: &str| format!("{path}/{}/{verb}", next.account.account().user);
    for _ in 0..2 {
        let _: Value = legal_person.account.post(&decision("approve"), &()).unwrap();
    }
    assert_eq!(problem_of(legal_person.account.post::<Value>(&decision("reject"), &())), "not-allowed");
    let members = format!("/v1/enterprises/{COMPANY}/members");
    assert_eq!(problem_of(legal_person.account.get::<Value>(&members)), "not-found");
}

/// The SM3 of a certificate that ends in a month, and can be renewed therefore.
fn certificate(legal_person: &User) -> Value {
    let ordered: Value = legal_person.account.post("/v1/orders", &order(30)).unwrap();
    legal_person.account.download(ordered["order"].as_str().unwrap(), &pin()).unwrap();
    let certificates: Value = legal_person.account.get("/v1/certificates").unwrap().value;
    certificates["items"][0]["certificate_sm3"].clone()
}

#[test]
fn a_certificate_is_renewed_by_one_order_at_a_time() {
    let stage = Stage::new();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let mut renewal = order(365);
    renewal["renews"] = certificate(&legal_person);
    let answers = std::thread::scope(|scope| {
        let order = || legal_person.account.post::<Value>("/v1/orders", &renewal);
        let other = scope.spawn(order);
        [order(), other.join().unwrap()]
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(problem_of(legal_person.account.post::<Value>("/v1/orders", &renewal)), "conflict");
    let placed = answers.into_iter().find_map(Result::ok).unwrap();
    let cancel = format!("/v1/orders/{}/cancel", placed["order"].as_str().unwrap());
    let _: Value = legal_person.account.post(&cancel, &()).unwrap();
    let again: Value = legal_person.account.post("/v1/orders", &renewal).unwrap();
    legal_person.account.download(again["order"].as_str().unwrap(), &pin()).unwrap();
    let replaced = problem_of(legal_person.account.post::<Value>("/v1/orders", &renewal));
    assert_eq!(replaced, "conflict", "another certificate has come in its place");
}

#[test]
fn what_an_operator_says_of_money_is_noted_even_where_it_is_refused() {
    let stage = Stage::new();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let member = stage.member(&legal_person);
    let ordered: Value = member.account.post("/v1/orders", &order(365)).unwrap();
    let order = ordered["order"].as_str().unwrap();
    let _: Value = legal_person.account.post(&format!("/v1/orders/{order}/approve"), &()).unwrap();
    let (operator, auditor) = (token(&stage, "operator", "operator"), token(&stage, "auditor", "auditor"));
    let path = format!("/v1/operator/orders/{order}/confirm-payment");
    let wrong = json!({ "reference": "bank-7", "amount_fen": 19_999 });
    assert_eq!(stage.try_as_staff(&operator, &path, &wrong).0, 422);
    let nowhere = format!("/v1/operator/orders/{}/confirm-payment", OrderId::random());
    assert_eq!(stage.try_as_staff(&operator, &nowhere, &wrong).0, 404);

    let notes = stage.get_as_staff(&auditor, &format!("/v1/operator/audit/order/{order}"));
    let refused = notes["items"].as_array().unwrap().iter().find(|note| note["action"] == "payment.refuse");
    let refused = refused.unwrap_or_else(|| panic!("{notes}")).to_string();
    assert!(refused.contains("19999") || refused.contains("199.99"), "{refused}");
    assert!(refused.contains("bank-7"), "{refused}");
}
