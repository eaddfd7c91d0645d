//! Signing in at a broker, and what a signed-in user asks for. Each request carries a proof of the phone's key, so that the
//! tokens alone are of no use to anybody.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use yinqiao_protocol::Token;
use yinqiao_protocol::account::{
    Account, RenewalRequest, SessionOpened, SessionRequest, SignInBegun, SignInRequest,
};
use yinqiao_protocol::dpop::{self, prove};
use yinqiao_protocol::order::DownloadCode;

use crate::clock;
use crate::error::PhoneError;
use crate::http::{Broker, Method};
use crate::phone::{CertificateSummary, Phone};
use crate::pin::Pin;

/// A user who is signed in at one broker with this phone.
#[derive(Clone, Debug)]
pub struct AccountClient {
    phone: Phone,
    broker: Broker,
    opened: SessionOpened,
}

/// What came back for a request, with the version that a change has to name.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The answer.
    pub value: T,
    /// `ETag`, where the answer has one.
    pub version: Option<String>,
}

impl Phone {
    /// Begins to sign in: gives what the user's browser opens at the identity provider.
    ///
    /// # Errors
    /// What the broker says.
    pub fn begin_sign_in(&self, broker_url: &str) -> Result<SignInBegun, PhoneError> {
        let broker = self.broker(broker_url.trim_end_matches('/'))?;
        let device_key = self.store().device_key().public_key().to_sec1();
        let request = SignInRequest { device_key: device_key.as_slice().into() };
        Ok(broker.post("/v1/account/sign-ins", None, &serde_json::to_vec(&request)?)?)
    }

    /// Ends a sign-in with what the identity provider sent back to the browser.
    ///
    /// # Errors
    /// What the broker says.
    pub fn finish_sign_in(
        &self,
        broker_url: &str,
        begun: &SignInBegun,
        (state, code): (Token, Token),
        device_name: &str,
    ) -> Result<AccountClient, PhoneError> {
        let broker = self.broker(broker_url.trim_end_matches('/'))?;
        let request =
            SessionRequest { sign_in: begun.sign_in, state, code, device_name: device_name.to_owned() };
        let path = "/v1/account/sessions";
        let headers = || self.proof(&broker, &Method::POST, path, None);
        let body = serde_json::to_vec(&request)?;
        let (answer, _) = broker.exchange(&Method::POST, path, headers, Some((JSON, &body)))?;
        let opened = serde_json::from_slice(&answer)?;
        Ok(AccountClient { phone: self.clone(), broker, opened })
    }

    fn proof(
        &self,
        broker: &Broker,
        method: &Method,
        path: &str,
        token: Option<&Token>,
    ) -> Vec<(String, String)> {
        let plain = path.split('?').next().unwrap_or(path);
        let url = format!("{}{plain}", broker.base());
        let request = dpop::Request { method: method.as_str(), url: &url, access_token: token };
        let proof = prove(self.store().device_key(), request, clock::now(), &Uuid::new_v4().to_string());
        // Without a proof the broker says what is missing.
        let mut headers: Vec<_> = proof.into_iter().map(|proof| (dpop::HEADER.to_owned(), proof)).collect();
        headers.extend(
            token.map(|token| ("Authorization".to_owned(), format!("{} {}", dpop::SCHEME, token.expose()))),
        );
        headers
    }
}

const JSON: &str = "application/json";

impl AccountClient {
    /// Who is signed in, as the broker said last.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.opened.account
    }

    /// The session and its tokens.
    #[must_use]
    pub fn session(&self) -> &SessionOpened {
        &self.opened
    }

    /// The broker's address.
    pub(crate) fn base(&self) -> &str {
        self.broker.base()
    }

    /// The phone.
    #[must_use]
    pub fn phone(&self) -> &Phone {
        &self.phone
    }

    /// Gets the next tokens.
    ///
    /// # Errors
    /// What the broker says; then the user has to sign in again.
    pub fn renew(&mut self) -> Result<(), PhoneError> {
        let path = format!("/v1/account/sessions/{}/renew", self.opened.session);
        let request = RenewalRequest { renewal_token: self.opened.renewal_token.clone() };
        let headers = || self.phone.proof(&self.broker, &Method::POST, &path, None);
        let body = serde_json::to_vec(&request)?;
        let (answer, _) = self.broker.exchange(&Method::POST, &path, headers, Some((JSON, &body)))?;
        self.opened = serde_json::from_slice(&answer)?;
        Ok(())
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// What the broker says.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Versioned<T>, PhoneError> {
        let (value, version) = self.send(&Method::GET, path, &[], None)?;
        Ok(Versioned { value: serde_json::from_slice(&value)?, version })
    }

    /// Gets bytes.
    ///
    /// # Errors
    /// What the broker says.
    pub fn get_bytes(&self, path: &str) -> Result<Vec<u8>, PhoneError> {
        Ok(self.send(&Method::GET, path, &[], None)?.0)
    }

    /// Posts JSON under a new idempotency key: lost answers are asked for again.
    ///
    /// # Errors
    /// What the broker says.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, PhoneError> {
        self.post_as(path, &Uuid::new_v4().to_string(), body)
    }

    /// Posts JSON under a chosen idempotency key.
    ///
    /// # Errors
    /// What the broker says.
    pub fn post_as<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
    ) -> Result<T, PhoneError> {
        let body = serde_json::to_vec(body)?;
        let (answer, _) = self.send(&Method::POST, path, &[("Idempotency-Key", key)], Some((JSON, &body)))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Posts a file.
    ///
    /// # Errors
    /// What the broker says.
    pub fn post_file<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &str,
        file: &[u8],
    ) -> Result<T, PhoneError> {
        let key = Uuid::new_v4().to_string();
        let headers = [("Idempotency-Key", key.as_str())];
        let (answer, _) = self.send(&Method::POST, path, &headers, Some((content_type, file)))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Puts JSON in the place of the version that was read.
    ///
    /// # Errors
    /// What the broker says.
    pub fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        version: &str,
        body: &impl Serialize,
    ) -> Result<Versioned<T>, PhoneError> {
        let body = serde_json::to_vec(body)?;
        let (value, version) =
            self.send(&Method::PUT, path, &[("If-Match", version)], Some((JSON, &body)))?;
        Ok(Versioned { value: serde_json::from_slice(&value)?, version })
    }

    /// Deletes; gives the JSON that comes back, null where nothing does.
    ///
    /// # Errors
    /// What the broker says.
    pub fn delete(&self, path: &str) -> Result<serde_json::Value, PhoneError> {
        let (answer, _) = self.send(&Method::DELETE, path, &[], None)?;
        if answer.is_empty() { Ok(serde_json::Value::Null) } else { Ok(serde_json::from_slice(&answer)?) }
    }

    /// Downloads an ordered certificate under `pin`. Called again it takes up where it was interrupted.
    ///
    /// # Errors
    /// What the broker says, and as [`Phone::enrol`].
    pub fn download(&self, order: &str, pin: &Pin) -> Result<CertificateSummary, PhoneError> {
        let code: Versioned<DownloadCode> = self.get(&format!("/v1/orders/{order}/download-code"))?;
        self.phone.enrol(self.broker.base(), &code.value.code, pin)
    }

    fn send(
        &self,
        method: &Method,
        path: &str,
        more: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
    ) -> Result<(Vec<u8>, Option<String>), PhoneError> {
        let headers = || {
            let mut headers = self.phone.proof(&self.broker, method, path, Some(&self.opened.access_token));
            headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            headers
        };
        Ok(self.broker.exchange(method, path, headers, body)?)
    }
}
