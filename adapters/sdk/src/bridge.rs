//! From the C functions of the contract to the traits of this crate: checks what comes in, catches panics, writes what
//! goes out.
#![allow(
    unsafe_code,
    reason = "implements the C functions; every block says which promise of the host it rests on"
)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use serde::Serialize;
use serde_json::Value;
use yinqiao_ca_abi::{
    DocumentFunction, abi, ca_adapter, ca_buf, ca_call, ca_host, ca_instance, ca_slice, capability, status,
};

use crate::adapter::{Adapter, Instance as _, Outcome};
use crate::host::{Call, Host};
use crate::messages::{AdapterError, ErrorClass, Health, Operation, Request};

/// What an instance pointer points to.
struct Opened<A: Adapter> {
    instance: A::Instance,
    host: *const ca_host,
}

/// Fills the host's table for `A`.
///
/// # Safety
/// As `ca_adapter.h` says of `ca_adapter_get`: `host` stays valid, `out` is zeroed, writable for the number of bytes in
/// its `struct_size`, and nobody else uses it meanwhile.
pub unsafe fn fill_table<A: Adapter>(host: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: the host passes its table; null gives None.
    let Some(host) = (unsafe { host.as_ref() }) else { return status::CA_PERMANENT };
    if out.is_null() || host.abi_major != abi::CA_ABI_MAJOR {
        return status::CA_NOT_SUPPORTED;
    }
    let mut table = table::<A>();
    // SAFETY: struct_size is the first member, and any room begins with it.
    let room = unsafe { ptr::read(out.cast::<u32>()) };
    table.struct_size = table.struct_size.min(room);
    // SAFETY: no more bytes than there is room for, by the host's promise; source and destination are different.
    unsafe {
        ptr::copy_nonoverlapping(
            (&raw const table).cast::<u8>(),
            out.cast::<u8>(),
            table.struct_size as usize,
        )
    };
    status::CA_OK
}

fn table<A: Adapter>() -> ca_adapter {
    let offered = |bit: u64, function: DocumentFunction| (A::CAPABILITIES & bit != 0).then_some(function);
    ca_adapter {
        struct_size: size_of::<ca_adapter>() as u32,
        abi_major: abi::CA_ABI_MAJOR,
        abi_minor: abi::CA_ABI_MINOR,
        vendor: ca_slice::lend(A::VENDOR.as_bytes()),
        name: ca_slice::lend(A::NAME.as_bytes()),
        version: ca_slice::lend(A::VERSION.as_bytes()),
        build_id: ca_slice::lend(A::BUILD_ID.as_bytes()),
        capabilities: A::CAPABILITIES,
        threading: A::THREADING.number(),
        flags: 0,
        describe: Some(describe::<A>),
        open: Some(open::<A>),
        close: Some(close::<A>),
        health: Some(health::<A>),
        submit: Some(submit::<A>),
        poll: offered(capability::CA_CAN_POLL, poll::<A>),
        lookup: offered(capability::CA_CAN_LOOKUP, lookup::<A>),
        cancel: offered(capability::CA_CAN_CANCEL, cancel::<A>),
        list: offered(capability::CA_CAN_LIST, list::<A>),
    }
}

/// What a function answers: a status that is not an error, with its document.
type Answer = Result<(i32, Vec<u8>), AdapterError>;

unsafe extern "C" fn describe<A: Adapter>(host: *const ca_host, out: *mut ca_buf) -> i32 {
    // SAFETY: the host's table, inside a call from the host.
    let Some(host) = (unsafe { Host::from_table(host) }) else { return status::CA_UNHEALTHY };
    // SAFETY: `out` is this call's buffer.
    unsafe { answer(host, out, ErrorClass::Unhealthy, || done(&A::describe())) }
}

