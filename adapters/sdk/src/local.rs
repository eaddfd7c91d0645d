//! An adapter inside a test, called through the same C functions as by the real host.
#![allow(unsafe_code, reason = "plays the host of the C contract")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde_json::Value;
use yinqiao_ca_abi::{
    DocumentFunction, EntryPoint, abi, ca_adapter, ca_buf, ca_call, ca_host, ca_instance, ca_slice, status,
};

use crate::adapter::{Adapter, Description};
use crate::bridge::fill_table;
use crate::messages::{
    AdapterError, Cancellation, ErrorClass, Health, ListPage, ListQuery, LookupQuery, LookupReply, Operation,
    Pending, Reply, Request,
};

/// What this host remembers for its functions.
struct Context {
    secrets: HashMap<String, Vec<u8>>,
    log: RefCell<Vec<(u32, u32, String)>>,
    scratch: RefCell<Vec<*mut Vec<u8>>>,
}

/// # Safety
/// As `ca_adapter.h` says of the entry.
unsafe extern "C" fn entry<A: Adapter>(host: *const ca_host, out: *mut ca_adapter) -> i32 {
    // SAFETY: by the caller's promise.
    unsafe { fill_table::<A>(host, out) }
}

/// A host without a worker process: for tests of adapters. One thread, no deadlines.
pub struct LocalHost {
    // Raw because the adapter keeps pointers to both for as long as this value lives.
    context: *mut Context,
    table: *mut ca_host,
    adapter: ca_adapter,
}

impl LocalHost {
    /// An adapter that is written with this crate, by its type: nothing is loaded, and `export_adapter!` is not needed.
    ///
    /// # Errors
    /// When its entry refuses.
    pub fn of<A: Adapter>(secrets: &[(&str, &[u8])]) -> Result<Self, AdapterError> {
        // SAFETY: what the SDK makes of a type keeps the contract, as it does for export_adapter!.
        unsafe { Self::load(entry::<A>, secrets) }
    }

    /// Fetches the table of an adapter that is there as a function of C, in whatever language it is written.
    /// [`Self::of`] is the safe way for a type.
    ///
    /// # Errors
    /// When the entry refuses.
    ///
    /// # Safety
    /// `entry` keeps the contract of `ca_adapter.h`, as `export_adapter!` makes it do.
    pub unsafe fn load(entry: EntryPoint, secrets: &[(&str, &[u8])]) -> Result<Self, AdapterError> {
        let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
        let context = Box::into_raw(Box::new(Context {
            secrets,
            log: RefCell::default(),
            scratch: RefCell::default(),
        }));
        let table = Box::into_raw(Box::new(ca_host {
            struct_size: size_of::<ca_host>() as u32,
            abi_major: abi::CA_ABI_MAJOR,
            abi_minor: abi::CA_ABI_MINOR,
            ctx: context.cast(),
            buf_write: Some(buf_write),
            log: Some(log),
            secret_get: Some(secret_get),
            buf_bytes: Some(buf_bytes),
            scratch: Some(scratch),
            now_ms: Some(now_ms),
            remaining_ms: Some(remaining_ms),
            cancelled: Some(cancelled),
        }));
        let mut host = Self { context, table, adapter: ca_adapter::EMPTY };
        // SAFETY: the table lives as long as this value; `adapter` is zeroed with its size preset.
        match unsafe { entry(table, &raw mut host.adapter) } {
            status::CA_OK => Ok(host),
            refused => Err(AdapterError::from_status(refused, b"", ErrorClass::Unhealthy)),
        }
    }

    /// The adapter's table.
    #[must_use]
    pub fn adapter(&self) -> &ca_adapter {
        &self.adapter
    }

    /// What was logged so far: level, event, fields.
    #[must_use]
    pub fn log(&self) -> Vec<(u32, u32, String)> {
        // SAFETY: made in `load`, freed in `drop`.
        unsafe { &*self.context }.log.borrow().clone()
    }

    /// The adapter's description.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn describe(&self) -> Result<Description, LocalError> {
        let describe = self.adapter.describe.ok_or(LocalError::Missing)?;
        // SAFETY: the adapter's function with this host's table and a fresh buffer.
        run(|out| unsafe { describe(self.table, out) })
    }

    /// Opens an instance.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn open(&self, configuration: &Value) -> Result<LocalInstance<'_>, LocalError> {
        let open = self.adapter.open.ok_or(LocalError::Missing)?;
        let document = configuration.to_string();
        let mut instance = ptr::null_mut();
        // SAFETY: the adapter's function; `document`, `instance` and the buffer outlive the call.
        let (status, bytes) = raw(|out| unsafe {
            open(self.table, ca_slice::lend(document.as_bytes()), &raw mut instance, out)
        });
        match status {
            status::CA_OK if !instance.is_null() => Ok(LocalInstance { host: self, instance }),
            status => Err(AdapterError::from_status(status, &bytes, ErrorClass::Unhealthy).into()),
        }
    }
}

