//! The plugin behind its raw functions. Nothing is checked here: the checks look at what comes back.

use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use yinqiao_ca_abi::{
    ENTRY_SYMBOL, EntryPoint, abi, ca_adapter, ca_call, ca_host, ca_instance, ca_slice, status,
};

use super::host::Host;
use super::protocol::{
    Called, Octets, Offer, RawCall, RepeatedCalls, Result, Slice, TableAnswer, TableView, VERSION_1_0_SIZE,
};
use crate::message::Function;

/// Octets behind the room of a table that a plugin must leave alone.
const GUARD: usize = 512;
const GUARD_OCTET: u8 = 0xA5;
/// Room for a vendor's library that keeps large arrays on the stack.
const STACK: usize = 8 << 20;

/// A plugin in the making: each step goes a little further.
pub(super) struct Plugin {
    host: &'static Host,
    table: *const ca_host,
    entry: Option<EntryPoint>,
    adapter: Option<ca_adapter>,
    instances: Mutex<Vec<*mut ca_instance>>,
    next_call: AtomicU64,
}

// SAFETY: the raw pointers are the plugin's and the leaked host table; threads of `together` use them only where the
// plugin's threading allows calls from several threads, which is the kit's to ask for.
unsafe impl Sync for Plugin {}

impl Plugin {
    pub(super) fn new() -> Self {
        let host = Host::new();
        let table = host.table(abi::CA_ABI_MAJOR, abi::CA_ABI_MINOR, size_of::<ca_host>() as u32);
        Self {
            host,
            table,
            entry: None,
            adapter: None,
            instances: Mutex::default(),
            next_call: AtomicU64::new(1),
        }
    }

