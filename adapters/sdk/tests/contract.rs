//! The C functions that `export_adapter!` makes, called as a host calls them.
#![allow(unsafe_code, reason = "plays the host")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use serde_json::{Value, json};
use yinqiao_ca_abi::{abi, ca_adapter, ca_host, capability, status};
use yinqiao_ca_sdk::messages::{Empty, LookupQuery, LookupReply, Pending, SealIdentity};
use yinqiao_ca_sdk::{
    Adapter, AdapterError, Call, Capability, Description, ErrorClass, Host, Instance, LocalError, LocalHost,
    LogLevel, Operation, Outcome, Request, Threading, export_adapter,
};

struct Rehearsal;

struct Opened {
    secret_length: usize,
}

impl Adapter for Rehearsal {
    const VENDOR: &'static str = "Example";
    const NAME: &'static str = "rehearsal";
    const VERSION: &'static str = "1.2.3";
    const CAPABILITIES: u64 = Operation::Crl.capability()
        | Operation::Revoke.capability()
        | Operation::SealStatus.capability()
        | Operation::CaCertificates.capability()
        | capability::CA_CAN_LOOKUP;
    const THREADING: Threading = Threading::Reentrant;
    type Instance = Opened;

    fn describe() -> Description {
        Description { configuration: json!({"type": "object"}), ..Description::default() }
    }

    fn open(configuration: &Value, host: &Host<'_>) -> Result<Opened, AdapterError> {
        host.log(LogLevel::Info, 7, &json!({"opened": true}));
        if configuration["panic"] == true {
            panic!("in open");
        }
        Ok(Opened { secret_length: host.secret("password")?.len() })
    }
}

impl Instance for Opened {
    fn health(&self, call: &Call<'_>) -> Result<Option<String>, AdapterError> {
        assert!(!call.cancelled() && call.remaining().as_secs() > 0 && call.host().now_ms() > 0);
        Ok(Some(format!("a secret of {} bytes", self.secret_length)))
    }

    fn submit(&self, call: &Call<'_>, request: Request) -> Result<Outcome, AdapterError> {
        match request {
            Request::Crl(_) => panic!("a reading operation"),
            Request::Revoke(_) => panic!("a changing operation"),
            Request::SealStatus(_) => Ok(Outcome::Pending(Pending {
                token: call.idempotency_key()?.to_string(),
                retry_after_ms: 5,
                expires_at_ms: None,
            })),
            other => Err(AdapterError::permanent("no").with_vendor_code(other.operation().name())),
        }
    }

    fn lookup(&self, _: &Call<'_>, _: &LookupQuery) -> Result<LookupReply, AdapterError> {
        Ok(LookupReply::Absent)
    }
}

export_adapter!(Rehearsal);

fn host() -> LocalHost {
    // SAFETY: the macro's function.
    unsafe { LocalHost::load(ca_adapter_get, &[("password", b"12345")]) }.unwrap()
}

#[test]
fn an_adapter_is_tested_by_its_type_as_through_its_symbol() {
    let by_type = LocalHost::of::<Rehearsal>(&[("password", b"12345")]).unwrap();
    let (one, other) = (by_type.adapter(), host());
    let other = other.adapter();
    assert_eq!((one.capabilities, one.threading), (other.capabilities, other.threading));
    let instance = by_type.open(&json!({})).unwrap();
    assert_eq!(instance.health().unwrap().text.unwrap(), "a secret of 5 bytes");
    assert_eq!(by_type.describe().unwrap().configuration, json!({"type": "object"}));
}

#[test]
fn every_capability_beside_operations_is_a_bit_of_the_header_and_there_are_no_others() {
    let named = Capability::ALL.iter().fold(0, |bits, capability| bits | capability.bit());
    let operations = Operation::ALL.iter().fold(0, |bits, operation| bits | operation.capability());
    assert_eq!(named & operations, 0);
    assert_eq!(named | operations, capability::KNOWN);
}

#[test]
fn pointers_agree_with_capability_bits() {
    let host = host();
    let adapter = host.adapter();
    assert!(
        adapter.lookup.is_some()
            && adapter.poll.is_none()
            && adapter.cancel.is_none()
            && adapter.list.is_none()
    );
    assert_eq!(adapter.struct_size as usize, size_of::<ca_adapter>());
}

