//! Seals: pictures, applications, the CA's officer, who may use a seal, its end.

use serde_json::{Value, json};

use yinqiao_gm::seal::SesSignature;
use yinqiao_phone::{ClaimedSession, Fetched, PhoneError};
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::{Cause, SessionId};
use yinqiao_tests::broker::red_square;
use yinqiao_tests::holder::{pin, problem_of};
use yinqiao_tests::{Officer, Person, tasks};

use crate::stage::{COMPANY, LEGAL_PERSON, Stage, User, eventually, order};

/// A company whose legal person has a certificate, and the CA's officer.
struct Company {
    stage: Stage,
    officer: Officer,
    legal_person: User,
}

impl Company {
    fn new() -> Self {
        let (stage, officer) = Stage::with_reviewed_seals();
        let legal_person = stage.sign_in(&LEGAL_PERSON);
        let company = Self { stage, officer, legal_person };
        company.give_certificate(&company.legal_person);
        company
    }

    /// Orders a certificate that costs nothing, has it approved, and downloads it.
    fn give_certificate(&self, user: &User) {
        let ordered: Value = user.account.post("/v1/orders", &order(30)).unwrap();
        let id = ordered["order"].as_str().unwrap();
        if ordered["state"] == "applied" {
            let _: Value = self.legal_person.account.post(&format!("/v1/orders/{id}/approve"), &()).unwrap();
        }
        user.account.download(id, &pin()).unwrap();
    }

    fn member(&self) -> User {
        let member = self.stage.member(&self.legal_person);
        self.give_certificate(&member);
        member
    }

    fn upload(&self, file: &[u8]) -> Result<Value, PhoneError> {
        let path = format!("{}?width_mm=40&height_mm=40", path("seal-pictures"));
        self.legal_person.account.post_file(&path, "image/png", file)
    }

    fn apply(&self, name: &str, more: &Value) -> Result<Value, PhoneError> {
        let picture = self.upload(&red_square()).unwrap();
        let mut wanted = json!({ "kind": "official", "name": name, "picture": picture["picture"] });
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.legal_person.account.post(&path("seal-applications"), &wanted)
    }

    fn application(&self, applied: &Value) -> Value {
        let id = applied["application"].as_str().unwrap();
        self.legal_person.account.get(&path(&format!("seal-applications/{id}"))).unwrap().value
    }

    /// Waits until the CA has the application: then its officer can decide.
    fn await_officer(&self) {
        eventually("the review", || (!self.officer.waiting().is_empty()).then_some(()));
    }

    fn await_state(&self, applied: &Value, state: &str) -> Value {
        eventually(state, || Some(self.application(applied)).filter(|now| now["state"] == state))
    }

    /// A seal that the officer has approved; gives its id.
    fn seal(&self, name: &str, more: &Value) -> String {
        let applied = self.apply(name, more).unwrap();
        self.await_officer();
        self.officer.decide(&["approve"]);
        self.await_state(&applied, "made")["seal"].as_str().unwrap().to_owned()
    }

    fn seals(&self) -> Vec<Value> {
        let page: Value = self.legal_person.account.get(&path("seals")).unwrap().value;
        page["items"].as_array().unwrap().clone()
    }

    fn one(&self, seal: &str) -> Value {
        self.legal_person.account.get(&path(&format!("seals/{seal}"))).unwrap().value
    }

