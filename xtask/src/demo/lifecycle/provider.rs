//! What a browser does at the identity provider, by its JSON API, and what staff do at the broker.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::http::Request;

use yinqiao_phone::{AccountClient, Phone};
use yinqiao_protocol::{OrderId, Token};

/// A password for a demonstration.
const PASSWORD: &str = "four words beside each other";

/// Somebody who registers.
pub struct Person {
    /// In files' names, and what they call themselves at the provider.
    pub user_name: &'static str,
    /// As on the identity card.
    pub name: &'static str,
    /// 公民身份号码
    pub id_number: &'static str,
    /// Whereto the codes go.
    pub phone_number: &'static str,
    /// Name and code of the company that a legal person stands for.
    pub company: Option<(&'static str, &'static str)>,
}

impl Person {
    fn kind(&self) -> &'static str {
        if self.company.is_some() { "legal_person" } else { "person" }
    }

    /// Makes an account at the provider, which is at L1 then.
    pub fn register(&self, broker: &str) -> Result<()> {
        let wanted =
            json!({ "purpose": "register", "user_kind": self.kind(), "phone_number": self.phone_number });
        let code = at_provider(broker, "/codes", None, &wanted)?["shown_code"].clone();
        let mut fields = json!({
            "user_kind": self.kind(), "user_name": self.user_name, "password": PASSWORD,
            "phone_number": self.phone_number, "code": code,
        });
        if let Some((name, code)) = self.company {
            fields["enterprise_name"] = name.into();
            fields["enterprise_code"] = code.into();
        }
        at_provider(broker, "/accounts", None, &fields).map(drop)
    }

    /// Takes the steps to L4.
    pub fn verify(&self, broker: &str) -> Result<()> {
        let session = self.session(broker)?;
        let person = json!({ "name": self.name, "id_number": self.id_number });
        for path in ["/account/real-name", "/account/real-name/confirmation", "/account/face-check"] {
            at_provider(broker, path, Some(&session), &person)?;
        }
        Ok(())
    }

    /// Signs in at the broker with this phone.
    pub fn sign_in(&self, broker: &str, phone: &Phone) -> Result<AccountClient> {
        let session = self.session(broker)?;
        let begun = phone.begin_sign_in(broker)?;
        let wanted = json!({ "authorization_url": begun.authorization_url });
        let answer = at_provider(broker, "/authorizations", Some(&session), &wanted)?;
        let back = answer["redirect_to"].as_str().context("the provider sends nobody back")?;
        let back = (parameter(back, "state")?, parameter(back, "code")?);
        Ok(phone.finish_sign_in(broker, &begun, back, "phone of the demo")?)
    }

    fn session(&self, broker: &str) -> Result<String> {
        let wanted = json!({ "user_name": self.user_name, "password": PASSWORD });
        let opened = at_provider(broker, "/sessions", None, &wanted)?;
        Ok(opened["session"].as_str().context("the provider opens no session")?.to_owned())
    }
}

/// A member of the query of an address, which is a token.
fn parameter(url: &str, name: &str) -> Result<Token> {
    let (_, query) = url.split_once('?').context("the provider sends nothing back")?;
    let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let (_, value) = found.with_context(|| format!("the provider sends no {name} back"))?;
    Token::parse(value).with_context(|| format!("the provider sends a {name} back that is none"))
}

fn at_provider(broker: &str, path: &str, session: Option<&str>, body: &Value) -> Result<Value> {
    post(&format!("{broker}/identity/api{path}"), session, body)
}

/// What a member of the trading centre's staff sends to the broker.
pub fn as_staff(broker: &str, token: &str, path: &str, body: &Value) -> Result<Value> {
    post(&format!("{broker}{path}"), Some(token), body)
}

fn post(url: &str, bearer: Option<&str>, body: &Value) -> Result<Value> {
    let mut request = Request::post(url)
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", OrderId::random().to_string());
    if let Some(bearer) = bearer {
        request = request.header("Authorization", format!("Bearer {bearer}"));
    }
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.run(request.body(body.to_string().into_bytes())?)?;
    let text = response.body_mut().read_to_string()?;
    if !response.status().is_success() {
        bail!("{}: {text}", response.status());
    }
    Ok(serde_json::from_str(&text)?)
}
