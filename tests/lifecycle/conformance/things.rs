//! What exists at the broker, for requests that are about something.

use serde_json::{Map, Value, json};

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::{CertificateRequest, DistinguishedName};
use yinqiao_protocol::Base64;
use yinqiao_tests::Person;
use yinqiao_tests::broker::red_square;
use yinqiao_tests::holder::pin;

use crate::stage::{COMPANY, LEGAL_PERSON, STAFF, Stage, User, eventually, order};

/// Somebody who asks to become the company's legal person.
const USURPER: Person =
    Person { subject: "usurper", name: "法人丙", id_number: "110101199003070011", ..LEGAL_PERSON };

/// A company in the middle of its life.
pub struct Things {
    pub legal_person: User,
    pub member: User,
    /// Was removed.
    pub leaver: User,
    /// Applies to join.
    pub applicant: User,
    /// Waits to become the legal person.
    pub usurper: User,
    values: Vec<(&'static str, Vec<Value>)>,
}

impl Things {
    /// A company with its legal person, a member with orders in several states, somebody who applies, somebody who was
    /// removed, a successor who waits, and the recovery of a key that was asked for.
    pub fn new(stage: &Stage) -> Self {
        let legal_person = stage.sign_in(&LEGAL_PERSON);
        let member = stage.member(&legal_person);
        let phones = [LEGAL_PERSON, STAFF].map(|person| stage.sign_in(&person).account.session().session);

        let mut orders = Vec::new();
        for days in [365, 30, 365] {
            let ordered: Value = legal_person.account.post("/v1/orders", &order(days)).unwrap();
            orders.push(ordered["order"].clone());
        }
        legal_person.account.download(orders[0].as_str().unwrap(), &pin()).unwrap();
        for _ in 0..2 {
            let ordered: Value = member.account.post("/v1/orders", &order(365)).unwrap();
            orders.push(ordered["order"].clone());
        }
        let awaiting = format!("/v1/orders/{}/approve", orders[4].as_str().unwrap());
        let _: Value = legal_person.account.post(&awaiting, &()).unwrap();

        let certificates: Value = legal_person.account.get("/v1/certificates").unwrap().value;
        let certificate = certificates["items"][0].clone();
        let asked =
            format!("/v1/certificates/{}/recoveries", certificate["certificate_sm3"].as_str().unwrap());
        let recovery: Value = legal_person
            .account
            .post(&asked, &json!({ "certificate_request": certificate_request() }))
            .unwrap();

        let (picture, application, seal) = seal(&legal_person);
        let applications = format!("/v1/enterprises/{COMPANY}/applications");
        let apply = |subject, id_number| {
            let person = stage.sign_in(&Person { subject, id_number, ..STAFF });
            let _: Value = person.account.post(&applications, &json!({})).unwrap();
            person
        };
        let (leaver, applicant) =
            (apply("leaver", "310101198001010018"), apply("applicant", "320106198203040024"));
        let leaves = leaver.account.account().user;
        let _: Value = legal_person.account.post(&format!("{applications}/{leaves}/approve"), &()).unwrap();
        let members = format!("/v1/enterprises/{COMPANY}/members/{leaves}");
        let removal = legal_person.account.delete(&members).unwrap();
        let usurper = stage.sign_in(&USURPER);
        let _: Value =
            usurper.account.post(&format!("/v1/enterprises/{COMPANY}/succession"), &json!({})).unwrap();

        stage.broker.operator(&["staff", "add", "colleague", "--role", "operator"]);
        let staff = stage.broker.operator_json(&["staff", "list"]);
        let member_id = member.account.account().user;
        let device_key: Base64 =
            member.holder.phone.store().device_key().public_key().to_sec1().as_slice().into();
        let values = vec![
            ("path.code", vec![COMPANY.into()]),
            (
                "path.user",
                [&member, &applicant, &usurper].map(|user| json!(user.account.account().user)).to_vec(),
            ),
            ("path.order", orders.clone()),
            ("path.certificate", vec![certificate["certificate_sm3"].clone()]),
            ("path.serial", vec![certificate["signing_serial"].clone()]),
            ("path.recovery", vec![recovery["recovery"].clone()]),
            ("path.cascade", vec![removal["cascade"].clone()]),
            ("path.session", phones.iter().map(|phone| json!(phone)).collect()),
            ("path.operator", vec![staff["staff"][0]["operator"].clone()]),
            (
                "path.state",
                ["applied", "issued", "awaiting_payment", "under_review", "made"].map(Value::from).to_vec(),
            ),
            ("path.picture", vec![picture.clone()]),
            ("path.application", vec![application]),
            ("path.seal", vec![seal.clone()]),
            ("path.kind", ["order", "enterprise", "user", "cascade"].map(Value::from).to_vec()),
            ("path.subject", vec![orders[0].clone(), COMPANY.into(), json!(member_id)]),
            ("header.If-Match", ["\"1\"", "\"2\"", "\"3\""].map(Value::from).to_vec()),
            ("body.platform", vec!["city".into()]),
            ("body.certificate_authority", vec!["softca".into()]),
            ("body.picture", vec![picture]),
            ("body.replaces", vec![seal]),
            ("body.days", vec![365.into(), 30.into()]),
            ("body.amount_fen", vec![20_000.into(), 0.into(), 1.into()]),
            ("body.department", vec!["投标部".into()]),
            ("body.device_key", vec![json!(device_key)]),
            ("body.id_number", vec!["320106198203040024".into()]),
            ("body.mail", vec!["caiwu@example.cn".into()]),
            ("body.tax_number", vec![COMPANY.into()]),
            ("body.enterprise", vec![COMPANY.into()]),
            ("body.certificate_request", vec![json!(certificate_request())]),
        ];
        Self { legal_person, member, leaver, applicant, usurper, values }
    }

