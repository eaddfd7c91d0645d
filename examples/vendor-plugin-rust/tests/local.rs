//! The plugin in a host without a worker process, and without a CA.
#![allow(clippy::unwrap_used, reason = "a test")]

use acme_ca::Acme;
use serde_json::json;
use yinqiao_ca_sdk::messages::Empty;
use yinqiao_ca_sdk::{ErrorClass, LocalHost, Request};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

fn host(secrets: &[(&str, &[u8])]) -> LocalHost {
    LocalHost::of::<Acme>(secrets).unwrap()
}

#[test]
fn it_opens_while_its_ca_is_down_and_says_so_when_it_is_asked() {
    let host = host(&[("acme.token", b"secret")]);
    let instance = host.open(&json!({ "url": NOWHERE })).unwrap();
    assert_eq!(instance.health().unwrap_err().class(), Some(ErrorClass::Retryable));
    let list = instance.submit("key", &Request::Crl(Empty {}));
    assert_eq!(list.unwrap_err().class(), Some(ErrorClass::Retryable));
}

#[test]
fn it_does_not_open_without_its_token() {
    let error = host(&[]).open(&json!({ "url": NOWHERE })).err().unwrap();
    assert_eq!(error.class(), Some(ErrorClass::Authentication));
}

#[test]
fn it_refuses_a_configuration_that_its_schema_refuses() {
    for wrong in [json!({}), json!([]), json!({ "url": 7 }), json!({ "url": NOWHERE, "uri": NOWHERE })] {
        let error = host(&[("acme.token", b"secret")]).open(&wrong).err().unwrap();
        assert_eq!(error.class(), Some(ErrorClass::Permanent), "{wrong}");
    }
}
