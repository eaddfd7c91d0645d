//! Nobody sees or changes what isn't theirs: every endpoint of the broker's own OpenAPI document, called by everybody.
//!
//! The document's security arrays say who may call, and its schemas what is sent. The things that paths name exist, and are the
//! company's, its legal person's or a member's. Whoever may not gets 401, 403 or 404 for a request that could be carried out;
//! whoever may gets neither 401 nor 403, and reads what is there.

mod example;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use ureq::http::Request;

use yinqiao_phone::AccountClient;
use yinqiao_protocol::dpop::{self, prove};
use yinqiao_tests::{Person, relying_party};

use self::example::Examples;
use crate::conformance::things::{APPLICANT, LEAVER, Things, USURPER};
use crate::stage::{STAFF, Stage};

const OTHER_COMPANY: &str = "91350200MA31ABCD1G";
const OTHER_LEGAL_PERSON: Person = Person {
    subject: "other-legal-person",
    name: "法人丁",
    id_number: "11010119920101001X",
    phone_number: "13800000003",
    level: "L4",
    company: Some(("他方建设有限公司", OTHER_COMPANY)),
};
const OTHER_MEMBER: Person =
    Person { subject: "other-member", name: "员工戊", id_number: "110101199302020022", ..STAFF };

/// What somebody who does not belong to a company may ask of it.
const OF_OUTSIDERS: [(&str, &str); 2] =
    [("POST", "/v1/enterprises/{code}/applications"), ("POST", "/v1/enterprises/{code}/succession")];
/// What one does about one's own place in the company.
const OF_MEMBERS: [&str; 2] = ["/v1/account/memberships/{code}", "/v1/account/memberships/{code}/withdraw"];
/// What there is only at another time of the order that this test names: nothing is to be paid, downloaded or invoiced any more.
const NOT_NOW: [&str; 4] = [
    "/v1/orders/{order}/download-code",
    "/v1/orders/{order}/invoice",
    "/v1/orders/{order}/payment.png",
    "/v1/orders/{order}/payment.svg",
];

/// Who calls.
enum Caller {
    Nobody,
    User(Box<AccountClient>),
    Staff(String),
}

struct Row {
    name: &'static str,
    caller: Caller,
    /// The names in security arrays that fit this caller, for the things of this test.
    roles: &'static [&'static str],
}

struct Operation {
    method: String,
    path: String,
    roles: BTreeSet<String>,
    /// What can be carried out, where something is sent.
    body: Option<Value>,
}

impl Operation {
    fn all(document: &Value, examples: &Examples<'_>) -> Vec<Self> {
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let security = operation["security"].as_array().cloned().unwrap_or_default();
                let schemes = security.iter().flat_map(|entry| entry.as_object().unwrap().values());
                let roles: BTreeSet<_> = schemes
                    .flat_map(|names| names.as_array().unwrap().iter())
                    .map(|role| role.as_str().unwrap().to_owned())
                    .collect();
                if roles.is_empty() {
                    continue;
                }
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                let body = (!schema.is_null()).then(|| examples.of(schema));
                operations.push(Self { method: method.to_uppercase(), path: path.clone(), roles, body });
            }
        }
        operations
    }

    fn may(&self, row: &Row) -> bool {
        let own_place = match row.name {
            "member" | "applicant" | "removed member" => OF_MEMBERS.contains(&self.path.as_str()),
            "who wants to lead the company" => self.method == "DELETE" && self.path.ends_with("/succession"),
            _ => false,
        };
        own_place || self.roles.iter().any(|role| row.roles.contains(&role.as_str()))
    }

    /// Whether everybody who is signed in may ask: it is about nothing of anybody's, or for those who do not belong here yet.
    fn is_for_all(&self) -> bool {
        let names_nothing = !self.path.contains('{') && !self.path.starts_with("/v1/operator/");
        names_nothing || OF_OUTSIDERS.contains(&(self.method.as_str(), self.path.as_str()))
    }
}

/// The path with what exists, and the query that it needs.
fn filled(path: &str, things: &BTreeMap<String, String>) -> String {
    // One word for the states of two things.
    let mut filled = path.replace("seal-application-states/{state}", "seal-application-states/made");
    for (name, value) in things {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    assert!(!filled.contains('{'), "{path} needs something that this test does not know");
    if path.ends_with("/seal-pictures") { filled + "?width_mm=40&height_mm=40" } else { filled }
}

fn call(stage: &Stage, caller: &Caller, method: &str, path: &str, body: &Value) -> u16 {
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
            let proof = prove(key, about, relying_party::now(), &uuid()).unwrap();
            request =
                request.header("Authorization", format!("DPoP {}", token.expose())).header("DPoP", proof);
        }
    }
    let request = request.body(body.to_string().into_bytes()).unwrap();
    agent.run(request).unwrap().status().as_u16()
}

fn uuid() -> String {
    yinqiao_protocol::OrderId::random().to_string()
}

