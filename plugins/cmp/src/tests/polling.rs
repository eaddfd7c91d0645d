//! poll, which the local host of the SDK does not call: an adapter around this one lets submit of a seal's status do it.
#![allow(unsafe_code, reason = "an entry for the local host; the body is the SDK's")]

use serde_json::Value;
use yinqiao_ca_abi::{ca_adapter, ca_host};
use yinqiao_ca_sdk::messages::SealIdentity;
use yinqiao_ca_sdk::{
    Adapter, AdapterError, Call, Description, ErrorClass, Host, LocalError, LocalHost, Operation, Outcome,
    Request, Threading,
};

use super::fixture::Pki;
use super::mock_server::MockServer;
use super::{SECRET, configuration, issue};
use crate::adapter::{CmpClient, Instance};

struct Around;
struct AroundInstance(Instance);

impl Adapter for Around {
    const VENDOR: &'static str = "test";
    const NAME: &'static str = "around";
    const VERSION: &'static str = "1";
    const CAPABILITIES: u64 = Operation::Issue.capability() | Operation::SealStatus.capability();
    const THREADING: Threading = CmpClient::THREADING;
    type Instance = AroundInstance;

    fn describe() -> Description {
        CmpClient::describe()
    }

    fn open(configuration: &Value, host: &Host<'_>) -> Result<AroundInstance, AdapterError> {
        CmpClient::open(configuration, host).map(AroundInstance)
    }
}

impl yinqiao_ca_sdk::Instance for AroundInstance {
    fn health(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        self.0.health(call)
    }

    fn submit(&self, call: &Call<'_>, request: Request) -> Result<Outcome, AdapterError> {
        match request {
            Request::SealStatus(token) => self.0.poll(call, &token.seal_id),
            other => self.0.submit(call, other),
        }
    }
}

unsafe extern "C" fn entry(host: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: both pointers come from the host, which promises what fill_table asks for.
    unsafe { yinqiao_ca_sdk::export::fill_table::<Around>(host, out) }
}

fn host() -> LocalHost {
    // SAFETY: the entry is the SDK's for an adapter of its trait.
    unsafe { LocalHost::load(entry, &[(crate::MAC_SECRET, SECRET)]) }.unwrap()
}

#[test]
fn a_token_is_polled_across_a_restart_until_the_certificate_is_there() {
    let pki = Pki::new();
    pki.sign("holder.csr", "holder.pem");
    let server = MockServer::with_mac(&pki, &["-poll_count", "3", "-check_after", "1"]);
    let folder = tempfile::tempdir().unwrap();
    let document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    let request = issue(&pki.bytes("holder.der"));
    let pending = host().open(&document).unwrap().submit("order-1", &request).unwrap_err();
    let LocalError::Pending(pending) = pending else { panic!("{pending}") };

    let token = |text: &str| {
        let request = Request::SealStatus(SealIdentity { seal_id: text.to_owned() });
        (Operation::SealStatus, request.to_json().unwrap())
    };
    let (host, unknown) = (host(), "0".repeat(64));
    let ca = host.open(&document).unwrap();
    for nobody in [unknown.as_str(), "../transactions", ""] {
        let (operation, request) = token(nobody);
        let error = ca.submit_document("", operation, &request).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::Permanent), "{nobody}");
    }
    let (operation, request) = token(&pending.token);
    for _ in 0..50 {
        match ca.submit_document("", operation, &request) {
            Ok(reply) => {
                let reply = String::from_utf8(reply).unwrap();
                assert!(reply.contains("signing_certificate"), "{reply}");
                assert_eq!(ca.submit_document("", operation, &request).unwrap(), reply.into_bytes(), "again");
                return;
            }
            Err(LocalError::Pending(again)) => {
                std::thread::sleep(std::time::Duration::from_millis(again.retry_after_ms.max(10)));
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("never granted");
}
