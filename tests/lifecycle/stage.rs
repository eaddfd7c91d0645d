//! A broker with an identity provider, and the persons of these tests.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use yinqiao_gm::sm3;
use yinqiao_phone::AccountClient;
use yinqiao_tests::relying_party::agent;
use yinqiao_tests::{Adapter, Broker, Holder, IdentityProvider, Officer, Person, catalogue};

/// The legal person of a builder.
pub const LEGAL_PERSON: Person = Person {
    subject: "legal-person",
    name: "法人甲",
    id_number: "11010519491231002X",
    phone_number: "13800000001",
    level: "L4",
    company: Some(("闽江建设有限公司", "91350100M000100Y43")),
};
/// Somebody who works there.
pub const STAFF: Person = Person {
    subject: "staff",
    name: "员工乙",
    id_number: "440524188001010014",
    phone_number: "13800000002",
    level: "L4",
    company: None,
};
/// The builder's code.
pub const COMPANY: &str = "91350100M000100Y43";

/// What the services beside the broker share with it.
pub const PAYMENT_KEY: [u8; 32] = [7; 32];

/// Everything that a test needs.
pub struct Stage {
    /// None where the provider inside the broker serves.
    pub provider: Option<IdentityProvider>,
    pub broker: Broker,
}

/// A person at a phone that is signed in.
pub struct User {
    pub holder: Holder,
    pub account: AccountClient,
}

impl Stage {
    /// A broker that sells certificates of its software CA for a year: for 200 yuan to persons, for nothing to legal persons.
    pub fn new() -> Self {
        Self::with_issue_delay(0)
    }

    /// The same with a CA that takes so many milliseconds to issue.
    pub fn with_issue_delay(milliseconds: u32) -> Self {
        let (provider, settings) = Self::provider();
        let broker = Broker::start_slow_with_settings(milliseconds, &settings);
        Self { provider: Some(provider), broker }
    }

    /// The same with the broker that dies where a test says, and with these lines for its CA's adapter.
    pub fn with_failpoints(adapter: &str) -> Self {
        let (provider, settings) = Self::provider();
        let broker = Broker::start_with_failpoints(&settings, adapter);
        Self { provider: Some(provider), broker }
    }

    /// The same with a CA whose officer reviews each seal.
    pub fn with_reviewed_seals() -> (Self, Officer) {
        let (provider, settings) = Self::provider();
        let (broker, officer) = Self::reviewed(&settings);
        (Self { provider: Some(provider), broker }, officer)
    }

    /// The same with the provider inside the broker.
    pub fn embedded_with_reviewed_seals() -> (Self, Officer) {
        let identity = "[identity]\nembedded = true\nlimits.codes.resend = { tries = 10, within = 60 }\n";
        let (broker, officer) = Self::reviewed(&Self::settings(identity));
        (Self { provider: None, broker }, officer)
    }

    /// The same with the adapter that a test sets up for a broker that does not run yet.
    pub fn with_adapter(adapter: impl FnOnce(&Broker) -> Adapter) -> Self {
        let (provider, settings) = Self::provider();
        let broker = Self::with_catalogue(&settings, adapter);
        Self { provider: Some(provider), broker }
    }

    fn reviewed(settings: &str) -> (Broker, Officer) {
        let mut officer = None;
        let broker = Self::with_catalogue(settings, |broker| {
            let officer = officer.insert(Officer::new(broker));
            let adapter = Adapter::software_ca(broker, "softca").configured("seal_review = true");
            adapter.configured(officer.operators())
        });
        (broker, officer.unwrap())
    }

    fn with_catalogue(settings: &str, adapter: impl FnOnce(&Broker) -> Adapter) -> Broker {
        let mut broker = Broker::not_started();
        catalogue::write(&broker, &[adapter(&broker)], "");
        fs::write(broker.folder().join("yinqiao.toml"), settings).unwrap();
        broker.restart();
        broker
    }

    /// An identity provider, and the settings of a broker that knows it.
    fn provider() -> (IdentityProvider, String) {
        let provider = IdentityProvider::start();
        let settings = Self::settings(&provider.settings());
        (provider, settings)
    }

    /// The settings of a broker that sells certificates, with these about the provider.
    fn settings(identity: &str) -> String {
        let keys = tempfile::tempdir().unwrap();
        let key_file = keys.keep().join("payment-key");
        fs::write(&key_file, PAYMENT_KEY).unwrap();
        format!(
            "{identity}\n[payment]\nkey_file = {key_file:?}\n\n[[lifecycle.offer]]\nplatform = \"city\"\nplatform_name = \"市交易中心\"\n\
             certificate_authority = \"softca\"\nterm = [{{ days = 365, fee = 20000 }}, {{ days = 30, fee = 0 }}]\n\n\
             [[lifecycle.free]]\nname = \"legal persons\"\nholders = [\"legal_person\"]\n"
        )
    }

