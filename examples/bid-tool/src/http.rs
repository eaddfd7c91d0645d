//! Requests with the API key, sent again while the network or the broker is away.

use std::time::Duration;

use serde::de::DeserializeOwned;

use yinqiao_http_client::{HttpClient, Limits};
use yinqiao_protocol::Token;

pub use yinqiao_http_client::HttpError as ClientError;
pub use yinqiao_http_client::Silence;
pub(crate) use yinqiao_http_client::Twice;

const LIMITS: Limits = Limits {
    // An opening of 1,000 sessions, or a result of 1,000 items.
    answer_bytes: 64 << 20,
    request: Duration::from_secs(30),
    patience: Duration::from_secs(30),
};

#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: HttpClient,
    api_key: Token,
}

impl Http {
    pub(crate) fn new(base: &str, api_key: Token) -> Result<Self, ClientError> {
        Ok(Self { client: HttpClient::new(base.trim_end_matches('/'), LIMITS)?, api_key })
    }

    pub(crate) fn with_silence(self, silence: Silence) -> Self {
        Self { client: self.client.with_silence(silence), ..self }
    }

    pub(crate) fn tell_of_silence(&self) {
        self.client.tell_of_silence();
    }

    pub(crate) fn base(&self) -> &str {
        self.client.base()
    }

    pub(crate) fn api_key(&self) -> &Token {
        &self.api_key
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, wait: u64) -> Result<T, ClientError> {
        self.client.get(path, &self.api_key, wait)
    }

    pub(crate) fn get_bytes(&self, path: &str, wait: u64) -> Result<Vec<u8>, ClientError> {
        self.client.get_bytes(path, &self.api_key, wait)
    }

    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        json: &[u8],
        twice: Twice,
    ) -> Result<T, ClientError> {
        self.client.post(path, Some(&self.api_key), json, twice)
    }

    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, json: &[u8]) -> Result<T, ClientError> {
        self.client.put(path, &self.api_key, json)
    }
}