    /// Names of those who may use a seal.
    fn users(&self, seal: &str) -> Vec<String> {
        let page: Value = self.legal_person.account.get(&path(&format!("seals/{seal}/users"))).unwrap().value;
        let items = page["items"].as_array().unwrap().iter();
        let mut names: Vec<_> = items.map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// Whether this person can seal now; the seal's DER where so.
    fn seal_by_scan(&self, user: &User) -> Result<Vec<u8>, String> {
        let id = yinqiao_protocol::OrderId::random().to_string();
        let platform = self.stage.broker.relying_party(&format!("p{}", &id[..8]));
        let opened = platform.open(tasks::seal(1));
        if let Err(error) = user.holder.scan(&opened.code) {
            return Err(problem_of::<()>(Err(error)));
        }
        let opened = platform.open(tasks::seal(1));
        assert_eq!(user.holder.answer(&opened.code).state, SessionState::Completed);
        let result = platform.view(&opened.session).result.unwrap();
        Ok(SesSignature::from_der(result.items[0].value.as_slice()).unwrap().seal().der().to_vec())
    }

    fn revoke(&self, seal: &str) {
        let reason = json!({ "reason": "misused" });
        let revoked: Value =
            self.legal_person.account.post(&path(&format!("seals/{seal}/revoke")), &reason).unwrap();
        assert_eq!(revoked["state"], "revoked");
    }
}

fn path(rest: &str) -> String {
    format!("/v1/enterprises/{COMPANY}/{rest}")
}

#[test]
fn a_seal_is_reviewed_made_used_restricted_and_revoked() {
    let company = Company::new();
    let member = company.member();
    let account = &company.legal_person.account;
    let picture = company.upload(&red_square()).unwrap();
    let preview = path(&format!("seal-pictures/{}", picture["picture"].as_str().unwrap()));
    assert!(account.get_bytes(&preview).unwrap().starts_with(b"\x89PNG"));

    let applied = company.apply("公章", &json!({})).unwrap();
    assert_eq!((&applied["state"], &applied["authority_pending"]), (&"under_review".into(), &true.into()));
    assert_eq!(problem_of(company.apply("公章", &json!({}))), "conflict");
    company.await_officer();
    let operator = company.stage.broker.operator(&["staff", "add", "olga", "--role", "operator"]);
    let operator = operator.trim();
    let open = "/v1/operator/seal-application-states/under_review/seal-applications";
    assert_eq!(company.stage.get_as_staff(operator, open)["items"][0]["name"], "公章");
    assert_eq!(company.seal_by_scan(&company.legal_person).unwrap_err(), "no-seal");
    company.officer.decide(&["approve"]);
    let made = company.await_state(&applied, "made");
    assert_eq!(company.stage.get_as_staff(operator, open)["items"], json!([]));
    let seal = made["seal"].as_str().unwrap();

    // Everybody who had a certificate may use it, and sees it; only the legal person is told who.
    let shown = company.one(seal);
    assert_eq!((&shown["state"], &shown["usage"]["who"]), (&"active".into(), &"company".into()));
    let for_member: Value = member.account.get(&path(&format!("seals/{seal}"))).unwrap().value;
    assert_eq!((&for_member["name"], &for_member["usage"]), (&"公章".into(), &Value::Null));
    assert_eq!(problem_of(member.account.get::<Value>(&path(&format!("seals/{seal}/users")))), "not-allowed");
    assert_eq!(company.users(seal), ["员工乙", "法人甲"]);
    let seen = account.get_bytes(&path(&format!("seals/{seal}/picture"))).unwrap();
    assert_eq!(seen, account.get_bytes(&preview).unwrap());
    company.seal_by_scan(&company.legal_person).unwrap();
    company.seal_by_scan(&member).unwrap();

    // From now on the legal person alone.
    let read = account.get::<Value>(&path(&format!("seals/{seal}"))).unwrap();
    let usage = json!({ "who": "listed", "users": [account.account().user] });
    let usage_path = path(&format!("seals/{seal}/usage"));
    let version = read.version.unwrap();
    let changed = account.put::<Value>(&usage_path, &version, &usage).unwrap();
    assert_eq!(changed.value["usage"], json!({ "who": "listed", "users": [account.account().user] }));
    assert_eq!(problem_of(account.put::<Value>(&usage_path, &version, &usage)), "precondition-failed");
    let stranger = json!({ "who": "listed", "users": [yinqiao_protocol::UserId::random()] });
    let refused = account.put::<Value>(&usage_path, &changed.version.unwrap(), &stranger);
    assert_eq!(problem_of(refused), "invalid-request");
    assert_eq!(company.users(seal), ["法人甲"]);
    assert_eq!(company.seal_by_scan(&member).unwrap_err(), "no-seal");
    company.seal_by_scan(&company.legal_person).unwrap();

    company.revoke(seal);
    assert_eq!(company.seal_by_scan(&company.legal_person).unwrap_err(), "no-seal");
    let confirmed = eventually("the CA's word", || {
        Some(company.one(seal)).filter(|seal| seal["revocation"]["confirmed"] == true)
    });
    assert_eq!(
        (&confirmed["revocation"]["by"], &confirmed["revocation"]["declined"]),
        (&"legal_person".into(), &Value::Null)
    );
    assert_eq!(company.stage.seals_of_ca(), (1, 1));
}

#[test]
fn an_officer_who_rejects_says_why_and_another_application_may_follow() {
    let company = Company::new();
    let applied = company.apply("公章", &json!({})).unwrap();
    company.await_officer();
    company.officer.decide(&["reject", "--reason", "the picture names another company"]);
    let rejected = company.await_state(&applied, "rejected");
    assert!(rejected["reason"].as_str().unwrap().contains("the picture names another company"), "{rejected}");
    assert_eq!(rejected["authority_pending"], false);
    assert!(company.seals().is_empty());
    let seal = company.seal("公章", &json!({}));
    assert_eq!(company.stage.seals_of_ca(), (1, 0));

    // An operator of the machine may end it too.
    let broker = &company.stage.broker;
    let rows = || broker.operator_json(&["seal", "list"])["seals"].clone();
    assert_eq!(rows()[0]["state"], "made");
    broker.operator(&["seal", "revoke", &seal, "--reason", "no-longer-used"]);
    assert_eq!(company.one(&seal)["revocation"]["by"], "broker");
    assert_eq!(company.seal_by_scan(&company.legal_person).unwrap_err(), "no-seal");
    eventually("the CA's word", || (rows()[0]["state"] == "revoked").then_some(()));
    assert_eq!(company.stage.seals_of_ca(), (1, 1));
    assert!(
        broker
            .operator_refused(&[
                "seal",
                "revoke",
                "00000000-0000-4000-8000-000000000000",
                "--reason",
                "misused"
            ])
            .contains("seal")
    );
}

#[test]
fn a_seal_that_replaces_another_is_for_the_certificates_of_then_and_ends_the_old_one() {
    let mut company = Company::new();
    let old = company.seal("公章", &json!({}));
    let member = company.member();
    // The old one does not name the new certificate.
    assert_eq!(company.seal_by_scan(&member).unwrap_err(), "no-seal");
    let other_kind = json!({ "kind": "signature", "replaces": old });
    assert_eq!(problem_of(company.apply("签名", &other_kind)), "invalid-request");
    // With the picture that it had.
    let wanted = json!({ "kind": "official", "name": "公章", "replaces": old });
    let applied: Value = company.legal_person.account.post(&path("seal-applications"), &wanted).unwrap();
    company.await_officer();
    assert_eq!(company.one(&old)["state"], "active", "as long as the new one is not made");
    company.stage.broker.restart();
    company.officer.decide(&["approve"]);
    let new = company.await_state(&applied, "made")["seal"].as_str().unwrap().to_owned();
    let ended = company.one(&old);
    assert_eq!((&ended["state"], &ended["revocation"]["reason"]), (&"revoked".into(), &"superseded".into()));
    assert_eq!(company.users(&new), ["员工乙", "法人甲"]);
    company.seal_by_scan(&member).unwrap();
    eventually("the CA's word", || (company.stage.seals_of_ca() == (2, 1)).then_some(()));
    assert_eq!(problem_of(company.apply("又一个", &json!({ "replaces": old }))), "conflict");
}

#[test]
fn what_is_taken_away_after_the_scan_completes_no_session() {
    let company = Company::new();
    let member = company.member();
    let seal = company.seal("公章", &json!({}));
    let account = &company.legal_person.account;
    let platform = company.stage.broker.relying_party("fuzhou");
    let scan = |user: &User| {
        let opened = platform.open(tasks::seal(1));
        let mut claimed = user.holder.scan(&opened.code).unwrap();
        assert_eq!(claimed.fetch(10).unwrap(), Fetched::Ready);
        claimed.review().unwrap();
        (opened.session, claimed)
    };
    let refused = |(session, claimed): (SessionId, ClaimedSession)| {
        assert_eq!(problem_of(claimed.answer(&pin())), "no-seal");
        let view = platform.view(&session);
        assert_eq!((view.state, view.cause), (SessionState::Failed, Some(Cause::SealNotUsable)));
    };
    let (of_member, of_chief) = (scan(&member), scan(&company.legal_person));
    let version = account.get::<Value>(&path(&format!("seals/{seal}"))).unwrap().version.unwrap();
    let usage = json!({ "who": "listed", "users": [account.account().user] });
    let _ = account.put::<Value>(&path(&format!("seals/{seal}/usage")), &version, &usage).unwrap();
    refused(of_member);
    company.revoke(&seal);
    refused(of_chief);
}

#[test]
fn a_cancelled_application_gives_no_seal_whatever_the_officer_does() {
    let company = Company::new();
    for round in 0..6 {
        let applied = company.apply("公章", &json!({})).unwrap();
        let cancel = path(&format!("seal-applications/{}/cancel", applied["application"].as_str().unwrap()));
        let cancel = || company.legal_person.account.post::<Value>(&cancel, &());
        // Before the CA has heard of it, perhaps; after the officer's word, which the broker has not asked for yet; at once.
        if round % 3 == 0 {
            cancel().unwrap();
        } else {
            company.await_officer();
            let token = company.officer.waiting().pop().unwrap();
            let late = round % 3 == 1;
            if late {
                assert!(company.officer.try_approve(&token));
            }
            std::thread::scope(|scope| {
                scope.spawn(|| late || company.officer.try_approve(&token));
                if let Err(error) = cancel() {
                    assert_eq!(problem_of::<()>(Err(error)), "conflict");
                }
            });
        }
        let end = eventually("the end", || {
            Some(company.application(&applied)).filter(|now| now["authority_pending"] == false)
        });
        let state = end["state"].as_str().unwrap();
        assert!(matches!(state, "cancelled" | "made"), "{end}");
        if state == "made" {
            company.revoke(end["seal"].as_str().unwrap());
        }
        assert_eq!(
            company.seal_by_scan(&company.legal_person).unwrap_err(),
            "no-seal",
            "round {round}: {state}"
        );
        eventually("that every seal is revoked at the CA", || {
            let (made, revoked) = company.stage.seals_of_ca();
            (made == revoked && company.officer.waiting().is_empty()).then_some(())
        });
    }
    assert!(company.seals().iter().all(|seal| seal["state"] == "revoked"));
}

#[test]
fn a_companys_deletion_ends_its_seals_and_applications_at_the_ca_too() {
    let company = Company::new();
    company.seal("公章", &json!({}));
    company.seal("法人章", &json!({ "kind": "legal_representative" }));
    let waiting = company.apply("签名", &json!({ "kind": "signature" })).unwrap();
    company.await_officer();
    // An operator has one made as well.
    company.stage.broker.operator(&company.operators_seal());
    eventually("both before the officer", || (company.officer.waiting().len() == 2).then_some(()));
    let account = &company.legal_person.account;
    account.delete(&format!("/v1/enterprises/{COMPANY}")).unwrap();
    eventually("the company's end", || {
        let now: Value = account.get(&format!("/v1/enterprises/{COMPANY}")).unwrap().value;
        (now["state"] == "deleted").then_some(())
    });
    eventually("that nothing waits", || company.officer.waiting().is_empty().then_some(()));
    assert_eq!(company.stage.seals_of_ca(), (2, 2));
    assert_eq!(company.application(&waiting)["state"], "cancelled");
    for seal in company.seals() {
        let revocation = &seal["revocation"];
        assert_eq!(
            (&revocation["reason"], &revocation["confirmed"]),
            (&"enterprise_changed".into(), &true.into())
        );
    }
    let refused = company.apply_again().unwrap_err().to_string();
    assert!(refused.contains("any more"), "{refused}");
    assert!(company.stage.broker.operator_refused(&company.operators_seal()).contains("any more"));
}

impl Company {
    /// The words with which an operator has a seal made.
    fn operators_seal(&self) -> [&'static str; 8] {
        let picture = self.stage.broker.folder().join("picture.png");
        std::fs::write(&picture, red_square()).unwrap();
        let picture = picture.to_str().unwrap().to_owned().leak();
        ["seal", "add", "--enterprise-code", COMPANY, "--name", "专用章", "--picture", picture]
    }

