//! What operators find, count, give back and try again.

use std::fs;

use serde_json::{Value, json};

use yinqiao_tests::holder::pin;
use yinqiao_tests::relying_party::agent;

use super::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, User, eventually, order};

const FEE: u64 = 20_000;
/// A reference that would end a field of CSV, and that a spreadsheet would take for a formula.
const FORMULA: &str = "=1,\"wx\"";

/// A company with a member, and who looks at it.
struct Desk {
    stage: Stage,
    legal_person: User,
    member: User,
    operator: String,
    auditor: String,
}

impl Desk {
    fn new() -> Self {
        let stage = Stage::new();
        let legal_person = stage.sign_in(&LEGAL_PERSON);
        let member = stage.member(&legal_person);
        let token =
            |name, role| stage.broker.operator(&["staff", "add", name, "--role", role]).trim().to_owned();
        let (operator, auditor) = (token("lin", "operator"), token("wu", "auditor"));
        Self { stage, legal_person, member, operator, auditor }
    }

    fn get(&self, path: &str) -> Value {
        self.stage.get_as_staff(&self.operator, path)
    }

    /// The same without an Idempotency-Key.
    fn search(&self, token: &str, what: &Value) -> (u16, Value) {
        let request = agent().post(format!("{}/v1/operator/search", self.stage.broker.url()));
        let request = request.header("Authorization", format!("Bearer {token}"));
        let body = what.to_string();
        let mut response = request.content_type("application/json").send(body.as_bytes()).unwrap();
        let answer = serde_json::from_slice(&response.body_mut().read_to_vec().unwrap());
        (response.status().as_u16(), answer.unwrap())
    }

    /// The names of all persons, companies and orders found.
    fn found(&self, what: &Value) -> [Vec<String>; 3] {
        let (status, answer) = self.search(&self.operator, what);
        assert_eq!(status, 200, "{answer}");
        [("users", "user"), ("enterprises", "code"), ("orders", "order")].map(|(list, name)| {
            let items = answer[list].as_array().unwrap().iter();
            items.map(|item| item[name].as_str().unwrap().to_owned()).collect()
        })
    }

    /// An order that waits for its payment, and the payment.
    fn order_to_pay(&self) -> (String, String) {
        let ordered: Value = self.member.account.post("/v1/orders", &order(365)).unwrap();
        let id = ordered["order"].as_str().unwrap().to_owned();
        let path = format!("/v1/orders/{id}/approve");
        let approved: Value = self.legal_person.account.post(&path, &()).unwrap();
        (id, approved["payment"]["payment"].as_str().unwrap().to_owned())
    }

    /// The CA loses its disk, or gets it back.
    fn set_down(&self, down: bool) {
        let (there, away) = (self.stage.broker.software_ca(), self.stage.broker.data().join("away"));
        let (from, to) = if down { (there, away) } else { (away, there) };
        fs::rename(from, to).unwrap();
    }

    fn csv(&self) -> String {
        let request = agent().get(format!("{}/v1/operator/orders.csv", self.stage.broker.url()));
        let request = request.header("Authorization", format!("Bearer {}", self.operator));
        let mut response = request.call().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
        response.body_mut().read_to_string().unwrap()
    }
}

#[test]
fn persons_companies_and_orders_are_found_by_what_people_can_name() {
    let desk = Desk::new();
    let (order, payment) = desk.order_to_pay();
    assert_eq!(desk.stage.pay(&payment, "wx-1", FEE), 200);
    let ids = [&desk.member, &desk.legal_person].map(|user| user.account.account().user.to_string());
    let [member, legal_person] = ids;
    let person = |id: &str| [vec![id.to_owned()], vec![], vec![]];
    let company = || [vec![], vec![COMPANY.to_owned()], vec![]];
    let ordered = || [vec![], vec![], vec![order.clone()]];
    let nothing = || [vec![], vec![], vec![]];

    for (what, expected) in [
        (json!({ "id_number": STAFF.id_number }), person(&member)),
        (json!({ "id_number": "110101199003070011" }), nothing()),
        (json!({ "phone_number": LEGAL_PERSON.phone_number }), person(&legal_person)),
        (json!({ "phone_number": "13800000009" }), nothing()),
        (json!({ "name": "员工乙" }), person(&member)),
        (json!({ "name": "法" }), person(&legal_person)),
        (json!({ "name": "工乙" }), nothing()),
        (json!({ "enterprise_name": "闽江建设" }), company()),
        (json!({ "enterprise_name": "闽江 建设有限公司" }), company()),
        (json!({ "enterprise_name": "建设" }), nothing()),
        (json!({ "payment": payment }), ordered()),
        (json!({ "payment_reference": "wx-1" }), ordered()),
        (json!({ "payment_reference": "wx" }), nothing()),
    ] {
        assert_eq!(desk.found(&what), expected, "{what}");
    }
    for wrong in [
        json!({}),
        json!({ "name": "员工乙", "payment": payment }),
        json!({ "name": " " }),
        json!({ "id_number": "1" }),
    ] {
        assert_eq!(desk.search(&desk.operator, &wrong).0, 422, "{wrong}");
    }
    let (_, shown) = desk.search(&desk.operator, &json!({ "id_number": STAFF.id_number }));
    assert!(!shown.to_string().contains(STAFF.id_number), "{shown}");
    assert_eq!(desk.search(&desk.auditor, &json!({ "name": "法" })).0, 200);
    let officer = desk.stage.broker.operator(&["staff", "add", "he", "--role", "security-officer"]);
    assert_eq!(desk.search(officer.trim(), &json!({ "name": "法" })).0, 403);
}