#[test]
fn a_table_with_less_room_is_filled_no_further() {
    let room = std::mem::offset_of!(ca_adapter, submit) as u32;
    let mut table = ca_adapter { struct_size: room, ..ca_adapter::EMPTY };
    let host = ca_host {
        struct_size: size_of::<ca_host>() as u32,
        abi_major: abi::CA_ABI_MAJOR,
        abi_minor: 0,
        ctx: std::ptr::null_mut(),
        buf_write: None,
        log: None,
        secret_get: None,
        buf_bytes: None,
        scratch: None,
        now_ms: None,
        remaining_ms: None,
        cancelled: None,
    };
    // SAFETY: a zeroed table with more room than it says, and a table of the host that outlives it.
    assert_eq!(unsafe { ca_adapter_get(&raw const host, &raw mut table) }, status::CA_OK);
    assert!(table.health.is_some() && table.submit.is_none() && table.lookup.is_none());
    assert_eq!(table.struct_size, room);

    let newer = ca_host { abi_major: abi::CA_ABI_MAJOR + 1, ..host };
    // SAFETY: as above.
    assert_eq!(unsafe { ca_adapter_get(&raw const newer, &raw mut table) }, status::CA_NOT_SUPPORTED);
}

#[test]
fn secrets_log_and_clock_reach_the_adapter() {
    let host = host();
    let instance = host.open(&json!({})).unwrap();
    assert_eq!(instance.health().unwrap().text.unwrap(), "a secret of 5 bytes");
    assert_eq!(host.log(), [(3, 7, r#"{"opened":true}"#.to_owned())]);
}

#[test]
fn a_missing_secret_is_an_authentication_error_that_names_it() {
    // SAFETY: the macro's function.
    let host = unsafe { LocalHost::load(ca_adapter_get, &[]) }.unwrap();
    let Err(LocalError::Adapter(error)) = host.open(&json!({})) else { panic!("opened without its secret") };
    assert_eq!(error.class, ErrorClass::Authentication);
    assert!(error.text.contains("password"));
}

#[test]
fn a_panic_is_unknown_outcome_where_something_may_have_changed_and_unhealthy_elsewhere() {
    let host = host();
    assert_eq!(host.open(&json!({"panic": true})).err().unwrap().class(), Some(ErrorClass::Unhealthy));
    let instance = host.open(&json!({})).unwrap();
    let revoke = br#"{"serial": "01", "reason": "superseded", "pair": true}"#;
    let error = instance.submit_document("k", Operation::Revoke, revoke).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::UnknownOutcome));
    let error = instance.submit("k", &Request::Crl(Empty {})).unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Unhealthy));
}

#[test]
fn what_the_capabilities_lack_never_reaches_the_adapter() {
    let host = host();
    let error = host.open(&json!({})).unwrap().submit_document("k", Operation::Issue, b"{}").unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::NotSupported));
}

#[test]
fn a_pending_operation_hands_its_token_over() {
    let host = host();
    let instance = host.open(&json!({})).unwrap();
    let request = Request::SealStatus(SealIdentity { seal_id: "s".into() });
    let Err(LocalError::Pending(pending)) = instance.submit("order-1", &request) else {
        panic!("not pending")
    };
    assert_eq!(pending.token, "order-1");
}

#[test]
fn the_vendors_code_stands_beside_the_class() {
    let host = host();
    let Err(LocalError::Adapter(error)) =
        host.open(&json!({})).unwrap().submit("k", &Request::CaCertificates(Empty {}))
    else {
        panic!("no error")
    };
    assert_eq!((error.class, error.vendor_code.as_deref()), (ErrorClass::Permanent, Some("CA certificates")));
}

#[test]
fn a_malformed_request_or_query_is_permanent() {
    let host = host();
    let instance = host.open(&json!({})).unwrap();
    let error = instance.submit_document("k", Operation::Revoke, b"not json").unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
    let error = instance.submit_document("two words", Operation::Revoke, b"{}").unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Permanent));
    let key = LookupQuery::IdempotencyKey("k".to_owned().try_into().unwrap());
    assert!(matches!(instance.lookup(&key), Ok(LookupReply::Absent)));
}
