//! The functions that the host offers the plugin.
//!
//! They may be used only inside a call and on its thread; a thread-local value says whether that is so. Buffers are
//! recognised by their address: a pointer that is not one of the present call's is refused, not followed.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use yinqiao_ca_abi::{abi, ca_buf, ca_host, ca_slice, status};
use zeroize::Zeroizing;

use super::state::State;
use crate::message::{LOG_LIMIT, SECRET_NAME_LIMIT, ToHost};

/// The most scratch buffers of one call.
const SCRATCH_LIMIT: usize = 64;

thread_local! {
    /// The buffers of the call that runs on this thread; the first is the reply's.
    #[allow(clippy::vec_box, reason = "a buffer's address is its name: it must not move when the vector grows")]
    static INSIDE: RefCell<Option<Vec<Box<Buffer>>>> = const { RefCell::new(None) };
}

struct Buffer {
    octets: Zeroizing<Vec<u8>>,
    limit: usize,
}

/// The table for the plugin, for the life of the process.
pub(super) fn table(state: &'static State) -> &'static ca_host {
    Box::leak(Box::new(ca_host {
        struct_size: size_of::<ca_host>() as u32,
        abi_major: abi::CA_ABI_MAJOR,
        abi_minor: abi::CA_ABI_MINOR,
        ctx: ptr::from_ref(state).cast_mut().cast(),
        buf_write: Some(buf_write),
        log: Some(log),
        secret_get: Some(secret_get),
        buf_bytes: Some(buf_bytes),
        scratch: Some(scratch),
        now_ms: Some(now_ms),
        remaining_ms: Some(remaining_ms),
        cancelled: Some(cancelled),
    }))
}

/// Runs `function`, a call into the plugin, with a buffer for its reply.
pub(super) fn inside(
    reply_limit: usize,
    function: impl FnOnce(*mut ca_buf) -> i32,
) -> (i32, Zeroizing<Vec<u8>>) {
    let reply = Box::new(Buffer { octets: Zeroizing::default(), limit: reply_limit });
    let out = address(&reply);
    INSIDE.set(Some(vec![reply]));
    let status = function(out);
    // Everything else that the call borrowed goes, wiped, with the vector.
    let reply = INSIDE.take().map(|mut buffers| buffers.swap_remove(0));
    (status, reply.map(|reply| reply.octets).unwrap_or_default())
}

/// A name for the buffer; it is compared, never followed.
fn address(buffer: &Buffer) -> *mut ca_buf {
    ptr::from_ref(buffer).cast_mut().cast()
}

/// Runs `action` with the buffer at `out`, if it is one of the present call's.
fn with_buffer<T>(out: *const ca_buf, action: impl FnOnce(&mut Buffer) -> T) -> Option<T> {
    INSIDE.with_borrow_mut(|buffers| {
        let buffer = buffers.as_mut()?.iter_mut().find(|buffer| ptr::eq(address(buffer), out))?;
        Some(action(buffer))
    })
}

fn is_inside() -> bool {
    INSIDE.with_borrow(Option::is_some)
}

/// # Safety
/// `ctx` is what `table` put there, or null.
unsafe fn state(ctx: *mut c_void) -> Option<&'static State> {
    // SAFETY: by the caller's promise; a leaked State is never freed.
    unsafe { ctx.cast::<State>().as_ref() }
}

fn append(out: *mut ca_buf, octets: &[u8]) -> i32 {
    let appended = with_buffer(out, |buffer| {
        if octets.len() > buffer.limit.saturating_sub(buffer.octets.len()) {
            return status::CA_LIMIT;
        }
        buffer.octets.extend_from_slice(octets);
        status::CA_OK
    });
    appended.unwrap_or(status::CA_PERMANENT)
}

pub(super) unsafe extern "C" fn buf_write(_: *mut c_void, out: *mut ca_buf, bytes: ca_slice) -> i32 {
    // SAFETY: the plugin's bytes, borrowed for this call.
    match unsafe { bytes.as_bytes() } {
        Some(octets) => append(out, octets),
        None => status::CA_PERMANENT,
    }
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, event_id: u32, fields: ca_slice) {
    // SAFETY: ctx is this table's; the plugin's bytes are borrowed for this call.
    let (Some(state), Some(fields)) = (unsafe { (state(ctx), fields.as_bytes()) }) else { return };
    if is_inside() {
        let fields = fields[..fields.len().min(LOG_LIMIT)].to_vec();
        state.send(0, &ToHost::Log { level, event_id, fields });
    }
}

unsafe extern "C" fn secret_get(ctx: *mut c_void, name: ca_slice, out: *mut ca_buf) -> i32 {
    // SAFETY: ctx is this table's; the plugin's bytes are borrowed for this call.
    let (Some(state), Some(name)) = (unsafe { (state(ctx), name.as_bytes()) }) else {
        return status::CA_PERMANENT;
    };
    let name = match str::from_utf8(name) {
        Ok(name) if is_inside() && name.len() <= SECRET_NAME_LIMIT => name.to_owned(),
        _ => return status::CA_PERMANENT,
    };
    match state.fetch_secret(name) {
        Some(secret) => append(out, &secret),
        None => status::CA_AUTHENTICATION,
    }
}

unsafe extern "C" fn buf_bytes(_: *mut c_void, buf: *const ca_buf) -> ca_slice {
    with_buffer(buf, |buffer| ca_slice::lend(&buffer.octets)).unwrap_or(ca_slice::EMPTY)
}

unsafe extern "C" fn scratch(ctx: *mut c_void) -> *mut ca_buf {
    // SAFETY: ctx is this table's.
    let Some(state) = (unsafe { state(ctx) }) else { return ptr::null_mut() };
    INSIDE.with_borrow_mut(|buffers| match buffers {
        Some(buffers) if buffers.len() <= SCRATCH_LIMIT => {
            let buffer = Box::new(Buffer { octets: Zeroizing::default(), limit: state.reply_limit() });
            let address = address(&buffer);
            buffers.push(buffer);
            address
        }
        _ => ptr::null_mut(),
    })
}

unsafe extern "C" fn now_ms(_: *mut c_void) -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

unsafe extern "C" fn remaining_ms(ctx: *mut c_void, call_id: u64) -> u64 {
    // SAFETY: ctx is this table's.
    let remaining = unsafe { state(ctx) }.map(|state| state.remaining(call_id)).unwrap_or_default();
    u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX)
}

unsafe extern "C" fn cancelled(ctx: *mut c_void, call_id: u64) -> u32 {
    // SAFETY: ctx is this table's.
    unsafe { state(ctx) }.is_none_or(|state| state.is_cancelled(call_id)).into()
}
