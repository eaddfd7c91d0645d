//! The phones that a user is signed in with.

use serde_json::Value;

use yinqiao_phone::AccountClient;
use yinqiao_protocol::dpop;
use yinqiao_tests::holder::problem_of;
use yinqiao_tests::relying_party::{agent, now};

use crate::stage::{STAFF, Stage, User};

fn problem_at(account: &AccountClient) -> String {
    problem_of(account.get::<Value>("/v1/account"))
}

/// The status for the user's access token beside a proof of the key of `prover`'s phone.
fn status_with_proof_of(stage: &Stage, user: &User, prover: &User) -> u16 {
    let url = format!("{}/v1/account", stage.broker.url());
    let token = &user.account.session().access_token;
    let request = dpop::Request { method: "GET", url: &url, access_token: Some(token) };
    let id = yinqiao_protocol::OrderId::random().to_string();
    let proof = dpop::prove(prover.holder.phone.store().device_key(), request, now(), &id).unwrap();
    let request = agent().get(&url).header("Authorization", format!("{} {}", dpop::SCHEME, token.expose()));
    request.header(dpop::HEADER, proof).call().unwrap().status().as_u16()
}

#[test]
fn a_phone_that_is_signed_out_from_another_is_out_at_once() {
    let stage = Stage::new();
    let [lost, kept] = [stage.sign_in(&STAFF), stage.sign_in(&STAFF)];
    let list = || kept.account.get::<Value>("/v1/account/sessions").unwrap().value["items"].clone();
    let sessions = list();
    let named = |user: &User| {
        let id = user.account.session().session.to_string();
        sessions.as_array().unwrap().iter().find(|session| session["session"] == id).unwrap()["current"]
            .clone()
    };
    assert_eq!((named(&lost), named(&kept)), (false.into(), true.into()), "{sessions}");

    let path = format!("/v1/account/sessions/{}", lost.account.session().session);
    kept.account.delete(&path).unwrap();
    assert_eq!(problem_at(&lost.account), "unauthorized");
    assert!(lost.account.clone().renew().is_err());
    assert_eq!(list().as_array().unwrap().len(), 1);
    assert_eq!(kept.account.get::<Value>("/v1/account").unwrap().value["name"], STAFF.name);
}

#[test]
fn nobody_signs_out_anothers_phone() {
    let stage = Stage::new();
    let user = stage.sign_in(&STAFF);
    let other = stage.sign_in(&crate::stage::LEGAL_PERSON);
    let path = format!("/v1/account/sessions/{}", user.account.session().session);
    assert_eq!(problem_of(other.account.delete(&path)), "not-found");
    user.account.get::<Value>("/v1/account").unwrap();
}

#[test]
fn a_lost_answer_to_a_renewal_is_given_again_and_a_token_used_up_before_ends_the_session() {
    let stage = Stage::new();
    let user = stage.sign_in(&STAFF);
    let (mut first, mut again, mut stolen) =
        (user.account.clone(), user.account.clone(), user.account.clone());
    first.renew().unwrap();
    again.renew().unwrap();
    assert_eq!(first.session().access_token.expose(), again.session().access_token.expose());
    assert_eq!(problem_at(&user.account), "unauthorized", "the access token before is over");
    first.renew().unwrap();
    first.get::<Value>("/v1/account").unwrap();

    assert_eq!(problem_of(stolen.renew()), "unauthorized");
    assert_eq!(problem_at(&first), "unauthorized", "owner and thief look alike");
    assert_eq!(problem_of(first.renew()), "unauthorized");
}

#[test]
fn a_token_is_worth_nothing_beside_another_phones_proof() {
    let stage = Stage::new();
    let [user, thief] = [stage.sign_in(&STAFF), stage.sign_in(&STAFF)];
    assert_eq!(status_with_proof_of(&stage, &user, &user), 200);
    assert_eq!(status_with_proof_of(&stage, &user, &thief), 401);
    user.account.get::<Value>("/v1/account").unwrap();
}
