//! Requests to the broker, sent again while the network or the broker is away: each of them may arrive twice.

use std::time::Duration;

use serde::de::DeserializeOwned;

use yinqiao_http_client::{HttpClient, Limits, Twice};
use yinqiao_protocol::Token;

pub use yinqiao_http_client::{HttpError, Method, Silence};

const LIMITS: Limits = Limits {
    // A statement over 1,000 items.
    answer_bytes: 16 << 20,
    // A broker waits for its CA for half a minute, and then says what is wrong with it.
    request: Duration::from_secs(40),
    patience: Duration::from_secs(30),
};

/// One broker. Cloning is cheap and shares the connections.
#[derive(Clone, Debug)]
pub struct Broker {
    client: HttpClient,
}

impl Broker {
    /// The broker at `base`, such as `https://broker.example`.
    ///
    /// # Errors
    /// [`HttpError::Address`], [`HttpError::NoTls`].
    pub fn new(base: &str) -> Result<Self, HttpError> {
        Ok(Self { client: HttpClient::new(base, LIMITS)? })
    }

    /// As [`HttpClient::with_silence`].
    #[must_use]
    pub fn with_silence(self, silence: Silence) -> Self {
        Self { client: self.client.with_silence(silence) }
    }

    /// Its address.
    pub fn base(&self) -> &str {
        self.client.base()
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        bearer: Option<&Token>,
        json: &[u8],
    ) -> Result<T, HttpError> {
        self.client.post(path, bearer, json, Twice::Harmless)
    }

    /// As [`HttpClient::exchange`].
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn exchange(
        &self,
        method: &Method,
        path: &str,
        headers: impl Fn() -> Vec<(String, String)>,
        body: Option<(&str, &[u8])>,
    ) -> Result<(Vec<u8>, Option<String>), HttpError> {
        self.client.exchange(method, path, headers, body, Twice::Harmless)
    }

    /// Gets JSON; `wait` seconds are the broker's to wait in.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub fn get<T: DeserializeOwned>(&self, path: &str, bearer: &Token, wait: u64) -> Result<T, HttpError> {
        self.client.get(path, bearer, wait)
    }
}
