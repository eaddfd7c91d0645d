//! A company's data, and people who work for two companies.

use serde_json::{Value, json};

use yinqiao_tests::Person;
use yinqiao_tests::holder::{pin, problem_of};

use crate::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, User, eventually};

const SECOND_COMPANY: &str = "91350200M000200Y2R";
const SECOND_LEGAL_PERSON: Person = Person {
    subject: "second-legal-person",
    name: "法人丁",
    id_number: "110101199003070011",
    phone_number: "13800000003",
    level: "L4",
    company: Some(("鹭江工程有限公司", SECOND_COMPANY)),
};

#[test]
fn of_two_changes_to_a_companys_data_the_one_that_read_the_older_version_is_refused() {
    let stage = Stage::new();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let path = format!("/v1/enterprises/{COMPANY}");
    let read = legal_person.account.get::<Value>(&path).unwrap();
    let version = read.version.unwrap();
    let mut data = read.value["data"].clone();
    data["address"] = json!("福州市五四路1号");
    let changed = legal_person.account.put::<Value>(&path, &version, &data).unwrap();
    assert_ne!(changed.version.as_ref(), Some(&version));

    data["address"] = json!("福州市五四路2号");
    let stale = legal_person.account.put::<Value>(&path, &version, &data);
    assert_eq!(problem_of(stale), "precondition-failed");
    let now = legal_person.account.get::<Value>(&path).unwrap();
    assert_eq!(now.value["data"]["address"], "福州市五四路1号");
    legal_person.account.put::<Value>(&path, &now.version.unwrap(), &data).unwrap();
}

/// Joins a company and gets a certificate for it.
fn join(legal_person: &User, member: &User, company: &str) {
    let path = format!("/v1/enterprises/{company}/applications");
    let _: Value = member.account.post(&path, &json!({ "department": "投标部" })).unwrap();
    let user = member.account.account().user;
    let _: Value = legal_person.account.post(&format!("{path}/{user}/approve"), &()).unwrap();
    let wanted =
        json!({ "platform": "city", "certificate_authority": "softca", "days": 30, "enterprise": company });
    let ordered: Value = member.account.post("/v1/orders", &wanted).unwrap();
    let order = ordered["order"].as_str().unwrap();
    let _: Value = legal_person.account.post(&format!("/v1/orders/{order}/approve"), &()).unwrap();
    member.account.download(order, &pin()).unwrap();
}

#[test]
fn who_leaves_one_company_keeps_the_certificate_of_the_other() {
    let stage = Stage::new();
    let (first, second) = (stage.sign_in(&LEGAL_PERSON), stage.sign_in(&SECOND_LEGAL_PERSON));
    let member = stage.sign_in(&STAFF);
    join(&first, &member, COMPANY);
    join(&second, &member, SECOND_COMPANY);
    let list = || member.account.get::<Value>("/v1/certificates").unwrap().value["items"].clone();
    assert_eq!(list().as_array().unwrap().len(), 2);

    let user = member.account.account().user;
    first.account.delete(&format!("/v1/enterprises/{COMPANY}/members/{user}")).unwrap();
    eventually("the removal's end", || (list().as_array().unwrap().len() == 1).then_some(()));
    let left = list()[0].clone();
    assert_eq!(left["state"], "active");
    assert_eq!(left["holder"]["enterprise"]["unified_social_credit_code"], SECOND_COMPANY, "{left}");
    let members = |legal_person: &User, company: &str| {
        let path = format!("/v1/enterprises/{company}/members");
        let members: Value = legal_person.account.get(&path).unwrap().value;
        members["items"].as_array().unwrap().iter().filter(|one| one["state"] == "active").count()
    };
    assert_eq!(members(&second, SECOND_COMPANY), members(&first, COMPANY) + 1);
}
