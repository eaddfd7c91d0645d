//! What the users' manual describes, in its order.

use serde_json::{Value, json};

use yinqiao_protocol::Purpose;
use yinqiao_protocol::event::{Happening, SessionState};
use yinqiao_tests::broker::red_square;
use yinqiao_tests::holder::{pin, problem_of};
use yinqiao_tests::{Holder, Person, tasks};

use crate::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, User, eventually, order};
use crate::visitor::{STEPS, Visitor};

fn state(value: &Value) -> &str {
    value["state"].as_str().unwrap()
}

#[test]
fn a_company_goes_through_the_whole_manual() {
    let (stage, officer) = Stage::embedded_with_reviewed_seals();
    let visitor = Visitor::new(&stage.broker.url());
    // Register and verify: below level L4 nobody gets further.
    let (legal_person, staff) = (Holder::new(), Holder::new());
    visitor.register("faren", LEGAL_PERSON.phone_number, LEGAL_PERSON.company);
    visitor.register("yuangong", STAFF.phone_number, None);
    let at_provider = ["faren", "yuangong"].map(|name| visitor.by_password(name));
    visitor.reach(&at_provider[1], 2, &json!({ "name": STAFF.name, "id_number": STAFF.id_number }));
    let low = visitor.sign_in(&staff, &at_provider[1]);
    assert_eq!(low.account().missing_levels, ["L3", "L4"]);
    assert_eq!(problem_of(low.get::<Value>("/v1/offers")), "assurance-too-low");
    let verified = |holder: Holder, session: &str, person: &Person, from: usize| {
        let details = json!({ "name": person.name, "id_number": person.id_number });
        for step in &STEPS[from..] {
            visitor.post(step, session, &details);
        }
        let account = visitor.sign_in(&holder, session);
        User { holder, account }
    };
    let legal_person = verified(legal_person, &at_provider[0], &LEGAL_PERSON, 0);
    let staff = verified(staff, &at_provider[1], &STAFF, 1);
    let company: Value = legal_person.account.get(&format!("/v1/enterprises/{COMPANY}")).unwrap().value;
    assert_eq!((state(&company), company["data"]["name"].as_str()), ("active", Some("闽江建设有限公司")));

    // Join, approve.
    let refused = staff.account.post::<Value>("/v1/orders", &order(365));
    assert_eq!(problem_of(refused), "not-allowed");
    let joining = format!("/v1/enterprises/{COMPANY}/applications");
    let applied: Value = staff.account.post(&joining, &json!({ "department": "投标部" })).unwrap();
    assert_eq!(state(&applied), "applied");
    let waiting: Value = legal_person.account.get(&joining).unwrap().value;
    let person = &waiting["items"][0];
    assert_eq!(person["masked_id_number"], "440524********0014");
    let user = person["user"].as_str().unwrap();
    let joined: Value = legal_person.account.post(&format!("{joining}/{user}/approve"), &()).unwrap();
    assert_eq!(state(&joined), "active");

    // Order, approve, pay.
    let ordered: Value = staff.account.post("/v1/orders", &order(365)).unwrap();
    assert_eq!((state(&ordered), ordered["amount_fen"].as_u64()), ("applied", Some(20_000)));
    let path = format!("/v1/orders/{}", ordered["order"].as_str().unwrap());
    let approved: Value = legal_person.account.post(&format!("{path}/approve"), &()).unwrap();
    assert_eq!(state(&approved), "awaiting_payment");
    let payment = approved["payment"]["payment"].as_str().unwrap();
    assert!(staff.account.get_bytes(&format!("{path}/payment.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(stage.pay(payment, "wx-1", 1), 422);
    assert_eq!(stage.pay(payment, "wx-1", 20_000), 200);
    assert_eq!(stage.pay(payment, "wx-1", 20_000), 200);
    let paid: Value = staff.account.get(&path).unwrap().value;
    assert_eq!(state(&paid), "paid");

    // Download, invoice.
    let order_id = ordered["order"].as_str().unwrap();
    staff.account.download(order_id, &pin()).unwrap();
    assert_eq!(problem_of(staff.account.download(order_id, &pin())), "enrolment-code");
    let issued: Value = staff.account.get(&path).unwrap().value;
    assert_eq!(state(&issued), "issued");
    let certificates: Value = staff.account.get("/v1/certificates").unwrap().value;
    assert_eq!(certificates["items"].as_array().unwrap().len(), 1);
    let invoice = json!({ "title": "闽江建设有限公司", "tax_number": COMPANY, "mail": "caiwu@example.cn" });
    let _: Value = staff.account.post(&format!("{path}/invoice"), &invoice).unwrap();
    eventually("the invoice", || {
        let order: Value = staff.account.get(&path).unwrap().value;
        (order["invoice"]["state"] == "issued").then_some(())
    });
    let receipt = staff.account.get_bytes(&format!("{path}/invoice")).unwrap();
    assert!(String::from_utf8(receipt).unwrap().contains("caiwu@example.cn"));

    // Log in by scan.
    let platform = stage.broker.relying_party("fuzhou");
    let opened = platform.open(tasks::login());
    let mut page = platform.watch(&opened);
    let code = page.code();
    assert_eq!(staff.holder.answer(&code).state, SessionState::Completed);
    let completed = page.events_until(|happening| matches!(happening, Happening::Completed { .. })).pop();
    let Happening::Completed { result, .. } = completed.unwrap().happening else { unreachable!() };
    let outcome = *result.unwrap();
    stage.broker.trust().verify_outcome(&outcome);
    assert_eq!((outcome.purpose, outcome.holder.name.as_str()), (Purpose::Login, "员工乙"));

    // The legal person removes the member: the certificate is revoked and deleted.
    let removal = legal_person.account.delete(&format!("/v1/enterprises/{COMPANY}/members/{user}")).unwrap();
    let removal = format!("/v1/enterprises/{COMPANY}/removals/{}", removal["cascade"].as_str().unwrap());
    eventually("the removal's end", || {
        let removal: Value = legal_person.account.get(&removal).unwrap().value;
        (!removal["finished_at"].is_null()).then_some(())
    });
    let certificates: Value = staff.account.get("/v1/certificates").unwrap().value;
    assert_eq!(certificates["items"], json!([]));

    // The legal person uploads a picture and applies for a seal, the CA's officer reviews it, and it is used by scan.
    let file = format!("/v1/enterprises/{COMPANY}/seal-pictures?width_mm=40&height_mm=40");
    let picture: Value = legal_person.account.post_file(&file, "image/png", &red_square()).unwrap();
    let ordered: Value = legal_person.account.post("/v1/orders", &order(365)).unwrap();
    legal_person.account.download(ordered["order"].as_str().unwrap(), &pin()).unwrap();
    let wanted = json!({ "kind": "official", "name": "闽江建设有限公司公章", "picture": picture["picture"] });
    let applications = format!("/v1/enterprises/{COMPANY}/seal-applications");
    let applied: Value = legal_person.account.post(&applications, &wanted).unwrap();
    assert_eq!(state(&applied), "under_review");
    eventually("the officer's turn", || (!officer.waiting().is_empty()).then_some(()));
    officer.decide(&["approve"]);
    let application = format!("{applications}/{}", applied["application"].as_str().unwrap());
    eventually("the seal", || {
        let now: Value = legal_person.account.get(&application).unwrap().value;
        (state(&now) == "made").then_some(())
    });
    let opened = platform.open(tasks::seal(1));
    assert_eq!(legal_person.holder.answer(&opened.code).state, SessionState::Completed);
    let outcome = *platform.view(&opened.session).result.unwrap();
    stage.broker.trust().verify_outcome(&outcome);
    assert_eq!((outcome.purpose, outcome.holder.name.as_str()), (Purpose::Seal, "法人甲"));

    // The company is deleted, and with it its seal.
    let deletion = legal_person.account.delete(&format!("/v1/enterprises/{COMPANY}")).unwrap();
    assert_eq!(deletion["kind"], "delete_enterprise");
    eventually("the company's end", || {
        let company: Value = legal_person.account.get(&format!("/v1/enterprises/{COMPANY}")).unwrap().value;
        (state(&company) == "deleted").then_some(())
    });
    let refused = staff.account.post::<Value>(&joining, &json!({}));
    assert_eq!(problem_of(refused), "not-found");
    let seals: Value = legal_person.account.get(&format!("/v1/enterprises/{COMPANY}/seals")).unwrap().value;
    assert_eq!((state(&seals["items"][0]), stage.seals_of_ca()), ("revoked", (1, 1)));
}
