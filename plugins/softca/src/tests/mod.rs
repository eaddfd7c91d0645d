//! The CA through its C functions, and what comes out of it checked by `yinqiao-gm`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use yinqiao_ca_sdk::messages::{
    CertificateIdentity, CertificatePair, CertificateState, Der, Empty, Holder, HolderKind, IssueRequest,
    ListQuery, LookupQuery, LookupReply, RecoverKeyRequest, RenewRequest, RevocationReason, RevokeRequest,
    SealIdentity, SealIssueRequest, SealPicture, SealRevokeRequest, SealState, Serial, State, SuspendRequest,
    Validity,
};
use yinqiao_ca_sdk::{ErrorClass, LocalError, LocalHost, LocalInstance, Operation, Reply, Request};
use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::sm2;
use yinqiao_gm::x509::{
    Certificate, CertificateRequest, CertificateRevocationList, DistinguishedName, KeyUsage, chain,
};

use crate::MASTER_KEY;

mod certificates;
mod directory;
mod ocsp;
mod profiles;
mod rekeying;
mod reviews;
mod revocation;
mod seals;
mod timestamp;

const SECRET: &[u8] = b"a master key of this test";
const IDENTITY_CODE: &str = "11010119900307447X";

fn host() -> LocalHost {
    host_with(SECRET)
}

#[allow(unsafe_code, reason = "the macro's function keeps the contract")]
fn host_with(secret: &[u8]) -> LocalHost {
    // SAFETY: the entry is the one that export_adapter! made.
    unsafe { LocalHost::load(crate::ca_adapter_get, &[(MASTER_KEY, secret)]) }.unwrap()
}

fn configuration(directory: &Path) -> Value {
    json!({"directory": directory, "name": "测试", "crl_url": "http://crl.example/ca.crl"})
}

fn csr(key: &sm2::PrivateKey) -> Der {
    let subject = DistinguishedName::builder().common_name("whatever").build().unwrap();
    CertificateRequest::build(&subject, key).unwrap().der().to_vec().into()
}

fn person() -> Holder {
    Holder {
        kind: HolderKind::Person,
        name: "张三".into(),
        identity_code: Some(IDENTITY_CODE.into()),
        organization: Some("测试公司".into()),
        unified_social_credit_code: None,
    }
}

fn issue_request(key: &sm2::PrivateKey) -> Request {
    Request::Issue(IssueRequest { csr: csr(key), holder: person(), validity: None, product: None })
}

fn pair_of(reply: Reply) -> CertificatePair {
    let Reply::Pair(pair) = reply else { panic!("no pair: {reply:?}") };
    pair
}

fn certificate(der: &Der) -> Certificate {
    Certificate::from_der(der.as_bytes()).unwrap()
}

fn serial(der: &Der) -> Serial {
    Serial::from_octets(certificate(der).serial().as_bytes()).unwrap()
}

fn state(ca: &LocalInstance<'_>, serial: &Serial) -> CertificateState {
    let request = Request::Status(CertificateIdentity { serial: serial.clone() });
    let Reply::State(state) = ca.submit("", &request).unwrap() else { panic!() };
    state
}

fn crl(ca: &LocalInstance<'_>) -> (CertificateRevocationList, u64) {
    let Reply::Crl(reply) = ca.submit("", &Request::Crl(Empty {})).unwrap() else { panic!() };
    let number = u64::from_str_radix(&reply.number, 16).unwrap();
    (CertificateRevocationList::from_der(reply.crl.as_bytes()).unwrap(), number)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn revoke(serial: &Serial, reason: RevocationReason) -> Request {
    Request::Revoke(RevokeRequest { serial: serial.clone(), reason, pair: true })
}

fn suspend(serial: &Serial) -> SuspendRequest {
    SuspendRequest { serial: serial.clone(), pair: true }
}

/// A configuration with further members.
fn configured(directory: &Path, members: Value) -> Value {
    let mut configuration = configuration(directory);
    configuration.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    configuration
}

fn seal_request(signers: Vec<Der>) -> SealIssueRequest {
    SealIssueRequest {
        kind: 1,
        name: "测试公章".into(),
        picture: SealPicture {
            format: "PNG".into(),
            data: vec![1, 2, 3].into(),
            width_mm: 40,
            height_mm: 40,
        },
        signers,
        valid_from_ms: None,
        valid_until_ms: (now() as u64 + 1000) * 1000,
    }
}

fn pending(result: Result<Reply, LocalError>) -> String {
    let Err(LocalError::Pending(pending)) = result else { panic!("not pending: {result:?}") };
    assert!(pending.retry_after_ms > 0 && pending.expires_at_ms.unwrap() > now() as u64 * 1000);
    pending.token
}

fn by_key(text: &str) -> LookupQuery {
    LookupQuery::IdempotencyKey(text.to_owned().try_into().unwrap())
}

fn record_path(directory: &Path, key: &str) -> std::path::PathBuf {
    directory.join("operations").join(format!("{}.json", yinqiao_gm::sm3::digest(key.as_bytes())))
}