    /// How many seals the software CA has made, and how many of them it has revoked.
    pub fn seals_of_ca(&self) -> (usize, usize) {
        let count = |folder: &str| {
            let found = fs::read_dir(self.broker.software_ca().join(folder));
            found.map_or(0, |files| files.filter(|file| is_record(file.as_ref().unwrap())).count())
        };
        (count("seals"), count("seal-revocations"))
    }

    /// Signs somebody in at a new phone.
    pub fn sign_in(&self, person: &Person) -> User {
        let holder = Holder::new();
        let account = self.sign_in_with(&holder, person);
        User { holder, account }
    }

    /// Signs somebody in at this phone.
    pub fn sign_in_with(&self, holder: &Holder, person: &Person) -> AccountClient {
        let begun = holder.phone.begin_sign_in(&self.broker.url()).unwrap();
        let back = self.provider.as_ref().unwrap().sign_in(&begun.authorization_url, person);
        holder.phone.finish_sign_in(&self.broker.url(), &begun, back, "phone of a test").unwrap()
    }

    /// A member of the staff, who belongs to the legal person's company.
    pub fn member(&self, legal_person: &User) -> User {
        let staff = self.sign_in(&STAFF);
        let path = format!("/v1/enterprises/{COMPANY}/applications");
        let _: Value = staff.account.post(&path, &json!({ "department": "投标部" })).unwrap();
        let user = staff.account.account().user;
        let _: Value = legal_person.account.post(&format!("{path}/{user}/approve"), &()).unwrap();
        staff
    }

    /// How many certificates the software CA has handed out: two for each issue under a key of its own.
    pub fn issued_by_ca(&self) -> usize {
        let operations = fs::read_dir(self.broker.software_ca().join("operations")).unwrap();
        let records = operations.map(|entry| fs::read(entry.unwrap().path()).unwrap());
        let records = records.map(|record| serde_json::from_slice::<Value>(&record).unwrap());
        let issues = records.filter(|record| record["operation"] == 1 && !record["reply"].is_null());
        issues.map(|record| record["made"].as_array().unwrap().len()).sum()
    }

    /// What a member of the trading centre's staff reads.
    pub fn get_as_staff(&self, token: &str, path: &str) -> Value {
        try_get_as_staff(&self.broker.url(), token, path).unwrap()
    }

    /// What a member of the trading centre's staff sends.
    pub fn post_as_staff(&self, token: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.try_as_staff(token, path, body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// What a member of the trading centre's staff tries; gives the status too.
    pub fn try_as_staff(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = agent().post(format!("{}{path}", self.broker.url()));
        let request = request
            .header("Authorization", format!("Bearer {token}"))
            .header("Idempotency-Key", yinqiao_protocol::OrderId::random().to_string());
        let body = body.to_string();
        let mut response = request.content_type("application/json").send(body.as_bytes()).unwrap();
        let answer = serde_json::from_slice(&response.body_mut().read_to_vec().unwrap());
        (response.status().as_u16(), answer.unwrap())
    }

    /// What the payment provider says of a payment; gives the status.
    pub fn pay(&self, payment: &str, reference: &str, amount_fen: u64) -> u16 {
        self.say(&paid(payment, reference, amount_fen))
    }

    /// What the payment provider says; gives the status.
    pub fn say(&self, word: &Value) -> u16 {
        say_to(&self.broker.url(), word).unwrap()
    }
}

/// What a member of the trading centre's staff reads, of a broker that may be away.
pub fn try_get_as_staff(broker_url: &str, token: &str, path: &str) -> Result<Value, ureq::Error> {
    let request = agent().get(format!("{broker_url}{path}"));
    let mut response = request.header("Authorization", format!("Bearer {token}")).call()?;
    assert_eq!(response.status(), 200, "{path}");
    Ok(serde_json::from_slice(&response.body_mut().read_to_vec()?).unwrap())
}

/// The payment provider's word that money has come.
pub fn paid(payment: &str, reference: &str, amount_fen: u64) -> Value {
    json!({ "event": "paid", "payment": payment, "reference": reference, "amount_fen": amount_fen })
}

/// What the payment provider says to a broker that may be away; gives the status.
pub fn say_to(broker_url: &str, word: &Value) -> Result<u16, ureq::Error> {
    let body = word.to_string();
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mac = sm3::hmac(&PAYMENT_KEY, &[seconds.to_string().as_bytes(), b".", body.as_bytes()]);
    let mac: String = mac.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let response = agent()
        .post(format!("{broker_url}/v1/payments/callback"))
        .header("Yinqiao-Signature", format!("t={seconds},hmac-sm3={mac}"))
        .content_type("application/json")
        .send(body.as_bytes())?;
    Ok(response.status().as_u16())
}

/// An order of this many days for the company.
pub fn order(days: u32) -> Value {
    json!({ "platform": "city", "certificate_authority": "softca", "days": days, "enterprise": COMPANY })
}

/// Looks again and again until it is so; panics after a minute.
pub fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come about");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether a file of the software CA is whole: one that is being written begins with a dot.
fn is_record(file: &fs::DirEntry) -> bool {
    file.file_name().to_str().is_some_and(|name| name.ends_with(".json") && !name.starts_with('.'))
}
