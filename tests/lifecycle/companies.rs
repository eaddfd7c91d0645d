//! A company's data, and one person in two companies.

use serde_json::{Value, json};

use yinqiao_tests::Person;
use yinqiao_tests::holder::{pin, problem_of};

use crate::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, eventually};

const OTHER_COMPANY: &str = "91350200MA31ABCD1G";
const OTHER_LEGAL_PERSON: Person = Person {
    subject: "other",
    name: "法人丁",
    id_number: "11010119920101001X",
    phone_number: "13800000003",
    level: "L4",
    company: Some(("他方建设有限公司", OTHER_COMPANY)),
};

#[test]
fn of_two_who_edit_a_companys_data_the_second_one_is_told() {
    let stage = Stage::new();
    let account = stage.sign_in(&LEGAL_PERSON).account;
    let path = format!("/v1/enterprises/{COMPANY}");
    let read = account.get::<Value>(&path).unwrap();
    let version = read.version.unwrap();
    let data = |address: &str| json!({ "name": "闽江建设有限公司", "address": address, "contact": "" });
    let changed = account.put::<Value>(&path, &version, &data("福州市")).unwrap();
    assert_eq!(changed.value["data"]["address"], "福州市");
    assert_eq!(problem_of(account.put::<Value>(&path, &version, &data("厦门市"))), "precondition-failed");
    account.put::<Value>(&path, &changed.version.unwrap(), &data("厦门市")).unwrap();
    assert_eq!(account.get::<Value>(&path).unwrap().value["data"]["address"], "厦门市");
}

#[test]
fn a_person_in_two_companies_has_a_certificate_for_each_and_keeps_one_when_the_other_ends() {
    let stage = Stage::new();
    let chiefs = [stage.sign_in(&LEGAL_PERSON), stage.sign_in(&OTHER_LEGAL_PERSON)];
    let person = stage.sign_in(&STAFF);
    let user = person.account.account().user;
    // One is let in, the other adds by name and ID number whoever has applied.
    for (code, chief) in [COMPANY, OTHER_COMPANY].into_iter().zip(&chiefs) {
        let company = format!("/v1/enterprises/{code}");
        let _: Value = person.account.post(&format!("{company}/applications"), &json!({})).unwrap();
        if code == COMPANY {
            let _: Value =
                chief.account.post(&format!("{company}/applications/{user}/approve"), &()).unwrap();
        } else {
            let wrong = json!({ "name": "员工甲", "id_number": STAFF.id_number });
            assert!(chief.account.post::<Value>(&format!("{company}/members"), &wrong).is_err());
            let named = json!({ "name": STAFF.name, "id_number": STAFF.id_number });
            let added: Value = chief.account.post(&format!("{company}/members"), &named).unwrap();
            assert_eq!(
                (&added["state"], &added["masked_id_number"]),
                (&"active".into(), &"440524********0014".into())
            );
        }
        let wish = json!({
            "platform": "city", "certificate_authority": "softca", "days": 30, "enterprise": code,
        });
        let ordered: Value = person.account.post("/v1/orders", &wish).unwrap();
        let order = ordered["order"].as_str().unwrap();
        let _: Value = chief.account.post(&format!("/v1/orders/{order}/approve"), &()).unwrap();
        person.account.download(order, &pin()).unwrap();
    }
    let companies = || {
        let list: Value = person.account.get("/v1/certificates").unwrap().value;
        let items = list["items"].as_array().unwrap().clone();
        let code = |item: &Value| {
            item["holder"]["enterprise"]["unified_social_credit_code"].as_str().unwrap().to_owned()
        };
        let mut codes: Vec<_> = items.iter().filter(|item| item["state"] == "active").map(code).collect();
        codes.sort();
        codes
    };
    assert_eq!(companies(), [COMPANY, OTHER_COMPANY]);
    chiefs[0].account.delete(&format!("/v1/enterprises/{COMPANY}/members/{user}")).unwrap();
    eventually("the removal", || (companies() == [OTHER_COMPANY]).then_some(()));
}
