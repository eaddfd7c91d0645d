//! A phone's requests with any content.

use serde::Serialize;

use yinqiao_protocol::Token;
use yinqiao_tests::relying_party::{agent, send};
use yinqiao_tests::{Answer, Broker};

/// Posts JSON to one of the phone's paths.
pub fn post(broker: &Broker, path: &str, token: Option<&Token>, body: &impl Serialize) -> Answer {
    post_bytes(broker, path, token, &serde_json::to_vec(body).unwrap())
}

/// Posts any bytes to one of the phone's paths.
pub fn post_bytes(broker: &Broker, path: &str, token: Option<&Token>, body: &[u8]) -> Answer {
    send(&agent(), &broker.url(), "POST", path, token, body).unwrap()
}
