//! Nobody sees or changes what isn't theirs: every endpoint of the broker's own OpenAPI document, called by everybody.
//!
//! The document's security arrays say who may call. Whoever may not gets 401, 403 or 404 and nothing else; whoever may gets
//! neither 401 nor 403. Bodies are such that whoever may changes nothing: they are refused for another reason, or ask for what
//! is so already.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use ureq::http::Request;

use yinqiao_phone::AccountClient;
use yinqiao_protocol::Timestamp;
use yinqiao_protocol::dpop::{self, prove};
use yinqiao_tests::Person;
use yinqiao_tests::holder::pin;

use crate::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, User, order};

const OTHER_COMPANY: &str = "91350200MA31ABCD1G";

const OTHER_LEGAL_PERSON: Person = Person {
    subject: "other-legal-person",
    name: "法人丙",
    id_number: "110101199003070011",
    phone_number: "13800000003",
    level: "L4",
    company: Some(("他方建设有限公司", "91350100M000100Y43")),
};

/// What somebody who does not belong to a company may ask of it.
const OF_OUTSIDERS: [&str; 2] = ["/v1/enterprises/{code}/applications", "/v1/enterprises/{code}/succession"];

/// Who calls.
enum Caller<'a> {
    Nobody,
    User(&'a AccountClient),
    Staff(String),
}

struct Row<'a> {
    name: &'static str,
    caller: Caller<'a>,
    /// The names in security arrays that fit this caller, for the things of this test.
    roles: &'static [&'static str],
}

struct Operation {
    method: String,
    path: String,
    roles: BTreeSet<String>,
    public: bool,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"].as_array().cloned().unwrap_or_default();
            let schemes = security.iter().flat_map(|entry| entry.as_object().unwrap().values());
            let roles = schemes.flat_map(|names| names.as_array().unwrap().iter());
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                roles: roles.map(|role| role.as_str().unwrap().to_owned()).collect(),
                public: security.is_empty(),
            });
        }
    }
    operations
}

/// The path with what exists in the company, and a body that changes nothing.
fn filled(path: &str, things: &Value) -> String {
    let mut path = path.to_owned();
    for (name, value) in things.as_object().unwrap() {
        path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap());
    }
    assert!(!path.contains('{'), "{path} needs something that this test does not know");
    path
}

fn call(stage: &Stage, caller: &Caller<'_>, method: &str, path: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}{path}", stage.broker.url());
    let mut request = Request::builder()
        .method(method)
        .uri(&url)
        .header("Idempotency-Key", uuid())
        .header("If-Match", "\"999999\"")
        .header("Content-Type", "application/json");
    match caller {
        Caller::Nobody => {}
        Caller::Staff(token) => request = request.header("Authorization", format!("Bearer {token}")),
        Caller::User(account) => {
            let token = &account.session().access_token;
            let plain = url.split('?').next().unwrap();
            let about = dpop::Request { method, url: plain, access_token: Some(token) };
            let key = account.phone().store().device_key();
            let proof = prove(key, about, now(), &uuid()).unwrap();
            request =
                request.header("Authorization", format!("DPoP {}", token.expose())).header("DPoP", proof);
        }
    }
    // Not the JSON that any endpoint expects: who may call is told so, and nothing changes.
    let request = request.body(&b"{\"no\":\"such member\"}"[..]).unwrap();
    agent.run(request).unwrap().status().as_u16()
}

fn now() -> Timestamp {
    yinqiao_tests::relying_party::now()
}

fn uuid() -> String {
    yinqiao_protocol::OrderId::random().to_string()
}

fn token(stage: &Stage, name: &str, role: &str) -> String {
    stage.broker.operator(&["staff", "add", name, "--role", role]).trim().to_owned()
}

/// A company with a member, an issued certificate, an order and a removal, and the names of all that.
fn things(stage: &Stage, legal_person: &User, staff: &User) -> Value {
    let ordered: Value = legal_person.account.post("/v1/orders", &order(365)).unwrap();
    let order_id = ordered["order"].as_str().unwrap().to_owned();
    legal_person.account.download(&order_id, &pin()).unwrap();
    let certificates: Value = legal_person.account.get("/v1/certificates").unwrap().value;
    let certificate = &certificates["items"][0];
    let members: Value =
        legal_person.account.get(&format!("/v1/enterprises/{COMPANY}/members")).unwrap().value;
    let leaver = stage.sign_in(&Person { subject: "leaver", id_number: "310101198001010018", ..STAFF });
    let path = format!("/v1/enterprises/{COMPANY}/applications");
    let _: Value = leaver.account.post(&path, &json!({})).unwrap();
    let user = leaver.account.account().user;
    let _: Value = legal_person.account.post(&format!("{path}/{user}/approve"), &()).unwrap();
    let removal = legal_person.account.delete(&format!("/v1/enterprises/{COMPANY}/members/{user}")).unwrap();
    json!({
        "code": COMPANY,
        "user": staff.account.account().user,
        "order": order_id,
        "certificate": certificate["certificate_sm3"],
        "cascade": removal["cascade"],
        "session": uuid(),
        "recovery": uuid(),
        "state": "issued",
        "serial": "0123456789",
        "operator": uuid(),
        "kind": "order",
        "subject": order_id,
        "seal": uuid(),
        "application": uuid(),
        "picture": "0".repeat(64),
        "members": members["items"][0]["user"],
    })
}