unsafe extern "C" fn open<A: Adapter>(
    host: *const ca_host,
    configuration: ca_slice,
    instance: *mut *mut ca_instance,
    out: *mut ca_buf,
) -> i32 {
    let table = host;
    // SAFETY: the host's table, inside a call from the host.
    let Some(host) = (unsafe { Host::from_table(host) }) else { return status::CA_UNHEALTHY };
    if instance.is_null() {
        return status::CA_PERMANENT;
    }
    let run = || {
        // SAFETY: borrowed from the host for this call.
        let bytes = unsafe { configuration.as_bytes() }.unwrap_or_default();
        let configuration: Value = serde_json::from_slice(bytes)
            .map_err(|error| AdapterError::permanent(format!("the configuration is not JSON: {error}")))?;
        let opened = Opened::<A> { instance: A::open(&configuration, &host)?, host: table };
        // SAFETY: not null (checked above) and writable by the host's promise.
        unsafe { *instance = Box::into_raw(Box::new(opened)).cast() };
        Ok((status::CA_OK, Vec::new()))
    };
    // SAFETY: `out` is this call's buffer.
    unsafe { answer(host, out, ErrorClass::Unhealthy, run) }
}

unsafe extern "C" fn close<A: Adapter>(instance: *mut ca_instance) -> i32 {
    if instance.is_null() {
        return status::CA_PERMANENT;
    }
    // SAFETY: the host closes once, with no call inside, what `open::<A>` made from a Box.
    let opened = unsafe { Box::from_raw(instance.cast::<Opened<A>>()) };
    match catch_unwind(AssertUnwindSafe(|| drop(opened))) {
        Ok(()) => status::CA_OK,
        Err(_) => status::CA_UNHEALTHY,
    }
}

unsafe extern "C" fn health<A: Adapter>(
    instance: *mut ca_instance,
    call: *const ca_call,
    out: *mut ca_buf,
) -> i32 {
    // SAFETY: instance, call and buffer are the host's for this call.
    unsafe {
        within::<A>(instance, call, out, ErrorClass::Unhealthy, |instance, call| {
            done(&Health { text: instance.health(call)? })
        })
    }
}

unsafe extern "C" fn submit<A: Adapter>(
    instance: *mut ca_instance,
    call: *const ca_call,
    operation: u32,
    request: ca_slice,
    out: *mut ca_buf,
) -> i32 {
    let operation = Operation::from_number(operation);
    let panicked = match operation {
        Some(operation) if operation.changes() => ErrorClass::UnknownOutcome,
        _ => ErrorClass::Unhealthy,
    };
    let run = |instance: &A::Instance, call: &Call<'_>| {
        let operation = operation.ok_or_else(|| {
            AdapterError::new(ErrorClass::NotSupported, "this adapter is older than the operation")
        })?;
        if A::CAPABILITIES & operation.capability() == 0 {
            return Err(AdapterError::not_supported(operation));
        }
        // SAFETY: borrowed from the host for this call.
        let document = unsafe { request.as_bytes() }.unwrap_or_default();
        outcome(instance.submit(call, Request::parse(operation, document)?)?)
    };
    // SAFETY: instance, call and buffer are the host's for this call.
    unsafe { within::<A>(instance, call, out, panicked, run) }
}

unsafe extern "C" fn poll<A: Adapter>(
    instance: *mut ca_instance,
    call: *const ca_call,
    token: ca_slice,
    out: *mut ca_buf,
) -> i32 {
    // SAFETY: instance, call, token and buffer are the host's for this call.
    unsafe {
        within::<A>(instance, call, out, ErrorClass::Unhealthy, |instance, call| {
            outcome(instance.poll(call, text(token)?)?)
        })
    }
}

unsafe extern "C" fn lookup<A: Adapter>(
    instance: *mut ca_instance,
    call: *const ca_call,
    query: ca_slice,
    out: *mut ca_buf,
) -> i32 {
    // SAFETY: instance, call, query and buffer are the host's for this call.
    unsafe {
        within::<A>(instance, call, out, ErrorClass::Unhealthy, |instance, call| {
            done(&instance.lookup(call, &document(query)?)?)
        })
    }
}

unsafe extern "C" fn cancel<A: Adapter>(
    instance: *mut ca_instance,
    call: *const ca_call,
    token: ca_slice,
    out: *mut ca_buf,
) -> i32 {
    // SAFETY: instance, call, token and buffer are the host's for this call.
    unsafe {
        within::<A>(instance, call, out, ErrorClass::UnknownOutcome, |instance, call| {
            done(&instance.cancel(call, text(token)?)?)
        })
    }
}