    pub(super) fn host(&self) -> &'static Host {
        self.host
    }

    pub(super) fn load(&mut self, library: &OwnedFd) -> Result {
        let path = format!("/proc/self/fd/{}", library.as_raw_fd());
        // SAFETY: loading runs the library's constructors, foreign code: this process holds nothing else for that
        // reason.
        let library = match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) } {
            Ok(library) => library,
            Err(error) => {
                return impossible(format!("the loader of the system refuses the library: {error}"));
            }
        };
        // SAFETY: the symbol has the type of the contract; that is what exporting this name means.
        let Ok(symbol) = (unsafe { library.get::<EntryPoint>(ENTRY_SYMBOL) }) else {
            return impossible("the library does not export ca_adapter_get");
        };
        self.entry = Some(*symbol);
        // Unloading a library is not safe.
        std::mem::forget(library);
        Result::Done
    }

    /// Calls the entry with memory that is guarded behind the offered room.
    pub(super) fn table(&mut self, offer: Offer) -> Result {
        let Some(entry) = self.entry else { return impossible("the library is not loaded") };
        let room = offer.room as usize;
        // The preset size itself needs its four octets, whatever it says.
        let open = room.max(size_of::<u32>());
        let words = (open + GUARD).max(size_of::<ca_adapter>() + GUARD).div_ceil(8);
        let memory: &'static mut [u64] = Box::leak(vec![0_u64; words].into_boxed_slice());
        let octets: *mut u8 = memory.as_mut_ptr().cast();
        // SAFETY: the guard lies within the allocation.
        unsafe { ptr::write_bytes(octets.add(open), GUARD_OCTET, words * 8 - open) };
        let out = octets.cast::<ca_adapter>();
        // SAFETY: at least four octets, aligned for u64.
        unsafe { out.cast::<u32>().write(offer.room) };
        let host = self.host.table(offer.host_major, offer.host_minor, offer.host_size);
        // SAFETY: as the contract has it: the host's table stays, out is zeroed with its size preset.
        let status = unsafe { entry(host, out) };
        // SAFETY: the allocation is initialised and not touched by anyone now that the call is over.
        let after = unsafe { std::slice::from_raw_parts(octets, words * 8) };
        let struct_size = u32::from_ne_bytes([after[0], after[1], after[2], after[3]]);
        let overflow = after[open..].iter().position(|octet| *octet != GUARD_OCTET);
        let mut table = None;
        if room >= size_of::<ca_adapter>() && status == status::CA_OK && overflow.is_none() {
            // SAFETY: room for the whole table, all of whose members allow any octets except function pointers, which
            // are null or the plugin's.
            let adapter = unsafe { out.read() };
            self.adapter = Some(adapter);
            self.table = host;
            table = Some(view(&adapter));
        } else if room >= VERSION_1_0_SIZE as usize && status == status::CA_OK {
            let mut adapter = ca_adapter::EMPTY;
            // SAFETY: both are as long as version 1.0 and do not overlap.
            unsafe {
                ptr::copy_nonoverlapping(
                    octets,
                    ptr::from_mut(&mut adapter).cast(),
                    VERSION_1_0_SIZE as usize,
                );
            }
            table = Some(view(&adapter));
        }
        Result::Table(Box::new(TableAnswer {
            status,
            struct_size,
            overflow_at: overflow.map(|position| (open + position) as u32),
            touched: after[size_of::<u32>()..open].iter().any(|octet| *octet != 0),
            table,
        }))
    }

    pub(super) fn describe(&self) -> Result {
        let Some(describe) = self.adapter.and_then(|adapter| adapter.describe) else {
            return impossible("describe is NULL");
        };
        let began = Instant::now();
        // SAFETY: a function of the table, with the host's table and this call's buffer.
        let (status, document) = self.host.inside(|out| unsafe { describe(self.table, out) });
        Result::Called(called(status, &document, began))
    }

    pub(super) fn open(&self, configuration: &Octets) -> Result {
        match self.open_instance(configuration) {
            Some((mut called, instance)) => {
                if !instance.is_null() {
                    let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
                    called.instance = Some(instances.len());
                    instances.push(instance);
                }
                Result::Called(called)
            }
            None => impossible("open is NULL"),
        }
    }

    pub(super) fn close(&self, number: usize) -> Result {
        let began = Instant::now();
        match self.instance(number).and_then(|instance| self.close_instance(instance)) {
            Some(status) => Result::Called(called(status, &[], began)),
            None => impossible("there is no such instance, or close is NULL"),
        }
    }

    pub(super) fn call(&self, call: &RawCall) -> Result {
        match self.instance(call.instance).and_then(|instance| self.call_instance(instance, call)) {
            Some(called) => Result::Called(called),
            None => impossible("there is no such instance, or the function is NULL"),
        }
    }

    pub(super) fn repeat(&self, call: &RawCall, times: u32) -> Result {
        let Some(instance) = self.instance(call.instance) else {
            return impossible("there is no such instance");
        };
        let mut repeated = RepeatedCalls::default();
        for number in 0..times {
            let call = RawCall {
                idempotency_key: numbered(&call.idempotency_key, number),
                document: call.document.as_ref().map(|document| numbered(document, number)),
                ..call.clone()
            };
            let Some(called) = self.call_instance(instance, &call) else {
                return impossible("the function is NULL");
            };
            *repeated.statuses.entry(called.status).or_default() += 1;
            repeated.last = called.document;
        }
        Result::Repeated(repeated)
    }

    pub(super) fn reopen(&self, configuration: &Octets, times: u32) -> Result {
        let mut repeated = RepeatedCalls::default();
        for _ in 0..times {
            let Some((called, instance)) = self.open_instance(configuration) else {
                return impossible("open is NULL");
            };
            *repeated.statuses.entry(called.status).or_default() += 1;
            repeated.last = called.document;
            if !instance.is_null() && self.close_instance(instance).is_none() {
                return impossible("close is NULL");
            }
        }
        Result::Repeated(repeated)
    }

    pub(super) fn together(&self, configuration: Option<&Octets>, threads: &[Vec<RawCall>]) -> Result {
        let run = |calls: &Vec<RawCall>| -> Vec<Called> {
            let own = match configuration {
                None => None,
                Some(configuration) => match self.open_instance(configuration) {
                    Some((_, instance)) if !instance.is_null() => Some(instance),
                    Some((called, _)) => return vec![called],
                    None => return Vec::new(),
                },
            };
            let each = calls.iter().map_while(|call| {
                let instance = own.or_else(|| self.instance(call.instance))?;
                self.call_instance(instance, call)
            });
            let results = each.collect();
            if let Some(instance) = own {
                self.close_instance(instance);
            }
            results
        };
        let results = thread::scope(|scope| {
            let started: Vec<_> = threads
                .iter()
                .map(|calls| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || run(calls)))
                .collect();
            // A thread that could not be started has made no calls, which its count shows.
            started
                .into_iter()
                .map(|thread| thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default())
                .collect()
        });
        Result::Together { threads: results }
    }

    fn instance(&self, number: usize) -> Option<*mut ca_instance> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).get(number).copied()
    }

    fn open_instance(&self, configuration: &Octets) -> Option<(Called, *mut ca_instance)> {
        let open = self.adapter?.open?;
        let mut instance = ptr::null_mut();
        let began = Instant::now();
        // SAFETY: a function of the table; configuration, instance and buffer outlive the call.
        let (status, document) = self.host.inside(|out| unsafe {
            open(self.table, ca_slice::lend(&configuration.0), &raw mut instance, out)
        });
        Some((called(status, &document, began), instance))
    }

    fn close_instance(&self, instance: *mut ca_instance) -> Option<i32> {
        let close = self.adapter?.close?;
        // SAFETY: opened by this plugin; the kit closes it once.
        Some(self.host.inside(|_| unsafe { close(instance) }).0)
    }

    fn call_instance(&self, instance: *mut ca_instance, call: &RawCall) -> Option<Called> {
        let adapter = self.adapter?;
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        let structure = ca_call {
            struct_size: size_of::<ca_call>() as u32,
            flags: 0,
            call_id: id,
            timeout_ms: call.timeout_ms,
            idempotency_key: ca_slice::lend(&call.idempotency_key.0),
            trace_id: ca_slice::lend(b"conformance"),
        };
        let document = call.document.as_ref().map_or(ca_slice::EMPTY, |document| ca_slice::lend(&document.0));
        let with_document = match call.function {
            Function::Poll => adapter.poll,
            Function::Lookup => adapter.lookup,
            Function::Cancel => adapter.cancel,
            Function::List => adapter.list,
            Function::Health | Function::Submit => None,
        };
        let there = match call.function {
            Function::Health => adapter.health.is_some(),
            Function::Submit => adapter.submit.is_some(),
            _ => with_document.is_some(),
        };
        if !there {
            return None;
        }
        self.host.begin(id, call.timeout_ms, call.cancel_after_ms);
        let began = Instant::now();
        let (status, written) = self.host.inside(|out| {
            // SAFETY: functions of the table with an instance that is open; structure, document and buffer outlive the
            // call; which thread it is, is the kit's to choose by the plugin's threading.
            unsafe {
                match (call.function, adapter.health, adapter.submit, with_document) {
                    (Function::Health, Some(health), ..) => health(instance, &raw const structure, out),
                    (Function::Submit, _, Some(submit), _) => {
                        submit(instance, &raw const structure, call.operation, document, out)
                    }
                    (_, _, _, Some(function)) => function(instance, &raw const structure, document, out),
                    _ => status::CA_NOT_SUPPORTED,
                }
            }
        });
        let called = called(status, &written, began);
        self.host.finish(id);
        Some(called)
    }
}

