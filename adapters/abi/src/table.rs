//! The structures of `ca_adapter.h`.
//!
//! All pointers and functions here are raw: calling one is `unsafe`, and the header says what the caller promises.
#![allow(non_camel_case_types, reason = "the names are the header's, so that both can be searched at once")]

use core::ffi::c_void;
use core::marker::{PhantomData, PhantomPinned};

/// Bytes borrowed from the other side; not NUL-terminated, `ptr` may be null when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_slice {
    /// First byte.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: u64,
}

impl ca_slice {
    /// No bytes.
    pub const EMPTY: Self = Self { ptr: core::ptr::null(), len: 0 };

    /// Lends `bytes`. The borrow is not tracked: the slice must not be used after `bytes` is gone.
    #[must_use]
    pub const fn lend(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() as u64 }
    }

    /// The bytes, for a lifetime that the caller chooses. `None` when the slice cannot be one: a null pointer with a
    /// length, or a length beyond the address space.
    ///
    /// # Safety
    /// When `ptr` is not null, `len` bytes from it must be readable and unchanged for `'a`.
    #[allow(unsafe_code, reason = "the one place where a foreign pointer and length become a Rust slice")]
    #[must_use]
    pub const unsafe fn as_bytes<'a>(self) -> Option<&'a [u8]> {
        if self.len == 0 {
            return Some(&[]);
        }
        if self.ptr.is_null() || self.len > isize::MAX as u64 {
            return None;
        }
        // SAFETY: not null and not longer than isize::MAX, both checked above; readable and unchanged for 'a by the
        // caller's promise; u8 has no alignment or validity demands.
        Some(unsafe { core::slice::from_raw_parts(self.ptr, self.len as usize) })
    }
}

/// Where a reply goes: the host's, opaque to a plugin.
#[repr(C)]
pub struct ca_buf {
    _bytes: [u8; 0],
    _not_send: PhantomData<(*mut u8, PhantomPinned)>,
}

/// One opened connection to a CA: the plugin's, opaque to the host.
#[repr(C)]
pub struct ca_instance {
    _bytes: [u8; 0],
    _not_send: PhantomData<(*mut u8, PhantomPinned)>,
}

/// What the host offers a plugin; valid for the life of the process.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_host {
    /// Size of this structure as the host knows it.
    pub struct_size: u32,
    /// The host's major version.
    pub abi_major: u16,
    /// The host's minor version.
    pub abi_minor: u16,
    /// First argument of every function below.
    pub ctx: *mut c_void,
    /// Appends bytes to a reply.
    pub buf_write: Option<unsafe extern "C" fn(*mut c_void, *mut ca_buf, ca_slice) -> i32>,
    /// Writes one event to the host's log.
    pub log: Option<unsafe extern "C" fn(*mut c_void, u32, u32, ca_slice)>,
    /// Fetches a credential.
    pub secret_get: Option<unsafe extern "C" fn(*mut c_void, ca_slice, *mut ca_buf) -> i32>,
    /// Reads a buffer.
    pub buf_bytes: Option<unsafe extern "C" fn(*mut c_void, *const ca_buf) -> ca_slice>,
    /// Makes a buffer for the plugin's own use during this call.
    pub scratch: Option<unsafe extern "C" fn(*mut c_void) -> *mut ca_buf>,
    /// The wall clock in milliseconds since 1970.
    pub now_ms: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    /// Milliseconds left of a call.
    pub remaining_ms: Option<unsafe extern "C" fn(*mut c_void, u64) -> u64>,
    /// 1 when nobody waits for the call any more.
    pub cancelled: Option<unsafe extern "C" fn(*mut c_void, u64) -> u32>,
}

/// One call from the host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_call {
    /// Size of this structure as the host knows it.
    pub struct_size: u32,
    /// 0 in this version.
    pub flags: u32,
    /// Unique in this process.
    pub call_id: u64,
    /// What was left when the call began, in milliseconds.
    pub timeout_ms: u64,
    /// Names a change once and for all; empty where nothing changes.
    pub idempotency_key: ca_slice,
    /// For the log; may be empty.
    pub trace_id: ca_slice,
}

/// A function that takes an instance, a call and one document or token.
pub type DocumentFunction =
    unsafe extern "C" fn(*mut ca_instance, *const ca_call, ca_slice, *mut ca_buf) -> i32;

/// What a plugin offers; `None` = not offered.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_adapter {
    /// Preset by the host to the room there is; lowered by the plugin to what it filled.
    pub struct_size: u32,
    /// The plugin's major version.
    pub abi_major: u16,
    /// The plugin's minor version.
    pub abi_minor: u16,
    /// Who made it.
    pub vendor: ca_slice,
    /// What it is.
    pub name: ca_slice,
    /// Which one it is.
    pub version: ca_slice,
    /// Names this build in the vendor's archive.
    pub build_id: ca_slice,
    /// Bits of [`crate::capability`].
    pub capabilities: u64,
    /// One of [`crate::threading`].
    pub threading: u32,
    /// 0 in this version.
    pub flags: u32,
    /// Schema of the configuration, secrets, products.
    pub describe: Option<unsafe extern "C" fn(*const ca_host, *mut ca_buf) -> i32>,
    /// Opens an instance.
    pub open:
        Option<unsafe extern "C" fn(*const ca_host, ca_slice, *mut *mut ca_instance, *mut ca_buf) -> i32>,
    /// Closes an instance.
    pub close: Option<unsafe extern "C" fn(*mut ca_instance) -> i32>,
    /// Asks the CA whether it works.
    pub health: Option<unsafe extern "C" fn(*mut ca_instance, *const ca_call, *mut ca_buf) -> i32>,
    /// Runs one operation.
    pub submit:
        Option<unsafe extern "C" fn(*mut ca_instance, *const ca_call, u32, ca_slice, *mut ca_buf) -> i32>,
    /// What became of a pending operation.
    pub poll: Option<DocumentFunction>,
    /// What the CA knows.
    pub lookup: Option<DocumentFunction>,
    /// Withdraws a pending operation.
    pub cancel: Option<DocumentFunction>,
    /// What was issued.
    pub list: Option<DocumentFunction>,
}

impl ca_adapter {
    /// An empty table of this crate's size, as a host presents it.
    pub const EMPTY: Self = Self {
        struct_size: size_of::<Self>() as u32,
        abi_major: 0,
        abi_minor: 0,
        vendor: ca_slice::EMPTY,
        name: ca_slice::EMPTY,
        version: ca_slice::EMPTY,
        build_id: ca_slice::EMPTY,
        capabilities: 0,
        threading: 0,
        flags: 0,
        describe: None,
        open: None,
        close: None,
        health: None,
        submit: None,
        poll: None,
        lookup: None,
        cancel: None,
        list: None,
    };
}

/// The type of the one exported symbol.
pub type EntryPoint = unsafe extern "C" fn(*const ca_host, *mut ca_adapter) -> i32;

/// The name of the one exported symbol.
pub const ENTRY_SYMBOL: &[u8] = b"ca_adapter_get\0";
