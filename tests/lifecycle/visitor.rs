//! A browser at the identity provider inside the broker.

use serde_json::{Value, json};
use ureq::http::Request;

use yinqiao_phone::AccountClient;
use yinqiao_protocol::Token;
use yinqiao_tests::Holder;

pub const PASSWORD: &str = "four words beside each other";
/// The steps to L2, L3 and L4.
pub const STEPS: [&str; 3] = ["/account/real-name", "/account/real-name/confirmation", "/account/face-check"];

/// What a browser does at the provider, by its JSON API.
pub struct Visitor {
    broker: String,
}

impl Visitor {
    pub fn new(broker: &str) -> Self {
        Self { broker: broker.to_owned() }
    }

    pub fn call(&self, method: &str, path: &str, session: &str, body: &Value) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/identity/api{path}", self.broker))
            .header("Content-Type", "application/json");
        if !session.is_empty() {
            request = request.header("Authorization", format!("Bearer {session}"));
        }
        send(request.body(body.to_string().into_bytes()).unwrap())
    }

    pub fn post(&self, path: &str, session: &str, body: &Value) -> Value {
        let (status, answer) = self.call("POST", path, session, body);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// The code that is shown in place of being sent.
    pub fn code(&self, purpose: &str, kind: &str, phone: &str) -> Value {
        let wanted = json!({ "purpose": purpose, "user_kind": kind, "phone_number": phone });
        self.post("/codes", "", &wanted)["shown_code"].clone()
    }

    /// Registers somebody, who is at L1 then; a legal person with the company.
    pub fn register(&self, name: &str, phone: &str, company: Option<(&str, &str)>) {
        let kind = if company.is_some() { "legal_person" } else { "person" };
        let code = self.code("register", kind, phone);
        let mut fields = json!({
            "user_kind": kind, "user_name": name, "password": PASSWORD, "phone_number": phone, "code": code,
        });
        if let Some((name, code)) = company {
            fields["enterprise_name"] = name.into();
            fields["enterprise_code"] = code.into();
        }
        assert_eq!(self.post("/accounts", "", &fields)["assurance_level"], "L1");
    }

    pub fn by_password(&self, name: &str) -> String {
        let opened = self.post("/sessions", "", &json!({ "user_name": name, "password": PASSWORD }));
        opened["session"].as_str().unwrap().to_owned()
    }

    pub fn by_code(&self, kind: &str, phone: &str) -> String {
        let code = self.code("sign_in", kind, phone);
        let opened =
            self.post("/sessions", "", &json!({ "user_kind": kind, "phone_number": phone, "code": code }));
        opened["session"].as_str().unwrap().to_owned()
    }

    /// The steps to L2, L3 and L4, from the first to this level.
    pub fn reach(&self, session: &str, level: usize, person: &Value) {
        for (path, level) in STEPS.into_iter().zip(2..=level) {
            let account = self.post(path, session, person);
            assert_eq!(account["assurance_level"], format!("L{level}"));
        }
    }

    /// Where the provider sends the browser back to.
    pub fn sent_back(&self, session: &str, authorization_url: &str) -> url::Url {
        let answer =
            self.post("/authorizations", session, &json!({ "authorization_url": authorization_url }));
        answer["redirect_to"].as_str().unwrap().parse().unwrap()
    }

    /// State and code.
    pub fn authorize(&self, session: &str, authorization_url: &str) -> (Token, Token) {
        let back = self.sent_back(session, authorization_url);
        (token(&back, "state"), token(&back, "code"))
    }

    /// Signs in at the broker with the phone of `holder`.
    pub fn sign_in(&self, holder: &Holder, session: &str) -> AccountClient {
        let begun = holder.phone.begin_sign_in(&self.broker).unwrap();
        let back = self.authorize(session, &begun.authorization_url);
        holder.phone.finish_sign_in(&self.broker, &begun, back, "phone of a test").unwrap()
    }
}

pub fn send(request: Request<Vec<u8>>) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.run(request).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

pub fn parameter(url: &url::Url, name: &str) -> String {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}

pub fn token(url: &url::Url, name: &str) -> Token {
    Token::parse(&parameter(url, name)).unwrap()
}