impl Drop for LocalHost {
    fn drop(&mut self) {
        // SAFETY: made from boxes in `load`; every instance borrows this value and is closed by now.
        unsafe {
            free_scratch(self.context);
            drop(Box::from_raw(self.table));
            drop(Box::from_raw(self.context));
        }
    }
}

/// An opened instance; dropping it closes it.
pub struct LocalInstance<'a> {
    host: &'a LocalHost,
    instance: *mut ca_instance,
}

impl LocalInstance<'_> {
    /// Asks for its health.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn health(&self) -> Result<Health, LocalError> {
        let health = self.host.adapter.health.ok_or(LocalError::Missing)?;
        // SAFETY: the adapter's function with its instance, a call and a buffer that outlive the call.
        self.call("", |call, out| unsafe { health(self.instance, call, out) })
    }

    /// Runs one operation.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn submit(&self, idempotency_key: &str, request: &Request) -> Result<Reply, LocalError> {
        let operation = request.operation();
        let document = self.submit_document(
            idempotency_key,
            operation,
            &request.to_json().map_err(AdapterError::from)?,
        )?;
        Ok(Reply::parse(operation, &document).map_err(AdapterError::from)?)
    }

    /// Runs one operation, document in, document out.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn submit_document(
        &self,
        key: &str,
        operation: Operation,
        request: &[u8],
    ) -> Result<Vec<u8>, LocalError> {
        let submit = self.host.adapter.submit.ok_or(LocalError::Missing)?;
        // SAFETY: the adapter's function with its instance, a call, a request and a buffer that outlive the call.
        let (status, bytes) = self.raw_call(key, |call, out| unsafe {
            submit(self.instance, call, operation.number(), ca_slice::lend(request), out)
        });
        sort(status, bytes)
    }

    /// Asks what became of a pending operation.
    ///
    /// # Errors
    /// What the adapter says; [`LocalError::Pending`] as long as it is not finished.
    pub fn poll(&self, operation: Operation, token: &str) -> Result<Reply, LocalError> {
        let poll = self.host.adapter.poll.ok_or(LocalError::Missing)?;
        // SAFETY: the adapter's function with its instance, a call, a token and a buffer that outlive the call.
        let (status, bytes) = self.raw_call("", |call, out| unsafe {
            poll(self.instance, call, ca_slice::lend(token.as_bytes()), out)
        });
        Ok(Reply::parse(operation, &sort(status, bytes)?).map_err(AdapterError::from)?)
    }

    /// Looks up.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn lookup(&self, query: &LookupQuery) -> Result<LookupReply, LocalError> {
        self.document(self.host.adapter.lookup, &serde_json::to_vec(query).unwrap_or_default())
    }

    /// Withdraws.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn cancel(&self, token: &str) -> Result<Cancellation, LocalError> {
        self.document(self.host.adapter.cancel, token.as_bytes())
    }

    /// Lists.
    ///
    /// # Errors
    /// What the adapter says.
    pub fn list(&self, query: &ListQuery) -> Result<ListPage, LocalError> {
        self.document(self.host.adapter.list, &serde_json::to_vec(query).unwrap_or_default())
    }

    fn document<T: DeserializeOwned>(
        &self,
        function: Option<DocumentFunction>,
        document: &[u8],
    ) -> Result<T, LocalError> {
        let function = function.ok_or(LocalError::Missing)?;
        // SAFETY: the adapter's function with its instance, a call, a document and a buffer that outlive the call.
        self.call("", |call, out| unsafe { function(self.instance, call, ca_slice::lend(document), out) })
    }

    fn call<T: DeserializeOwned>(
        &self,
        key: &str,
        function: impl FnOnce(*const ca_call, *mut ca_buf) -> i32,
    ) -> Result<T, LocalError> {
        let (status, bytes) = self.raw_call(key, function);
        read(&sort(status, bytes)?)
    }

    fn raw_call(
        &self,
        key: &str,
        function: impl FnOnce(*const ca_call, *mut ca_buf) -> i32,
    ) -> (i32, Vec<u8>) {
        let call = ca_call {
            struct_size: size_of::<ca_call>() as u32,
            flags: 0,
            call_id: 1,
            timeout_ms: 60_000,
            idempotency_key: ca_slice::lend(key.as_bytes()),
            trace_id: ca_slice::EMPTY,
        };
        let result = raw(|out| function(&raw const call, out));
        // SAFETY: the context lives as long as the host; what `scratch` made is dropped once, here.
        unsafe { free_scratch(self.host.context) };
        result
    }
}

