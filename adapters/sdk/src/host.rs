//! What the host offers a plugin, without raw pointers.
#![allow(
    unsafe_code,
    reason = "calls the host's C functions; every pointer comes from the host for this very call"
)]

use std::marker::PhantomData;
use std::time::Duration;

use serde_json::Value;
use yinqiao_ca_abi::{ca_buf, ca_call, ca_host, ca_slice, log_level, read_announced, status};
use zeroize::Zeroizing;

use crate::messages::{AdapterError, ErrorClass, IdempotencyKey};

/// The host, during one call. It cannot be sent to another thread, since the contract allows host functions only on the
/// thread of the call.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// As far as this version knows it; what an older host does not have is `None`.
    table: ca_host,
    _call: PhantomData<(&'a ca_host, *const ())>,
}

impl<'a> Host<'a> {
    /// The host behind its table; `None` when the table is null or shorter than in version 1.0.
    ///
    /// # Safety
    /// `table` is null or what the host passed, valid for `'a`, and the caller is inside a call from the host.
    pub(crate) unsafe fn from_table(table: *const ca_host) -> Option<Self> {
        // SAFETY: null or the host's, with as many octets as it announces, by the caller's promise.
        unsafe { read_announced(table) }.map(|table| Self { table, _call: PhantomData })
    }

    /// Writes one event to the host's log; `fields` is an object. Never a secret, never personal data.
    pub fn log(&self, level: LogLevel, event_id: u32, fields: &Value) {
        let text = fields.to_string();
        if let Some(log) = self.table.log {
            // SAFETY: the host's function with the host's ctx; `text` outlives the call.
            unsafe { log(self.table.ctx, level.number(), event_id, ca_slice::lend(text.as_bytes())) }
        }
    }

    /// Fetches a credential by the name that the description announced.
    ///
    /// # Errors
    /// Authentication, when the host has none of that name.
    pub fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, AdapterError> {
        let missing = || {
            AdapterError::new(
                ErrorClass::Authentication,
                format!("the host has no secret named {name}; set it for this adapter"),
            )
        };
        let (Some(get), Some(scratch), Some(read)) =
            (self.table.secret_get, self.table.scratch, self.table.buf_bytes)
        else {
            return Err(missing());
        };
        // SAFETY: the host's functions with the host's ctx, inside a call on its thread. `name` outlives the call;
        // `buf` is the host's, and is read before anything else is written to it.
        unsafe {
            let buf = scratch(self.table.ctx);
            if buf.is_null() || get(self.table.ctx, ca_slice::lend(name.as_bytes()), buf) != status::CA_OK {
                return Err(missing());
            }
            let bytes = read(self.table.ctx, buf).as_bytes().ok_or_else(missing)?;
            Ok(Zeroizing::new(bytes.to_vec()))
        }
    }

    /// The wall clock, milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        // SAFETY: the host's function with the host's ctx.
        self.table.now_ms.map_or(0, |now| unsafe { now(self.table.ctx) })
    }

    /// Appends to a reply: the host's status.
    ///
    /// # Safety
    /// `out` is the buffer of the present call.
    pub(crate) unsafe fn write(&self, out: *mut ca_buf, bytes: &[u8]) -> i32 {
        match self.table.buf_write {
            // SAFETY: the host's function with the host's ctx; `out` by the caller's promise, `bytes` outlive the call.
            Some(write) => unsafe { write(self.table.ctx, out, ca_slice::lend(bytes)) },
            None => status::CA_UNHEALTHY,
        }
    }
}

/// One call from the host.
#[derive(Debug)]
pub struct Call<'a> {
    host: Host<'a>,
    id: u64,
    idempotency_key: Option<IdempotencyKey>,
    trace_id: &'a str,
}

impl<'a> Call<'a> {
    /// The call behind its structure; `None` when it is null, shorter than in version 1.0 or holds what the contract
    /// forbids.
    ///
    /// # Safety
    /// `call` is null or what the host passed to the function that is running, whose frame outlives `'a`.
    pub(crate) unsafe fn from_structure(host: Host<'a>, call: *const ca_call) -> Option<Self> {
        // SAFETY: null or the host's, with as many octets as it announces, by the caller's promise.
        let call = unsafe { read_announced(call) }?;
        // SAFETY: slices of the host, borrowed for the call.
        let (key, trace) = unsafe { (call.idempotency_key.as_bytes()?, call.trace_id.as_bytes()?) };
        let idempotency_key = match key {
            [] => None,
            key => Some(IdempotencyKey::try_from(str::from_utf8(key).ok()?.to_owned()).ok()?),
        };
        Some(Self { host, id: call.call_id, idempotency_key, trace_id: str::from_utf8(trace).ok()? })
    }

    /// The host's functions.
    #[must_use]
    pub fn host(&self) -> &Host<'a> {
        &self.host
    }

    /// Names the change once and for all.
    ///
    /// # Errors
    /// Permanent, when the host gave none.
    pub fn idempotency_key(&self) -> Result<&IdempotencyKey, AdapterError> {
        self.idempotency_key
            .as_ref()
            .ok_or_else(|| AdapterError::permanent("the call has no idempotency key"))
    }

    /// For the log; may be empty.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.trace_id
    }

    /// What is left until the time-out.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        // SAFETY: the host's function with the host's ctx.
        let remaining = self.host.table.remaining_ms.map(|f| unsafe { f(self.host.table.ctx, self.id) });
        Duration::from_millis(remaining.unwrap_or(0))
    }

    /// Whether nobody waits for the call any more.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        // SAFETY: the host's function with the host's ctx.
        self.host.table.cancelled.is_some_and(|f| unsafe { f(self.host.table.ctx, self.id) } != 0)
    }
}

/// How urgent a log event is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// Somebody must act.
    Error,
    /// Somebody should look.
    Warn,
    /// What happened.
    Info,
    /// For the plugin's author.
    Debug,
}

impl LogLevel {
    /// The header's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Error => log_level::CA_LOG_ERROR,
            Self::Warn => log_level::CA_LOG_WARN,
            Self::Info => log_level::CA_LOG_INFO,
            Self::Debug => log_level::CA_LOG_DEBUG,
        }
    }

    /// The level with the header's number; what is unknown is for the author.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            log_level::CA_LOG_ERROR => Self::Error,
            log_level::CA_LOG_WARN => Self::Warn,
            log_level::CA_LOG_INFO => Self::Info,
            _ => Self::Debug,
        }
    }
}