fn called(status: i32, document: &[u8], began: Instant) -> Called {
    let micros = began.elapsed().as_micros() as u64;
    Called { status, document: Octets(document.to_vec()), micros, instance: None }
}

fn numbered(octets: &Octets, number: u32) -> Octets {
    match str::from_utf8(&octets.0) {
        Ok(text) if text.contains("{n}") => Octets(text.replace("{n}", &number.to_string()).into_bytes()),
        _ => octets.clone(),
    }
}

fn view(adapter: &ca_adapter) -> TableView {
    TableView {
        abi_major: adapter.abi_major,
        abi_minor: adapter.abi_minor,
        vendor: slice(adapter.vendor),
        name: slice(adapter.name),
        version: slice(adapter.version),
        build_id: slice(adapter.build_id),
        capabilities: adapter.capabilities,
        threading: adapter.threading,
        flags: adapter.flags,
        functions: [
            adapter.describe.is_some(),
            adapter.open.is_some(),
            adapter.close.is_some(),
            adapter.health.is_some(),
            adapter.submit.is_some(),
            adapter.poll.is_some(),
            adapter.lookup.is_some(),
            adapter.cancel.is_some(),
            adapter.list.is_some(),
        ],
    }
}

/// A length that no name has is not followed.
fn slice(slice: ca_slice) -> Slice {
    // SAFETY: a slice of the plugin's table points to its static storage.
    let octets = if slice.len > 1 << 16 { None } else { unsafe { slice.as_bytes() } };
    Slice { len: slice.len, octets: octets.map(|octets| octets.to_vec().into()) }
}

fn impossible(reason: impl Into<String>) -> Result {
    Result::Impossible { reason: reason.into() }
}
