//! The plugin through its C functions: against OpenSSL's mock server, and against a server of these tests that is
//! honest or broken as each test wants.

mod configuration;
mod crash;
mod fixture;
mod hostile;
mod mock;
mod mock_refusals;
mod mock_server;
mod parsing;
mod polling;
mod server;
mod sm2;
mod tls;

use std::path::Path;

use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::{
    CertificatePair, Der, Holder, HolderKind, IssueRequest, RenewRequest, RevocationReason, RevokeRequest,
    Serial,
};
use yinqiao_ca_sdk::{AdapterError, LocalError, LocalHost, Reply, Request};

pub(super) const HOLDER: &str = "张三";
pub(super) const SECRET: &[u8] = b"a shared secret of these tests";

/// A host that has the MAC's secret and, where given, the RA's key.
#[allow(unsafe_code, reason = "the macro's function keeps the contract")]
pub(super) fn host(secrets: &[(&str, &[u8])]) -> LocalHost {
    // SAFETY: the entry is the one that export_adapter! made.
    unsafe { LocalHost::load(crate::ca_adapter_get, secrets) }.unwrap()
}

pub(super) fn mac_host() -> LocalHost {
    host(&[(crate::MAC_SECRET, SECRET)])
}

/// A configuration with protection by MAC.
pub(super) fn configuration(directory: &Path, url: &str, ca: &str, request: &str) -> Value {
    json!({
        "url": url,
        "directory": directory,
        "protection": {"kind": "mac", "reference": "yinqiao", "iterations": 500},
        "ca_certificates": ca,
        "profiles": {"person": {"request": request, "ca_validity": request == "p10cr"}},
        "message_timeout_seconds": 5,
        "poll": {"shortest_seconds": 0},
    })
}

pub(super) fn issue(csr: &[u8]) -> Request {
    Request::Issue(IssueRequest {
        csr: Der(csr.to_vec()),
        holder: Holder {
            kind: HolderKind::Person,
            name: HOLDER.to_owned(),
            identity_code: None,
            organization: None,
            unified_social_credit_code: None,
        },
        validity: None,
        product: None,
    })
}

pub(super) fn update(serial: &Serial, csr: &[u8]) -> RenewRequest {
    RenewRequest { serial: serial.clone(), csr: Der(csr.to_vec()), validity: None }
}

pub(super) fn revoke(serial: &Serial) -> Request {
    let reason = RevocationReason::KeyCompromise;
    Request::Revoke(RevokeRequest { serial: serial.clone(), reason, pair: false })
}

pub(super) fn pair(reply: Reply) -> CertificatePair {
    let Reply::Pair(pair) = reply else { panic!("no pair: {reply:?}") };
    pair
}

pub(super) fn error(result: Result<Reply, LocalError>) -> AdapterError {
    match result {
        Err(LocalError::Adapter(error)) => error,
        other => panic!("no error: {other:?}"),
    }
}