    /// What there is to be named in this place of a request.
    pub fn values(&self, place: &str) -> &[Value] {
        let found = self.values.iter().find(|(name, _)| *name == place);
        found.map_or(&[], |(_, values)| values)
    }

    /// The first that there is for each member of a body.
    pub fn examples(&self) -> Map<String, Value> {
        let members =
            self.values.iter().filter_map(|(place, values)| Some((place.strip_prefix("body.")?, values)));
        members.map(|(name, values)| (name.to_owned(), values[0].clone())).collect()
    }

    /// The settings of Schemathesis with which it asks for them now and then.
    pub fn settings(&self) -> String {
        let mut settings = String::new();
        for (place, values) in &self.values {
            let values = Value::from(values.clone());
            assert!(values.as_array().unwrap().iter().all(|value| !value.is_null()), "{place}: {values}");
            let name = place.replace('.', "-").to_lowercase();
            settings += &format!("\n[dictionaries.{name}]\nvalues = {values}\n");
        }
        settings += "\n[parameters]\n";
        for (place, values) in &self.values {
            let name = place.replace('.', "-").to_lowercase();
            // To JSON Schema 584.0 is an integer; the broker takes no number with a point for money or days.
            let always = values.iter().all(Value::is_number);
            let probability = if always { 1.0 } else { 0.8 };
            settings +=
                &format!("\"{place}\" = {{ dictionary = \"{name}\", probability = {probability:.1} }}\n");
        }
        settings
    }
}

/// A picture, an application with it, and the seal that the CA has made of it.
fn seal(legal_person: &User) -> (Value, Value, Value) {
    let company = format!("/v1/enterprises/{COMPANY}");
    let upload = format!("{company}/seal-pictures?width_mm=40&height_mm=40");
    let picture: Value = legal_person.account.post_file(&upload, "image/png", &red_square()).unwrap();
    let wanted = json!({ "kind": "official", "name": "公章", "picture": picture["picture"] });
    let applied: Value = legal_person.account.post(&format!("{company}/seal-applications"), &wanted).unwrap();
    let application = format!("{company}/seal-applications/{}", applied["application"].as_str().unwrap());
    let made: Value = eventually("the seal", || {
        let now: Value = legal_person.account.get(&application).unwrap().value;
        (now["state"] == "made").then_some(now)
    });
    (picture["picture"].clone(), applied["application"].clone(), made["seal"].clone())
}

/// For a key that was just made.
pub fn certificate_request() -> Base64 {
    let subject = DistinguishedName::builder().common_name("a new phone").build().unwrap();
    let request = CertificateRequest::build(&subject, &PrivateKey::generate().unwrap()).unwrap();
    request.der().into()
}