#[test]
fn every_endpoint_answers_those_whom_its_document_names_and_nobody_else() {
    let stage = Stage::new();
    let legal_person = stage.sign_in(&LEGAL_PERSON);
    let staff = stage.member(&legal_person);
    let unverified = stage.sign_in(&Person { subject: "low", level: "L2", ..STAFF });
    let stranger = stage.sign_in(&Person { subject: "stranger", id_number: "320106198203040024", ..STAFF });
    let other = stage
        .sign_in(&Person {
            company: Some(("他方建设有限公司", OTHER_COMPANY)), ..OTHER_LEGAL_PERSON
        });
    let usurper = stage.sign_in(&Person { subject: "usurper", ..OTHER_LEGAL_PERSON });
    let things = things(&stage, &legal_person, &staff);
    let rows = [
        Row { name: "nobody", caller: Caller::Nobody, roles: &[] },
        Row {
            name: "legal person",
            caller: Caller::User(&legal_person.account),
            roles: &["user", "verified", "legal_person"],
        },
        Row { name: "member", caller: Caller::User(&staff.account), roles: &["member"] },
        Row { name: "unverified", caller: Caller::User(&unverified.account), roles: &[] },
        Row { name: "stranger", caller: Caller::User(&stranger.account), roles: &[] },
        Row { name: "other company", caller: Caller::User(&other.account), roles: &[] },
        Row { name: "usurper", caller: Caller::User(&usurper.account), roles: &[] },
        Row {
            name: "operator",
            caller: Caller::Staff(token(&stage, "operator", "operator")),
            roles: &["operator"],
        },
        Row {
            name: "auditor",
            caller: Caller::Staff(token(&stage, "auditor", "auditor")),
            roles: &["auditor"],
        },
        Row {
            name: "security officer",
            caller: Caller::Staff(token(&stage, "officer", "security-officer")),
            roles: &["security_officer"],
        },
    ];
    let document: Value = serde_json::from_str(
        yinqiao_tests::relying_party::agent()
            .get(format!("{}/v1/openapi.json", stage.broker.url()))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap()
            .as_str(),
    )
    .unwrap();
    let mut wrong = Vec::new();
    let mut calls = 0;
    for operation in operations(&document).iter().filter(|operation| !operation.public) {
        let path = filled(&operation.path, &things);
        // Things that are whoever calls' own have no owner in the path.
        let of_company = operation.path.contains('{');
        let is_staffs = operation.path.starts_with("/v1/operator/");
        // One's own memberships, and what somebody from outside may ask a company for.
        let is_own =
            operation.path.starts_with("/v1/account/") || OF_OUTSIDERS.contains(&operation.path.as_str());
        for row in &rows {
            let named = operation.roles.iter().any(|role| row.roles.contains(&role.as_str()));
            if named && operation.method == "DELETE" {
                // It would be done: the manual's test does it.
                continue;
            }
            let status = call(&stage, &row.caller, &operation.method, &path);
            calls += 1;
            let decides = path.ends_with("/approve") || path.ends_with("/reject");
            let fits = if named {
                // What is not there may be answered so; 401 would be wrong, and 403 but for an order that is somebody else's to
                // decide.
                !matches!(status, 401 | 500..) && (status != 403 || decides)
            } else if is_own {
                status < 500
            } else if of_company || is_staffs {
                // A request that cannot be read is refused before it is looked at whose it is.
                matches!(status, 400 | 401 | 403 | 404)
            } else {
                status < 500
            };
            if !fits {
                wrong.push(format!("{} {path} as {}: {status}", operation.method, row.name));
            }
        }
    }
    assert!(calls > 500, "{calls}");
    assert!(wrong.is_empty(), "{} of {calls}:\n{}", wrong.len(), wrong.join("\n"));
}
