//! A phone is lost, and perhaps found again.

use serde_json::{Value, json};

use yinqiao_phone::{ClaimedSession, PhoneError};
use yinqiao_protocol::event::SessionState;
use yinqiao_tests::holder::{agree, pin, problem_of};
use yinqiao_tests::relying_party::RelyingParty;
use yinqiao_tests::tasks;

use crate::stage::{LEGAL_PERSON, Stage, User, eventually, order};

/// The legal person, a member with a certificate, and a platform to log in at.
fn company(stage: &Stage) -> (User, User, RelyingParty) {
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let member = stage.member(&legal_person);
    let ordered: Value = member.account.post("/v1/orders", &order(30)).unwrap();
    let ordered = ordered["order"].as_str().unwrap();
    let _: Value = legal_person.account.post(&format!("/v1/orders/{ordered}/approve"), &()).unwrap();
    member.account.download(ordered, &pin()).unwrap();
    (legal_person, member, stage.broker.relying_party("fuzhou"))
}

fn log_in(platform: &RelyingParty, user: &User) -> Result<ClaimedSession, PhoneError> {
    user.holder.scan(&platform.open(tasks::login()).code)
}

fn path(member: &User, verb: &str) -> String {
    format!("/v1/certificates/{}/{verb}", member.holder.certificate_sm3())
}

/// The phone answers again: the CA has let the certificate go.
fn logs_in_again(platform: &RelyingParty, member: &User) {
    let mut session = eventually("the certificate's return", || log_in(platform, member).ok());
    assert_eq!(agree(&mut session).state, SessionState::Completed);
}

#[test]
fn the_holder_suspends_the_certificate_of_a_lost_phone_and_resumes_it_when_found() {
    let stage = Stage::new();
    let (_, member, platform) = company(&stage);
    let lost = json!({ "reason": "phone_lost" });
    let suspended: Value = member.account.post(&path(&member, "suspend"), &lost).unwrap();
    assert_eq!(
        (&suspended["state"], &suspended["suspension"]["by"]),
        (&json!("suspended"), &json!("holder"))
    );
    assert_eq!(problem_of(log_in(&platform, &member)), "certificate-suspended");
    let resumed: Value = member.account.post(&path(&member, "resume"), &()).unwrap();
    assert!(resumed["suspension"].is_null(), "{resumed}");
    logs_in_again(&platform, &member);
}

#[test]
fn the_legal_person_revokes_what_the_holder_suspended() {
    let stage = Stage::new();
    let (legal_person, member, platform) = company(&stage);
    let _: Value =
        member.account.post(&path(&member, "suspend"), &json!({ "reason": "phone_lost" })).unwrap();
    let reason = json!({ "reason": "keyCompromise" });
    let revoked: Value = legal_person.account.post(&path(&member, "revoke"), &reason).unwrap();
    assert_eq!(
        (&revoked["state"], &revoked["revocation"]["by"]),
        (&json!("revoked"), &json!("legal_person"))
    );
    assert_eq!(problem_of(log_in(&platform, &member)), "certificate-revoked");
    assert_eq!(problem_of(member.account.post::<Value>(&path(&member, "resume"), &())), "conflict");
    eventually("the CA's word", || {
        let path = format!("/v1/certificates/{}", member.holder.certificate_sm3());
        let now: Value = member.account.get(&path).unwrap().value;
        (now["revocation"]["confirmed"] == true && now["authority_pending"] == false).then_some(())
    });
}

#[test]
fn the_holder_cannot_end_a_suspension_that_an_operator_began_or_took_over() {
    let stage = Stage::new();
    let (_, member, platform) = company(&stage);
    let operator = stage.broker.operator(&["staff", "add", "operator", "--role", "operator"]);
    let as_operator = |verb: &str, body: &Value| {
        stage.post_as_staff(operator.trim(), &path(&member, verb).replace("/v1/", "/v1/operator/"), body)
    };
    for is_taken_over in [false, true] {
        if is_taken_over {
            let _: Value =
                member.account.post(&path(&member, "suspend"), &json!({ "reason": "phone_lost" })).unwrap();
        }
        as_operator("suspend", &json!({ "reason": "suspected_misuse" }));
        assert_eq!(problem_of(member.account.post::<Value>(&path(&member, "resume"), &())), "not-allowed");
        assert_eq!(problem_of(log_in(&platform, &member)), "certificate-suspended");
        as_operator("resume", &json!({}));
        logs_in_again(&platform, &member);
    }
}