impl Drop for LocalInstance<'_> {
    fn drop(&mut self) {
        if let Some(close) = self.host.adapter.close {
            // SAFETY: opened by this adapter, closed once, no call inside.
            unsafe { close(self.instance) };
        }
    }
}

/// What a call in a test came to, other than done.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The adapter says why not.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The adapter does not offer the function.
    #[error("the adapter does not offer the function")]
    Missing,
    /// Accepted, not finished.
    #[error("the operation is pending")]
    Pending(Pending),
}

impl LocalError {
    /// The adapter's class, when the adapter said something.
    #[must_use]
    pub fn class(&self) -> Option<ErrorClass> {
        match self {
            Self::Adapter(error) => Some(error.class),
            Self::Missing | Self::Pending(_) => None,
        }
    }
}

fn raw(function: impl FnOnce(*mut ca_buf) -> i32) -> (i32, Vec<u8>) {
    let mut buffer: Vec<u8> = Vec::new();
    let status = function((&raw mut buffer).cast());
    (status, buffer)
}

fn run<T: DeserializeOwned>(function: impl FnOnce(*mut ca_buf) -> i32) -> Result<T, LocalError> {
    let (status, bytes) = raw(function);
    read(&sort(status, bytes)?)
}

fn sort(status: i32, bytes: Vec<u8>) -> Result<Vec<u8>, LocalError> {
    match status {
        status::CA_OK => Ok(bytes),
        status::CA_PENDING => Err(LocalError::Pending(read(&bytes)?)),
        status => Err(AdapterError::from_status(status, &bytes, ErrorClass::UnknownOutcome).into()),
    }
}

fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, LocalError> {
    Ok(serde_json::from_slice(document).map_err(|error| {
        AdapterError::unhealthy(format!("the adapter's reply is not the document: {error}"))
    })?)
}

/// # Safety
/// `context` is this host's, and no buffer made by `scratch` is in use.
unsafe fn free_scratch(context: *mut Context) {
    // SAFETY: by the caller's promise; `scratch` made each from a box, and each is taken once.
    unsafe {
        for buffer in (&*context).scratch.take() {
            drop(Box::from_raw(buffer));
        }
    }
}

unsafe extern "C" fn buf_write(_: *mut c_void, out: *mut ca_buf, bytes: ca_slice) -> i32 {
    // SAFETY: every buffer of this host is a Vec<u8>; the bytes are the adapter's for this call.
    match unsafe { (out.cast::<Vec<u8>>().as_mut(), bytes.as_bytes()) } {
        (Some(out), Some(bytes)) => {
            out.extend_from_slice(bytes);
            status::CA_OK
        }
        _ => status::CA_PERMANENT,
    }
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, event_id: u32, fields: ca_slice) {
    // SAFETY: ctx is this host's context; the bytes are the adapter's for this call.
    if let (Some(context), Some(fields)) = unsafe { (ctx.cast::<Context>().as_ref(), fields.as_bytes()) } {
        context.log.borrow_mut().push((level, event_id, String::from_utf8_lossy(fields).into_owned()));
    }
}

unsafe extern "C" fn secret_get(ctx: *mut c_void, name: ca_slice, out: *mut ca_buf) -> i32 {
    // SAFETY: ctx is this host's context; the name is the adapter's for this call.
    let (context, name) = unsafe { (ctx.cast::<Context>().as_ref(), name.as_bytes()) };
    let secret = context
        .zip(name.and_then(|name| str::from_utf8(name).ok()))
        .and_then(|(context, name)| context.secrets.get(name));
    match secret {
        // SAFETY: the buffer is one of this host's.
        Some(secret) => unsafe { buf_write(ctx, out, ca_slice::lend(secret)) },
        None => status::CA_AUTHENTICATION,
    }
}

unsafe extern "C" fn buf_bytes(_: *mut c_void, buffer: *const ca_buf) -> ca_slice {
    // SAFETY: every buffer of this host is a Vec<u8>.
    match unsafe { buffer.cast::<Vec<u8>>().as_ref() } {
        Some(buffer) => ca_slice::lend(buffer),
        None => ca_slice::EMPTY,
    }
}

unsafe extern "C" fn scratch(ctx: *mut c_void) -> *mut ca_buf {
    // SAFETY: ctx is this host's context.
    let Some(context) = (unsafe { ctx.cast::<Context>().as_ref() }) else { return ptr::null_mut() };
    let buffer = Box::into_raw(Box::<Vec<u8>>::default());
    context.scratch.borrow_mut().push(buffer);
    buffer.cast()
}

unsafe extern "C" fn now_ms(_: *mut c_void) -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

unsafe extern "C" fn remaining_ms(_: *mut c_void, _: u64) -> u64 {
    60_000
}

unsafe extern "C" fn cancelled(_: *mut c_void, _: u64) -> u32 {
    0
}