fn rows(stage: &Stage, things: &Things) -> Vec<Row> {
    let user = |name, person: &Person| Row {
        name,
        caller: Caller::User(Box::new(stage.sign_in(person).account)),
        roles: &[],
    };
    let other = stage.sign_in(&OTHER_LEGAL_PERSON).account;
    let other_member = stage.sign_in(&OTHER_MEMBER).account;
    let path = format!("/v1/enterprises/{OTHER_COMPANY}/applications");
    let _: Value = other_member.post(&path, &json!({})).unwrap();
    let joined = format!("{path}/{}/approve", other_member.account().user);
    let _: Value = other.post(&joined, &()).unwrap();
    let staff = |name: &'static str, role, roles| {
        let token = stage.broker.operator(&["staff", "add", name, "--role", role]);
        Row { name, caller: Caller::Staff(token.trim().to_owned()), roles }
    };
    let of_company = |account: &AccountClient| Caller::User(Box::new(account.clone()));
    vec![
        Row { name: "nobody", caller: Caller::Nobody, roles: &[] },
        Row {
            name: "legal person",
            caller: of_company(&things.legal_person.account),
            roles: &["user", "verified", "legal_person"],
        },
        Row { name: "member", caller: of_company(&things.member.account), roles: &["member"] },
        user("unverified", &Person { subject: "low", level: "L2", id_number: "110101199403030035", ..STAFF }),
        user("stranger", &Person { subject: "stranger", id_number: "110101199504040048", ..STAFF }),
        user("applicant", &APPLICANT),
        user("removed member", &LEAVER),
        user("who wants to lead the company", &USURPER),
        Row { name: "another company's legal person", caller: Caller::User(Box::new(other)), roles: &[] },
        Row { name: "another company's member", caller: Caller::User(Box::new(other_member)), roles: &[] },
        staff("operator", "operator", &["operator"]),
        staff("auditor", "auditor", &["auditor"]),
        staff("officer", "security-officer", &["security_officer"]),
    ]
}

/// Calls, and keeps what does not fit.
struct Table<'a> {
    stage: &'a Stage,
    rows: &'a [Row],
    things: &'a BTreeMap<String, String>,
    calls: usize,
    wrong: Vec<String>,
}

impl Table<'_> {
    /// Of everybody who may not, with a request that could be carried out.
    fn refuses(&mut self, operation: &Operation) {
        for row in self.rows.iter().filter(|row| !operation.may(row)) {
            if operation.is_for_all() && !matches!(row.caller, Caller::Nobody | Caller::Staff(_)) {
                continue;
            }
            let body = operation.body.clone().unwrap_or(Value::Null);
            let status = self.call(operation, row, &body);
            // Staff have no token of a phone: what is asked of them first is who they are.
            if !matches!(status, 401 | 403 | 404) {
                self.wrong.push(format!("{} {} as {}: {status}", operation.method, operation.path, row.name));
            }
        }
    }

    /// Of everybody who may: something is there to be read. What would change something is sent so that nobody can read it.
    fn admits(&mut self, operation: &Operation) {
        let mut read = false;
        for row in self.rows.iter().filter(|row| operation.may(row)) {
            let nonsense = json!({ "no": "such member" });
            let status = self.call(operation, row, &nonsense);
            read |= (200..300).contains(&status);
            // What somebody else has to decide is refused with 403, by its state.
            let decides = operation.path.ends_with("/approve") || operation.path.ends_with("/reject");
            if matches!(status, 401 | 500..) || status == 403 && !decides {
                self.wrong.push(format!("{} {} as {}: {status}", operation.method, operation.path, row.name));
            }
        }
        if operation.method == "GET" && !read && !NOT_NOW.contains(&operation.path.as_str()) {
            self.wrong.push(format!("GET {}: nobody who may reads it", operation.path));
        }
    }

    fn call(&mut self, operation: &Operation, row: &Row, body: &Value) -> u16 {
        self.calls += 1;
        call(self.stage, &row.caller, &operation.method, &filled(&operation.path, self.things), body)
    }
}

#[test]
fn every_endpoint_answers_those_whom_its_document_names_and_nobody_else() {
    let stage = Stage::new();
    let made = Things::new(&stage);
    let rows = rows(&stage, &made);
    let mut answer =
        relying_party::agent().get(format!("{}/v1/openapi.json", stage.broker.url())).call().unwrap();
    let document: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    let values = made.all();
    let operations = Operation::all(&document, &Examples { document: &document, values: &values });
    let things = values
        .iter()
        .filter_map(|(place, value)| {
            let name = place.strip_prefix("path.")?;
            Some((name.to_owned(), value.as_str().unwrap().to_owned()))
        })
        .collect();
    let mut table = Table { stage: &stage, rows: &rows, things: &things, calls: 0, wrong: Vec::new() };
    // First those who may not, so that all is still there for those who may; what removes something comes last.
    for operation in &operations {
        table.refuses(operation);
    }
    let (removals, others): (Vec<_>, Vec<_>) =
        operations.iter().partition(|operation| operation.method == "DELETE");
    let (reads, changes): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|operation| operation.method == "GET");
    let company_last = removals.iter().rev();
    for operation in reads.into_iter().chain(changes).chain(company_last.copied()) {
        table.admits(operation);
    }
    assert!(table.calls > 1000, "{}", table.calls);
    assert!(table.wrong.is_empty(), "{} of {}:\n{}", table.wrong.len(), table.calls, table.wrong.join("\n"));
}
