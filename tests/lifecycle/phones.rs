//! The phones that a user is signed in with, and a phone that is lost.

use serde_json::{Value, json};

use yinqiao_phone::AccountClient;
use yinqiao_protocol::Token;
use yinqiao_tests::Holder;
use yinqiao_tests::holder::{pin, problem_of};
use yinqiao_tests::tasks;

use crate::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, User, order};

fn phones(account: &AccountClient) -> Vec<(String, bool)> {
    let page: Value = account.get("/v1/account/sessions").unwrap().value;
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|phone| (phone["session"].as_str().unwrap().to_owned(), phone["current"].as_bool().unwrap()))
        .collect()
}

#[test]
fn a_phone_is_signed_out_from_another_one_and_its_tokens_are_worth_nothing_at_once() {
    let stage = Stage::new();
    let (lost, kept) = (stage.sign_in(&STAFF), stage.sign_in(&STAFF));
    let stranger = stage.sign_in(&LEGAL_PERSON);
    let seen = phones(&kept.account);
    assert_eq!(seen.iter().map(|(_, current)| *current).collect::<Vec<_>>(), [true, false]);
    let path = format!("/v1/account/sessions/{}", lost.account.session().session);
    assert_eq!(seen[1].0, lost.account.session().session.to_string());
    assert_eq!(problem_of(stranger.account.delete(&path)), "not-found");
    lost.account.get::<Value>("/v1/account").unwrap();

    kept.account.delete(&path).unwrap();
    assert_eq!(problem_of(lost.account.get::<Value>("/v1/account")), "unauthorized");
    assert_eq!(problem_of(lost.account.clone().renew()), "unauthorized");
    assert_eq!(phones(&kept.account).len(), 1);
}

#[test]
fn a_renewal_token_that_comes_back_long_after_it_was_used_ends_the_session() {
    let stage = Stage::new();
    let mut account = stage.sign_in(&STAFF).account;
    let mut stolen = account.clone();
    account.renew().unwrap();
    // The answer may have been lost: the same once more, for a while.
    let mut repeated = stolen.clone();
    repeated.renew().unwrap();
    assert_eq!(repeated.session().renewal_token.expose(), account.session().renewal_token.expose());
    account.renew().unwrap();
    account.get::<Value>("/v1/account").unwrap();
    assert_eq!(problem_of(stolen.renew()), "unauthorized");
    assert_eq!(problem_of(account.get::<Value>("/v1/account")), "unauthorized");
    assert_eq!(problem_of(account.renew()), "unauthorized");
}

#[test]
fn a_token_without_the_phone_that_it_was_given_to_is_worth_nothing() {
    use ureq::http::Request;
    use yinqiao_protocol::dpop::{self, prove};
    let stage = Stage::new();
    let (user, thief) = (stage.sign_in(&STAFF), Holder::new());
    let token: &Token = &user.account.session().access_token;
    let url = format!("{}/v1/account", stage.broker.url());
    let about = dpop::Request { method: "GET", url: &url, access_token: Some(token) };
    let ask = |holder: &Holder| {
        let key = holder.phone.store().device_key();
        let id = yinqiao_protocol::OrderId::random().to_string();
        let proof = prove(key, about, yinqiao_tests::relying_party::now(), &id).unwrap();
        let request = Request::builder()
            .uri(&url)
            .header("Authorization", format!("DPoP {}", token.expose()))
            .header("DPoP", proof);
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        agent.run(request.body(()).unwrap()).unwrap().status().as_u16()
    };
    assert_eq!((ask(&user.holder), ask(&thief)), (200, 401));
}

/// A member with a certificate; gives its name.
fn member_with_certificate(stage: &Stage, legal_person: &User) -> (User, String) {
    let member = stage.member(legal_person);
    let ordered: Value = member.account.post("/v1/orders", &order(30)).unwrap();
    let id = ordered["order"].as_str().unwrap();
    let _: Value = legal_person.account.post(&format!("/v1/orders/{id}/approve"), &()).unwrap();
    member.account.download(id, &pin()).unwrap();
    let certificates: Value = member.account.get("/v1/certificates").unwrap().value;
    let name = certificates["items"][0]["certificate_sm3"].as_str().unwrap().to_owned();
    (member, name)
}

#[test]
fn the_holder_of_a_lost_phone_suspends_its_certificate_and_the_one_who_found_it_gets_nowhere() {
    let stage = Stage::new();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let (member, certificate) = member_with_certificate(&stage, &legal_person);
    let platform = stage.broker.relying_party("fuzhou");
    let log_in = || member.holder.scan(&platform.open(tasks::login()).code);
    let path = |what: &str| format!("/v1/certificates/{certificate}/{what}");
    log_in().unwrap();

    // At a new phone, without the old one.
    let found_again = stage.sign_in(&STAFF).account;
    let suspended: Value = found_again.post(&path("suspend"), &json!({ "reason": "phone_lost" })).unwrap();
    assert_eq!(
        (&suspended["state"], &suspended["suspension"]["by"]),
        (&"suspended".into(), &"holder".into())
    );
    assert_eq!(problem_of(log_in()), "certificate-suspended");
    let resumed: Value = found_again.post(&path("resume"), &()).unwrap();
    assert!(resumed["suspension"].is_null(), "{resumed}");
    crate::stage::eventually("the CA's word", || log_in().ok());

    // What the trading centre suspends, the holder does not end.
    let token = stage.broker.operator(&["staff", "add", "olga", "--role", "operator"]);
    let by_centre = format!("/v1/operator/certificates/{certificate}/suspend");
    stage.post_as_staff(token.trim(), &by_centre, &json!({ "reason": "suspected_misuse" }));
    assert!(found_again.post::<Value>(&path("resume"), &()).is_err());
    assert_eq!(problem_of(log_in()), "certificate-suspended");

    // The legal person ends it for good.
    let revoked: Value =
        legal_person.account.post(&path("revoke"), &json!({ "reason": "keyCompromise" })).unwrap();
    assert_eq!(
        (&revoked["state"], &revoked["revocation"]["by"]),
        (&"revoked".into(), &"legal_person".into())
    );
    assert_eq!(problem_of(log_in()), "certificate-revoked");
    let of_member =
        format!("/v1/enterprises/{COMPANY}/members/{}/certificates", member.account.account().user);
    let seen: Value = legal_person.account.get(&of_member).unwrap().value;
    assert_eq!(seen["items"][0]["state"], "revoked");
}
