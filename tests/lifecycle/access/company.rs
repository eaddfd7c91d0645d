//! A company with everything that can be asked about, and those around it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use yinqiao_tests::Person;
use yinqiao_tests::holder::pin;

use super::document::Operation;
use crate::conformance::things::Things;
use crate::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, User, eventually};

const OTHER_COMPANY: &str = "91350200MA31ABCD1G";

/// Led the company before its legal person.
const FORMER: Person =
    Person { subject: "former", name: "法人丁", id_number: "110101199003070054", ..LEGAL_PERSON };
const OTHER_LEGAL_PERSON: Person = Person {
    subject: "other-legal-person",
    name: "法人戊",
    id_number: "110101199003070011",
    phone_number: "13800000003",
    level: "L4",
    company: Some(("他方建设有限公司", OTHER_COMPANY)),
};
const STRANGER: Person = Person { subject: "stranger", id_number: "110101199003070097", ..STAFF };

/// Who calls, by what this person is to the company.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    Nobody,
    LegalPerson,
    Member,
    Applicant,
    Usurper,
    Leaver,
    Former,
    OtherLegalPerson,
    OtherMember,
    Stranger,
    /// Not known well enough to the identity provider.
    Unverified,
    Operator,
    Auditor,
    SecurityOfficer,
    /// Was an operator.
    Disabled,
}

/// What there is, and whose it is.
pub struct Set {
    pub owner: Caller,
    things: BTreeMap<&'static str, String>,
}

impl Set {
    /// The path of a request about these things; nothing where they are not what it is about.
    pub fn path(&self, operation: &Operation) -> Option<String> {
        let mut things = self.things.clone();
        let of = |part: &str| operation.path.contains(part);
        let user = [("/applications/", "applicant"), ("/succession/", "usurper")];
        if let Some(user) =
            user.iter().find(|(part, _)| of(part)).and_then(|(_, name)| things.get(name).cloned())
        {
            things.insert("user", user);
        }
        if of("/seal-application-states/") {
            things.insert("state", "made".to_owned());
        }
        operation.path_with(&things)
    }
}

/// The company.
pub struct Company {
    pub users: Vec<(Caller, User)>,
    pub staff: Vec<(Caller, String)>,
    pub things: Things,
    /// The legal person's things come first.
    pub sets: [Set; 3],
}

impl Company {
    pub fn new(stage: &Stage) -> Self {
        let former = succeeded(stage);
        let things = Things::new(stage);
        let (order, certificate) = issue(stage, &things);
        let sign_in = |caller, person: Person| (caller, stage.sign_in(&person));
        let other = stage.sign_in(&OTHER_LEGAL_PERSON);
        let employed = Person { subject: "other-member", id_number: "110101199003070070", ..STAFF };
        let (_, other_member) = sign_in(Caller::OtherMember, employed);
        join(&other, &other_member);
        let users = vec![
            sign_in(Caller::LegalPerson, LEGAL_PERSON),
            sign_in(Caller::Member, STAFF),
            (Caller::Former, former),
            (Caller::OtherLegalPerson, other),
            (Caller::OtherMember, other_member),
            sign_in(Caller::Stranger, STRANGER),
            sign_in(Caller::Unverified, Person { subject: "low", level: "L2", ..STAFF }),
        ];
        let sets = sets(&things, &order, &certificate);
        Self { users, staff: staff(stage), things, sets }
    }

    /// What can be named in bodies; the person is the stranger, who has applied by the time that one is added.
    pub fn examples(&self) -> Map<String, Value> {
        let mut examples = self.things.examples();
        // The company has an official one.
        examples.insert("kind".to_owned(), "legal_representative".into());
        examples.insert("name".to_owned(), STRANGER.name.into());
        examples.insert("id_number".to_owned(), STRANGER.id_number.into());
        examples
    }

    /// Everybody who is signed in.
    pub fn users(&self) -> impl Iterator<Item = (Caller, &User)> {
        let around = [
            (Caller::Applicant, &self.things.applicant),
            (Caller::Usurper, &self.things.usurper),
            (Caller::Leaver, &self.things.leaver),
        ];
        self.users.iter().map(|(caller, user)| (*caller, user)).chain(around)
    }
}