#[test]
fn a_search_by_a_persons_number_is_noted_without_the_number() {
    let desk = Desk::new();
    assert_eq!(desk.search(&desk.operator, &json!({ "id_number": STAFF.id_number })).0, 200);
    assert_eq!(desk.search(&desk.operator, &json!({ "phone_number": STAFF.phone_number })).0, 200);
    assert_eq!(desk.search(&desk.operator, &json!({ "name": STAFF.name })).0, 200);
    let notes = desk.stage.get_as_staff(&desk.auditor, "/v1/operator/audit?limit=200");
    let searches = notes["items"].as_array().unwrap().iter();
    let searches: Vec<_> = searches.filter(|note| note["action"] == "user.search").collect();
    let by: Vec<_> =
        searches.iter().map(|note| (&note["details"]["by"], &note["details"]["found"])).collect();
    assert_eq!(by, [(&json!("phone_number"), &json!("1")), (&json!("id_number"), &json!("1"))]);
    assert!(searches.iter().all(|note| note["by"] == note["subject"]), "{searches:?}");
    let notes = notes.to_string();
    assert!(!notes.contains(STAFF.id_number) && !notes.contains(STAFF.phone_number));
}

#[test]
fn what_has_to_be_given_back_is_listed_until_it_is_given_back_whole() {
    let desk = Desk::new();
    let ((first, one), (second, other)) = (desk.order_to_pay(), desk.order_to_pay());
    let refunds = || desk.get("/v1/operator/refunds");
    // Paid twice, and paid when it was not wanted any more.
    for (payment, reference) in [(&one, "wx-1"), (&one, "wx-2")] {
        assert_eq!(desk.stage.pay(payment, reference, FEE), 200);
    }
    let _: Value = desk.member.account.post(&format!("/v1/orders/{second}/cancel"), &()).unwrap();
    assert_eq!(refunds()["items"].as_array().unwrap().len(), 1);
    assert_eq!(desk.stage.pay(&other, FORMULA, FEE), 200);

    let due = refunds();
    let shown: Vec<_> = due["items"].as_array().unwrap().iter().collect();
    assert_eq!((&shown[0]["order"]["order"], &shown[1]["order"]["order"]), (&json!(first), &json!(second)));
    assert_eq!((&shown[0]["references"], &shown[0]["total_fen"]), (&json!(["wx-2"]), &json!(FEE)));
    assert_eq!(shown[1]["references"], json!([FORMULA]));
    let page = desk.get("/v1/operator/refunds?limit=1");
    let next = format!("/v1/operator/refunds?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(desk.get(&next)["items"], json!([shown[1]]));
    let figures = desk.get("/v1/operator/statistics");
    assert_eq!((&figures["refunds_due"], &figures["paid_fen"]), (&json!(2), &json!(FEE)));
    let csv = desk.csv();
    assert!(csv.contains(",refund_due,\"'=1,\"\"wx\"\"\",\"'=1,\"\"wx\"\"\"\r\n"), "{csv}");
    assert!(csv.contains(",paid,wx-1,wx-2\r\n"), "{csv}");

    // A part of it is not what is due, whoever says so.
    let word = |amount: u64| json!({ "event": "refunded", "payment": one, "reference": "wx-2", "amount_fen": amount });
    assert_eq!(desk.stage.say(&word(FEE - 1)), 422);
    let confirm = |amount: u64| {
        let path = format!("/v1/operator/orders/{second}/confirm-refund");
        let body = json!({ "reference": FORMULA, "amount_fen": amount });
        desk.stage.try_as_staff(&desk.operator, &path, &body).0
    };
    assert_eq!(confirm(1), 422);
    assert_eq!(refunds(), due);
    for order in [&first, &second] {
        let notes = desk.stage.get_as_staff(&desk.auditor, &format!("/v1/operator/audit/order/{order}"));
        assert!(notes["items"].as_array().unwrap().iter().any(|note| note["action"] == "payment.refuse"));
    }
    assert_eq!((desk.stage.say(&word(FEE)), confirm(FEE), confirm(FEE)), (200, 200, 200));
    assert_eq!(refunds()["items"], json!([]));
    assert_eq!(desk.get("/v1/operator/statistics")["refunds_due"], 0);
    let csv = desk.csv();
    assert!(csv.contains(",refunded,\"'=1,\"\"wx\"\"\",\r\n") && csv.contains(",paid,wx-1,\r\n"), "{csv}");
    assert!(csv.starts_with("order,state,applied_at,"), "{csv}");
    assert_eq!(csv.lines().count(), 3);
    let (_, found) = desk.search(&desk.operator, &json!({ "payment_reference": "wx-2" }));
    assert_eq!(found["orders"][0]["order"], json!(first));
}

#[test]
fn a_removal_and_its_jobs_that_wait_for_a_ca_are_tried_again_when_an_operator_says_so() {
    let desk = Desk::new();
    let (order, payment) = desk.order_to_pay();
    assert_eq!(desk.stage.pay(&payment, "wx-1", FEE), 200);
    desk.member.account.download(&order, &pin()).unwrap();
    let figures = desk.get("/v1/operator/statistics");
    assert_eq!((&figures["certificates"], &figures["removals_open"]), (&json!({ "active": 1 }), &json!(0)));
    assert_eq!(figures["orders"], json!({ "issued": 1 }));
    assert_eq!((&figures["users"], &figures["enterprises"]), (&json!(2), &json!(1)));
    assert_eq!((&figures["seal_applications"], &figures["recoveries_open"]), (&json!({}), &json!(0)));

    desk.set_down(true);
    let user = desk.member.account.account().user;
    let removal =
        desk.legal_person.account.delete(&format!("/v1/enterprises/{COMPANY}/members/{user}")).unwrap();
    let removal = format!("/v1/operator/removals/{}", removal["cascade"].as_str().unwrap());
    let failed = eventually("an attempt that fails", || {
        let jobs = desk.get("/v1/operator/jobs?limit=200");
        let mut jobs = jobs["items"].as_array().unwrap().iter();
        jobs.find(|job| job["attempts"].as_u64() > Some(0)).cloned()
    });
    let mut names = Vec::new();
    let mut path = "/v1/operator/jobs?limit=1".to_owned();
    loop {
        let page = desk.get(&path);
        names.extend(page["items"].as_array().unwrap().iter().map(|job| job["job"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/operator/jobs?limit=1&cursor={next}");
    }
    assert_eq!(names.iter().filter(|name| **name == failed["job"]).count(), 1, "{names:?}");
    let figures = desk.get("/v1/operator/statistics");
    assert_eq!((&figures["certificates"], &figures["removals_open"]), (&json!({ "revoked": 1 }), &json!(1)));
    assert!(figures["jobs"].as_object().unwrap().values().all(|count| count.as_u64() > Some(0)));

    let retry = format!("/v1/operator/jobs/{}/retry", failed["job"].as_str().unwrap());
    let retried = desk.stage.post_as_staff(&desk.operator, &retry, &Value::Null);
    assert_eq!(retried["job"], failed["job"]);
    let nowhere = "/v1/operator/jobs/refund/00000000-0000-4000-8000-000000000000/retry";
    assert_eq!(desk.stage.try_as_staff(&desk.operator, nowhere, &Value::Null).0, 404);
    assert_eq!(desk.stage.try_as_staff(&desk.auditor, &retry, &Value::Null).0, 403);

    desk.set_down(false);
    let path = format!("{removal}/retry");
    assert_eq!(desk.stage.try_as_staff(&desk.auditor, &path, &Value::Null).0, 403);
    let tried = desk.stage.try_as_staff(&desk.operator, &path, &Value::Null);
    assert!([200, 409].contains(&tried.0), "it may have ended in between: {tried:?}");
    eventually("the removal's end", || (!desk.get(&removal)["finished_at"].is_null()).then_some(()));
    assert_eq!(desk.stage.try_as_staff(&desk.operator, &path, &Value::Null).0, 409);
    assert_eq!(desk.get("/v1/operator/statistics")["removals_open"], 0);
}
