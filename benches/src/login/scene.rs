//! Who takes part: a registered bid system, and a phone whose keys are open, so that no PIN is computed under load.

use anyhow::{Context, Result};

use yinqiao_bid_tool::Client;
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_phone::{KdfParameters, Phone, Pin, http};
use yinqiao_protocol::event::SessionState;
use yinqiao_protocol::holder::Acceptance;
use yinqiao_protocol::phone::{ClaimRequest, Claimed, PhoneSession, Response};
use yinqiao_protocol::relying_party::OpenSession;
use yinqiao_protocol::statement::{Claim, Display, SignedText};
use yinqiao_protocol::{SessionId, Sm3Hex, Task, Token};

use super::broker::Broker;

/// The parties of a login.
pub struct Scene {
    /// The bid system. Its clones share connections.
    pub bid_system: Client,
    url: String,
    device_key: PrivateKey,
    signing_key: PrivateKey,
    certificate_sm3: Sm3Hex,
    encryption_serials: Vec<String>,
}

/// One of many phones with the same keys and a connection of its own.
pub struct LoadPhone<'s> {
    scene: &'s Scene,
    broker: http::Broker,
}

/// A response that is ready to be sent.
pub struct Answer {
    path: String,
    claim_token: Token,
    json: Vec<u8>,
}

impl Scene {
    /// Registers the bid system and enrols the phone.
    pub fn prepare(broker: &Broker) -> Result<Self> {
        let key = broker.operate(&["rp", "add", "bench", "--name", "Bench", "--domain", "bench.example"])?;
        let key = Token::parse(&key).context("no API key came")?;
        let code = broker.operate(&["enrolment", "add", "--name", "王小明"])?;
        let code = Token::parse(&code).context("no enrolment code came")?;
        let phone = Phone::open_with(&broker.directory().join("phone"), KdfParameters::new(64, 1)?)?;
        let pin = Pin::parse("271828")?;
        let pair = phone.enrol(broker.url(), &code, &pin)?;
        let keys = phone.unlock(&pair.serial, &pin)?;
        let certificate = phone.store().keys()?.into_iter().find_map(|entry| match entry.state {
            yinqiao_phone::store::KeyState::Issued(pair) => Some(pair.signing_certificate),
            yinqiao_phone::store::KeyState::Requested { .. } => None,
        });
        Ok(Self {
            bid_system: Client::new(broker.url(), key)?,
            url: broker.url().to_owned(),
            device_key: phone.store().device_key().clone(),
            signing_key: keys.signing().clone(),
            certificate_sm3: Sm3Hex::of(certificate.context("the phone has no certificate")?.as_slice()),
            encryption_serials: pair.encryption_serials,
        })
    }

    /// A phone.
    pub fn phone(&self) -> Result<LoadPhone<'_>> {
        Ok(LoadPhone { scene: self, broker: http::Broker::new(&self.url)? })
    }
}

/// What a bid system opens for a login.
pub fn login() -> OpenSession {
    OpenSession {
        task: Task::Login {},
        late_items: false,
        display: Display { title: "登录".to_owned(), text: String::new() },
        accept: Acceptance::default(),
        time_to_scan: None,
        time_to_confirm: None,
        time_to_keep: None,
        reference: None,
    }
}

impl LoadPhone<'_> {
    /// Claims the session of a code, fetches its statement and signs it.
    pub fn scan(&self, code: &str) -> Result<Answer> {
        let nonce = SessionId::random().to_string().replace('-', "");
        let claim = Claim {
            code: code.to_owned(),
            certificate_sm3: self.scene.certificate_sm3,
            seal: None,
            decrypts: self.scene.encryption_serials.clone(),
            nonce,
        };
        let claim = claim.to_bytes()?;
        let signature = self.scene.device_key.sign(&claim)?.to_der()?.into();
        let request = serde_json::to_vec(&ClaimRequest { claim: claim.into(), signature })?;
        let claimed: Claimed = self.broker.post("/v1/phone/claims", None, &request)?;
        let path = format!("/v1/phone/sessions/{}", claimed.session);
        let view: PhoneSession = self.broker.get(&path, &claimed.claim_token, 0)?;
        anyhow::ensure!(view.state == SessionState::Ready, "a claimed login is not ready");
        let statement = view.statement.context("a login has no statement")?;
        let statement_signature = self.scene.signing_key.sign(statement.as_slice())?.to_der()?.into();
        let response = Response { statement_signature, items: Vec::new(), opened_keys_signature: None };
        let json = serde_json::to_vec(&response)?;
        Ok(Answer { path: format!("{path}/response"), claim_token: claimed.claim_token, json })
    }

    /// Sends an answer.
    pub fn send(&self, answer: &Answer) -> Result<()> {
        let _: yinqiao_protocol::phone::Answered =
            self.broker.post(&answer.path, Some(&answer.claim_token), &answer.json)?;
        Ok(())
    }
}