/// A legal person hands the company over to the one whom all know.
fn succeeded(stage: &Stage) -> User {
    let former = stage.sign_in(&FORMER);
    let next = stage.sign_in(&LEGAL_PERSON);
    let path = format!("/v1/enterprises/{COMPANY}/succession");
    let _: Value = next.account.post(&path, &json!({})).unwrap();
    let user = next.account.account().user;
    let _: Value = former.account.post(&format!("{path}/{user}/approve"), &()).unwrap();
    former
}

fn join(legal_person: &User, member: &User) {
    let path = format!("/v1/enterprises/{OTHER_COMPANY}/applications");
    let _: Value = member.account.post(&path, &json!({})).unwrap();
    let user = member.account.account().user;
    let _: Value = legal_person.account.post(&format!("{path}/{user}/approve"), &()).unwrap();
}

/// The member pays for an order, downloads the certificate and has an invoice. Gives order and certificate.
fn issue(stage: &Stage, things: &Things) -> (Value, Value) {
    let account = &things.member.account;
    let order = things.values("path.order")[4].clone();
    let path = format!("/v1/orders/{}", order.as_str().unwrap());
    let stored: Value = account.get(&path).unwrap().value;
    assert_eq!(stage.pay(stored["payment"]["payment"].as_str().unwrap(), "wx-1", 20_000), 200);
    account.download(order.as_str().unwrap(), &pin()).unwrap();
    let invoice = json!({ "title": "闽江建设有限公司", "tax_number": COMPANY, "mail": "caiwu@example.cn" });
    let _: Value = account.post(&format!("{path}/invoice"), &invoice).unwrap();
    eventually("the invoice", || {
        let stored: Value = account.get(&path).unwrap().value;
        (stored["invoice"]["state"] == "issued").then_some(())
    });
    let certificates: Value = account.get("/v1/certificates").unwrap().value;
    (order, certificates["items"][0]["certificate_sm3"].clone())
}

fn sets(things: &Things, order: &Value, certificate: &Value) -> [Set; 3] {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let value = |place: &str, number: usize| text(&things.values(place)[number]);
    let mut common: BTreeMap<&'static str, String> = BTreeMap::new();
    for (name, place, number) in [
        ("code", "path.code", 0),
        ("user", "path.user", 0),
        ("applicant", "path.user", 1),
        ("usurper", "path.user", 2),
    ] {
        common.insert(name, value(place, number));
    }
    let mut first = common.clone();
    for name in ["certificate", "serial", "recovery", "cascade", "session", "operator", "state", "kind"]
        .into_iter()
        .chain(["picture", "application", "seal"])
    {
        first.insert(name, value(&format!("path.{name}"), 0));
    }
    // Ready to be downloaded.
    first.insert("order", value("path.order", 1));
    first.insert("subject", value("path.order", 1));
    let second =
        [("order", text(order)), ("certificate", text(certificate)), ("session", value("path.session", 1))];
    let waiting = BTreeMap::from([("order", value("path.order", 3))]);
    [
        Set { owner: Caller::LegalPerson, things: first },
        Set { owner: Caller::Member, things: second.into_iter().collect() },
        Set { owner: Caller::Member, things: waiting },
    ]
}

fn staff(stage: &Stage) -> Vec<(Caller, String)> {
    let token = |name: &str, role: &str| {
        stage.broker.operator(&["staff", "add", name, "--role", role]).trim().to_owned()
    };
    let officer = token("officer", "security-officer");
    let disabled = token("disabled", "operator");
    let colleagues = stage.get_as_staff(&officer, "/v1/operator/staff?limit=200");
    let found = colleagues["items"].as_array().unwrap().iter().find(|one| one["name"] == "disabled");
    let path = format!("/v1/operator/staff/{}/disable", found.unwrap()["operator"].as_str().unwrap());
    let (status, answer) = stage.try_as_staff(&officer, &path, &Value::Null);
    assert!((200..300).contains(&status), "{path}: {answer}");
    vec![
        (Caller::Operator, token("operator", "operator")),
        (Caller::Auditor, token("auditor", "auditor")),
        (Caller::SecurityOfficer, officer),
        (Caller::Disabled, disabled),
    ]
}