    /// Applies with a picture that is there.
    fn apply_again(&self) -> Result<Value, PhoneError> {
        let list: Value = self.legal_person.account.get(&path("seal-applications")).unwrap().value;
        let wanted = json!({ "kind": "official", "name": "新章", "picture": list["items"][0]["picture"] });
        self.legal_person.account.post(&path("seal-applications"), &wanted)
    }
}

#[test]
fn pictures_and_applications_that_do_not_fit_are_refused_with_what_to_do() {
    let company = Company::new();
    let account = &company.legal_person.account;
    assert_eq!(problem_of(company.upload(b"no picture")), "invalid-request");
    assert_eq!(problem_of(company.upload(&vec![0; (4 << 20) + 1])), "too-large");
    let small = format!("{}?width_mm=0&height_mm=40", path("seal-pictures"));
    assert_eq!(problem_of(account.post_file::<Value>(&small, "image/png", &red_square())), "invalid-request");
    for more in [
        json!({ "picture": "0".repeat(64) }),
        json!({ "certificate_authority": "nobody" }),
        json!({ "usage": { "who": "listed", "certificates": ["0".repeat(64)] } }),
    ] {
        assert_eq!(problem_of(company.apply("公章", &more)), "invalid-request", "{more}");
    }
    // Nobody would be able to use it.
    assert_eq!(problem_of(company.apply("公章", &json!({ "usage": { "who": "listed" } }))), "conflict");
    assert_eq!(company.stage.seals_of_ca(), (0, 0));

    // Another company's picture is none of this one's.
    let other = company.stage.sign_in(&Person {
        subject: "other",
        name: "法人丙",
        id_number: "110101199003070011",
        phone_number: "13800000003",
        level: "L4",
        company: Some(("他方建设有限公司", "91350200MA31ABCD1G")),
    });
    let picture = company.upload(&red_square()).unwrap();
    let preview = path(&format!("seal-pictures/{}", picture["picture"].as_str().unwrap()));
    assert_eq!(problem_of(other.account.get_bytes(&preview)), "not-found");
    let theirs = preview.replace(COMPANY, "91350200MA31ABCD1G");
    assert_eq!(problem_of(other.account.get_bytes(&theirs)), "not-found");
}
