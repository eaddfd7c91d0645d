//! A host that gives a plugin what the contract promises, and writes down what the plugin does with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use yinqiao_ca_abi::{ca_buf, ca_host, ca_slice, status};
use zeroize::Zeroizing;

use super::protocol::{HostUse, Logged, Octets};

/// The longest reply in octets: as a worker's.
const REPLY_LIMIT: usize = 8 << 20;
/// Lines that are kept of one step.
const LINES: usize = 1000;

thread_local! {
    /// The buffers of the call that runs on this thread; the first is the reply's.
    #[allow(clippy::vec_box, reason = "a buffer's address is its name: it must not move when the vector grows")]
    static INSIDE: RefCell<Option<Vec<Box<Buffer>>>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Buffer(Zeroizing<Vec<u8>>);

/// What the host knows. One for the process.
pub(super) struct Host {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    secrets: BTreeMap<String, Octets>,
    used: HostUse,
    calls: HashMap<u64, Progress>,
}

struct Progress {
    deadline: Instant,
    cancelled_at: Option<Instant>,
}

impl Host {
    pub(super) fn new() -> &'static Self {
        Box::leak(Box::new(Self { state: Mutex::default() }))
    }

    /// The table for the plugin: `size` octets, of which this version's are filled.
    pub(super) fn table(&'static self, major: u16, minor: u16, size: u32) -> *const ca_host {
        let table = ca_host {
            struct_size: size,
            abi_major: major,
            abi_minor: minor,
            ctx: ptr::from_ref(self).cast_mut().cast(),
            buf_write: Some(buf_write),
            log: Some(log),
            secret_get: Some(secret_get),
            buf_bytes: Some(buf_bytes),
            scratch: Some(scratch),
            now_ms: Some(now_ms),
            remaining_ms: Some(remaining_ms),
            cancelled: Some(cancelled),
        };
        let words = (size as usize).max(size_of::<ca_host>()).div_ceil(8);
        // A plugin keeps the pointer for the life of the process.
        let memory: &'static mut [u64] = Box::leak(vec![0_u64; words].into_boxed_slice());
        let place = memory.as_mut_ptr().cast::<ca_host>();
        // SAFETY: the memory has at least the table's size and the alignment of u64, which is the table's.
        unsafe { place.write(table) };
        place
    }

    pub(super) fn set_secrets(&self, secrets: BTreeMap<String, Octets>) {
        self.lock().secrets = secrets;
    }

    /// What was used since this was asked last.
    pub(super) fn take_use(&self) -> HostUse {
        std::mem::take(&mut self.lock().used)
    }

    /// Runs `function`, a call into the plugin, with a buffer for its reply.
    pub(super) fn inside(&self, function: impl FnOnce(*mut ca_buf) -> i32) -> (i32, Zeroizing<Vec<u8>>) {
        let reply = Box::new(Buffer::default());
        let out = address(&reply);
        INSIDE.set(Some(vec![reply]));
        let status = function(out);
        let reply = INSIDE.take().map(|mut buffers| buffers.swap_remove(0));
        (status, reply.map(|reply| reply.0).unwrap_or_default())
    }

    /// The plugin may ask for the time and the cancellation of this call from now on.
    pub(super) fn begin(&self, id: u64, timeout_ms: u64, cancel_after_ms: Option<u64>) {
        let now = Instant::now();
        let after = |milliseconds: u64| now + Duration::from_millis(milliseconds.min(86_400_000));
        let progress = Progress { deadline: after(timeout_ms), cancelled_at: cancel_after_ms.map(after) };
        self.lock().calls.insert(id, progress);
    }

    pub(super) fn finish(&self, id: u64) {
        self.lock().calls.remove(&id);
    }

    /// Held for a few instructions, never while the plugin runs.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a use and tells whether it is inside a call on this thread; if not, that is misuse.
    fn used(&self, function: &str) -> bool {
        let inside = INSIDE.with_borrow(Option::is_some);
        self.lock().used.calls += 1;
        if !inside {
            self.misused(&format!(
                "{function} was called outside a call of the host, or from another thread"
            ));
        }
        inside
    }

    fn misused(&self, what: &str) {
        let used = &mut self.lock().used;
        if used.misuse.len() < LINES {
            used.misuse.push(what.to_owned());
        }
    }
}

fn address(buffer: &Buffer) -> *mut ca_buf {
    ptr::from_ref(buffer).cast_mut().cast()
}

fn with_buffer<T>(out: *const ca_buf, action: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
    INSIDE.with_borrow_mut(|buffers| {
        let buffer = buffers.as_mut()?.iter_mut().find(|buffer| ptr::eq(address(buffer), out))?;
        Some(action(&mut buffer.0))
    })
}

/// # Safety
/// `ctx` is what `Host::table` put there, or null.
unsafe fn host(ctx: *mut c_void) -> Option<&'static Host> {
    // SAFETY: by the caller's promise; a leaked Host is never freed.
    unsafe { ctx.cast::<Host>().as_ref() }
}