unsafe extern "C" fn list<A: Adapter>(
    instance: *mut ca_instance,
    call: *const ca_call,
    query: ca_slice,
    out: *mut ca_buf,
) -> i32 {
    // SAFETY: instance, call, query and buffer are the host's for this call.
    unsafe {
        within::<A>(instance, call, out, ErrorClass::Unhealthy, |instance, call| {
            done(&instance.list(call, &document(query)?)?)
        })
    }
}

/// Runs `run` with the instance and call behind the pointers.
///
/// # Safety
/// `instance` is null or was made by `open::<A>` and is not closed; `call` and `out` are the host's for this call.
unsafe fn within<A: Adapter>(
    instance: *mut ca_instance,
    call: *const ca_call,
    out: *mut ca_buf,
    panicked: ErrorClass,
    run: impl FnOnce(&A::Instance, &Call<'_>) -> Answer,
) -> i32 {
    // SAFETY: by the caller's promise.
    let Some(opened) = (unsafe { instance.cast::<Opened<A>>().as_ref() }) else {
        return status::CA_PERMANENT;
    };
    // SAFETY: the table stays valid for the life of the process, and this is a call from the host.
    let Some(host) = (unsafe { Host::from_table(opened.host) }) else { return status::CA_UNHEALTHY };
    // SAFETY: `call` is the host's for the function that is running.
    let call = unsafe { Call::from_structure(host, call) };
    let run = || {
        let call = call.ok_or_else(|| AdapterError::permanent("the call is not what the contract says"))?;
        run(&opened.instance, &call)
    };
    // SAFETY: `out` is this call's buffer.
    unsafe { answer(host, out, panicked, run) }
}

/// Runs `run`, turns errors and panics into a status, writes the document.
///
/// # Safety
/// `out` is the buffer of the present call.
unsafe fn answer(
    host: Host<'_>,
    out: *mut ca_buf,
    panicked: ErrorClass,
    run: impl FnOnce() -> Answer,
) -> i32 {
    // An instance is shared by reference and keeps its own locks, which a panic poisons: nothing is left half-changed
    // without its owner's knowledge.
    let result = catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|panic| Err(AdapterError::new(panicked, panic_text(panic.as_ref()))));
    let (status, document) = match result {
        Ok(answer) => answer,
        Err(error) => (error.class.status(), serde_json::to_vec(&error.to_document()).unwrap_or_default()),
    };
    if document.is_empty() {
        return status;
    }
    // SAFETY: `out` by the caller's promise.
    match unsafe { host.write(out, &document) } {
        status::CA_OK => status,
        // The change is made, but its reply could not be handed over: only a lookup can tell.
        _ if panicked == ErrorClass::UnknownOutcome && status == status::CA_OK => status::CA_UNKNOWN_OUTCOME,
        refused => refused,
    }
}

/// A panic's text is not passed on: it may quote what was being worked on.
fn panic_text(_panic: &(dyn Any + Send)) -> String {
    "the adapter panicked; its standard error has the place".to_owned()
}

fn done(document: &impl Serialize) -> Answer {
    match serde_json::to_vec(document) {
        Ok(bytes) => Ok((status::CA_OK, bytes)),
        Err(error) => Err(AdapterError::unknown_outcome(format!("the reply cannot be written: {error}"))),
    }
}

fn outcome(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Done(reply) => done(&reply),
        Outcome::Pending(pending) => done(&pending).map(|(_, document)| (status::CA_PENDING, document)),
    }
}

/// # Safety
/// The slice is the host's for this call, which outlives `'a`.
unsafe fn text<'a>(slice: ca_slice) -> Result<&'a str, AdapterError> {
    // SAFETY: by the caller's promise.
    unsafe { slice.as_bytes() }
        .and_then(|bytes| str::from_utf8(bytes).ok())
        .ok_or_else(|| AdapterError::permanent("the token is not text"))
}

/// # Safety
/// The slice is the host's for this call.
unsafe fn document<T: serde::de::DeserializeOwned>(slice: ca_slice) -> Result<T, AdapterError> {
    // SAFETY: by the caller's promise.
    let bytes = unsafe { slice.as_bytes() }.unwrap_or_default();
    serde_json::from_slice(bytes)
        .map_err(|error| AdapterError::permanent(format!("the query is not valid: {error}")))
}
