//! Registration and the levels, through the JSON API.

use std::sync::Arc;

use serde_json::json;

use yinqiao_identity_provider::{CheckUnavailable, Enterprise, RealName, RealNameCheck, Verdict};

use crate::fixture::{Fixture, generous};

const ID_NUMBER: &str = "11010519491231002X";

/// A register in which 张三 has his own number and represents no enterprise.
struct Register;

impl RealNameCheck for Register {
    fn check(&self, person: &RealName, enterprise: Option<&Enterprise>) -> Result<Verdict, CheckUnavailable> {
        match (person.name.as_str(), enterprise) {
            ("张三", None) => Ok(Verdict::Confirmed),
            ("张三", Some(_)) => {
                Ok(Verdict::Denied("this person does not represent this enterprise".to_owned()))
            }
            ("王五", _) => Err(CheckUnavailable("timeout".to_owned())),
            _ => Ok(Verdict::Denied("name and number do not belong together".to_owned())),
        }
    }
}

#[test]
fn the_steps_can_only_be_taken_in_their_order() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let session = fixture.session("zhangsan");
    let step = |path: &str| fixture.call("POST", path, Some(&session), None);
    let level =
        || fixture.call("GET", "/api/account", Some(&session), None).json()["assurance_level"].clone();
    let (confirm, look) = ("/api/account/real-name/confirmation", "/api/account/face-check");
    assert_eq!((level(), step(confirm).status, step(look).status), (json!("L1"), 409, 409));
    let person = json!({"name": "张三", "id_number": ID_NUMBER});
    assert_eq!(fixture.post("/api/account/real-name", Some(&session), &person).status, 200);
    let refused = step(look);
    assert_eq!((level(), refused.status), (json!("L2"), 409));
    assert_eq!(refused.json()["type"], "urn:yinqiao:problem:out-of-order");
    assert_eq!((step(confirm).status, level()), (200, json!("L3")));
    let looked = step(look).json();
    assert_eq!((looked["assurance_level"].clone(), level()), (json!("L4"), json!("L4")));
    assert_eq!(looked["id_number"], "110105********002X");
}

#[test]
fn what_a_register_denies_is_not_confirmed_and_can_be_corrected() {
    let fixture = Fixture::with(generous(), |services| services.real_name = Arc::new(Register));
    fixture.person("zhangsan");
    let session = fixture.session("zhangsan");
    let confirm = |name: &str| {
        let person = json!({"name": name, "id_number": ID_NUMBER});
        assert_eq!(fixture.post("/api/account/real-name", Some(&session), &person).status, 200);
        fixture.call("POST", "/api/account/real-name/confirmation", Some(&session), None).status
    };
    assert_eq!([confirm("李四"), confirm("王五"), confirm("张三")], [403, 503, 200]);
    let other = json!({"name": "李四", "id_number": ID_NUMBER});
    assert_eq!(fixture.post("/api/account/real-name", Some(&session), &other).status, 409);
}

#[test]
fn a_legal_person_is_confirmed_for_their_enterprise() {
    let fixture = Fixture::with(generous(), |services| services.real_name = Arc::new(Register));
    let who = json!({
        "user_kind": "legal_person", "user_name": "boss",
        "enterprise_name": "福建某建设有限公司", "enterprise_code": "91350100M000100Y43",
    });
    let registered = fixture.register(&who, &fixture.phone());
    assert_eq!(
        (registered.status, &registered.json()["enterprise_code"]),
        (201, &json!("91350100M000100Y43"))
    );
    let session = fixture.session("boss");
    let person = json!({"name": "张三", "id_number": ID_NUMBER});
    assert_eq!(fixture.post("/api/account/real-name", Some(&session), &person).status, 200);
    let denied = fixture.call("POST", "/api/account/real-name/confirmation", Some(&session), None);
    assert_eq!(denied.status, 403);
    assert!(denied.body.contains("does not represent"));
}

#[test]
fn an_id_number_belongs_to_one_personal_user() {
    let fixture = Fixture::start();
    let person = json!({"name": "张三", "id_number": ID_NUMBER});
    for (user_name, expected) in [("zhangsan", 200), ("zhangsan2", 409)] {
        fixture.person(user_name);
        let session = fixture.session(user_name);
        assert_eq!(fixture.post("/api/account/real-name", Some(&session), &person).status, expected);
    }
    let session = fixture.session("zhangsan2");
    let wrong = json!({"name": "张三", "id_number": "110105194912310021"});
    let refused = fixture.post("/api/account/real-name", Some(&session), &wrong);
    assert_eq!((refused.status, &refused.json()["field"]), (422, &json!("id_number")));
    assert!(!refused.body.contains("110105194912310021"));
}

#[test]
fn a_name_or_number_that_is_taken_or_a_code_for_another_number_gets_no_account() {
    let fixture = Fixture::start();
    let taken = fixture.person("zhangsan");
    let field = |answer: crate::fixture::Answer| (answer.status, answer.json()["field"].clone());
    let who = |name: &str| json!({"user_kind": "person", "user_name": name});
    assert_eq!(field(fixture.register(&who("ZHANGSAN"), &fixture.phone())), (409, json!("user_name")));
    assert_eq!(field(fixture.register(&who("lisi"), &taken)), (409, json!("phone_number")));
    let with_foreign_code =
        json!({"user_kind": "person", "user_name": "lisi", "phone_number": fixture.phone()});
    assert_eq!(fixture.register(&with_foreign_code, &fixture.phone()).status, 403);
    let short = json!({"user_kind": "person", "user_name": "lisi", "password": "Kürzer1!"});
    assert_eq!(field(fixture.register(&short, &fixture.phone())), (422, json!("password")));
}

#[test]
fn requests_that_do_not_fit_are_answered_by_problem_documents() {
    let fixture = Fixture::start();
    let cases = [
        ("GET", "/api/nothing", None, 404),
        ("GET", "/api/codes", None, 405),
        ("GET", "/api/account", None, 401),
        ("POST", "/api/codes", None, 415),
        ("POST", "/api/codes", Some(json!({"purpose": "register"})), 400),
        ("POST", "/api/sessions", Some(json!({"user_name": "a", "password": "b", "more": 1})), 400),
    ];
    for (method, path, body, status) in cases {
        let answer = fixture.call(method, path, None, body.as_ref());
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], status);
    }
}

#[test]
fn a_session_ends_by_itself_and_by_its_owner() {
    let fixture = Fixture::start();
    fixture.person("zhangsan");
    let session = fixture.session("zhangsan");
    let show = |session: &str| fixture.call("GET", "/api/account", Some(session), None).status;
    assert_eq!(show(&session), 200);
    assert_eq!(fixture.call("DELETE", "/api/sessions/current", Some(&session), None).status, 204);
    assert_eq!(show(&session), 401);
    let session = fixture.session("zhangsan");
    fixture.clock.put_forward(3600);
    assert_eq!(show(&session), 401);
}