unsafe extern "C" fn buf_write(ctx: *mut c_void, out: *mut ca_buf, bytes: ca_slice) -> i32 {
    // SAFETY: ctx is this table's; the plugin's bytes are borrowed for this call.
    let (Some(host), bytes) = (unsafe { (host(ctx), bytes.as_bytes()) }) else { return status::CA_PERMANENT };
    if !host.used("buf_write") {
        return status::CA_PERMANENT;
    }
    let Some(bytes) = bytes else {
        host.misused("buf_write was given a NULL pointer with a length");
        return status::CA_PERMANENT;
    };
    let written = with_buffer(out, |buffer| {
        if bytes.len() > REPLY_LIMIT.saturating_sub(buffer.len()) {
            return status::CA_LIMIT;
        }
        buffer.extend_from_slice(bytes);
        status::CA_OK
    });
    written.unwrap_or_else(|| {
        host.misused("buf_write was given a buffer that is none of this call");
        status::CA_PERMANENT
    })
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, event_id: u32, fields: ca_slice) {
    // SAFETY: ctx is this table's; the plugin's bytes are borrowed for this call.
    let (Some(host), fields) = (unsafe { (host(ctx), fields.as_bytes()) }) else { return };
    if !host.used("log") {
        return;
    }
    let Some(fields) = fields else {
        host.misused("log was given a NULL pointer with a length");
        return;
    };
    if !(1..=4).contains(&level) {
        host.misused(&format!("log was given the level {level}; the contract has 1 to 4"));
    }
    if !serde_json::from_slice::<serde_json::Value>(fields).is_ok_and(|fields| fields.is_object()) {
        host.misused(&format!("the fields of the log event {event_id} are no JSON object"));
    }
    let logged = &mut host.lock().used.logged;
    if logged.len() < LINES {
        logged.push(Logged { level, event_id, fields: fields.to_vec().into() });
    }
}

unsafe extern "C" fn secret_get(ctx: *mut c_void, name: ca_slice, out: *mut ca_buf) -> i32 {
    // SAFETY: ctx is this table's; the plugin's bytes are borrowed for this call.
    let (Some(host), name) = (unsafe { (host(ctx), name.as_bytes()) }) else { return status::CA_PERMANENT };
    if !host.used("secret_get") {
        return status::CA_PERMANENT;
    }
    let Some(name) = name.and_then(|name| str::from_utf8(name).ok()) else {
        host.misused("secret_get was given a name that is no text");
        return status::CA_PERMANENT;
    };
    let secret = {
        let mut state = host.lock();
        if state.used.secrets.len() < LINES {
            state.used.secrets.push(name.to_owned());
        }
        state.secrets.get(name).cloned()
    };
    match secret {
        None => status::CA_AUTHENTICATION,
        Some(secret) => match with_buffer(out, |buffer| buffer.extend_from_slice(&secret.0)) {
            Some(()) => status::CA_OK,
            None => {
                host.misused("secret_get was given a buffer that is none of this call");
                status::CA_PERMANENT
            }
        },
    }
}

unsafe extern "C" fn buf_bytes(ctx: *mut c_void, buf: *const ca_buf) -> ca_slice {
    // SAFETY: ctx is this table's.
    let Some(host) = (unsafe { host(ctx) }) else { return ca_slice::EMPTY };
    if !host.used("buf_bytes") {
        return ca_slice::EMPTY;
    }
    with_buffer(buf, |buffer| ca_slice::lend(buffer)).unwrap_or_else(|| {
        host.misused("buf_bytes was given a buffer that is none of this call");
        ca_slice::EMPTY
    })
}

unsafe extern "C" fn scratch(ctx: *mut c_void) -> *mut ca_buf {
    // SAFETY: ctx is this table's.
    let Some(host) = (unsafe { host(ctx) }) else { return ptr::null_mut() };
    if !host.used("scratch") {
        return ptr::null_mut();
    }
    INSIDE.with_borrow_mut(|buffers| {
        let Some(buffers) = buffers else { return ptr::null_mut() };
        let buffer = Box::new(Buffer::default());
        let address = address(&buffer);
        buffers.push(buffer);
        address
    })
}

unsafe extern "C" fn now_ms(_: *mut c_void) -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

unsafe extern "C" fn remaining_ms(ctx: *mut c_void, call_id: u64) -> u64 {
    // SAFETY: ctx is this table's.
    let Some(host) = (unsafe { host(ctx) }) else { return 0 };
    let deadline = host.lock().calls.get(&call_id).map(|progress| progress.deadline);
    deadline.map_or(0, |deadline| deadline.saturating_duration_since(Instant::now()).as_millis() as u64)
}

unsafe extern "C" fn cancelled(ctx: *mut c_void, call_id: u64) -> u32 {
    // SAFETY: ctx is this table's.
    let Some(host) = (unsafe { host(ctx) }) else { return 1 };
    let now = Instant::now();
    let calls = &host.lock().calls;
    calls.get(&call_id).is_none_or(|call| call.cancelled_at.is_some_and(|at| at <= now)).into()
}
