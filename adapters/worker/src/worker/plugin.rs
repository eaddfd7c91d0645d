//! Loading a plugin and holding its table to the contract.

use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use yinqiao_ca_abi::{
    ENTRY_SYMBOL, EntryPoint, abi, ca_adapter, ca_call, ca_host, ca_instance, ca_slice, capability, status,
};
use yinqiao_ca_sdk::messages::ErrorDocument;
use yinqiao_ca_sdk::{Description, Threading};
use zeroize::Zeroizing;

use super::functions::{self, inside};
use super::state::State;
use crate::message::{AdapterInfo, Call, Function, Refused, Stage};
use crate::nesting::{DEPTH_LIMIT, nesting_is_within};
use crate::sandbox::Isolation;

/// The longest of vendor, name, version and build in octets.
const NAME_LIMIT: usize = 128;

/// A loaded plugin. Copies share it; it is never unloaded.
#[derive(Clone, Copy)]
pub(super) struct Plugin {
    adapter: &'static ca_adapter,
    host: &'static ca_host,
    state: &'static State,
    pub(super) threading: Threading,
}

// SAFETY: the table is checked and never changes; its functions may be called from other threads as `threading` says,
// which `threads` keeps to; the slices point to the plugin's static storage.
unsafe impl Send for Plugin {}

/// An opened instance.
#[derive(Clone, Copy)]
pub(super) struct OpenInstance(*mut ca_instance);

// SAFETY: an instance goes to another thread only where the plugin said that it may be called from any.
unsafe impl Send for OpenInstance {}

impl Plugin {
    /// Loads the library behind the descriptor and checks its table and description.
    pub(super) fn load(state: &'static State, library: &OwnedFd) -> Result<(Self, AdapterInfo), Refused> {
        let host = functions::table(state);
        let adapter = fetch_table(host, library)?;
        let threading = check_table(adapter)?;
        let plugin = Self { adapter, host, state, threading };
        let info = AdapterInfo {
            vendor: name(adapter.vendor, "vendor", 1)?,
            name: name(adapter.name, "name", 1)?,
            version: name(adapter.version, "version", 1)?,
            build_id: name(adapter.build_id, "build_id", 0)?,
            abi_major: adapter.abi_major,
            abi_minor: adapter.abi_minor,
            capabilities: adapter.capabilities,
            threading,
            concurrency: 1,
            description: plugin.describe()?,
            isolation: Isolation::default(),
        };
        Ok((plugin, info))
    }

    fn describe(&self) -> Result<Description, Refused> {
        let Some(describe) = self.adapter.describe else {
            return Err(refused(Stage::Table, "describe is NULL"));
        };
        // SAFETY: a function of the checked table, with the host's table and this call's buffer.
        let (status, document) = inside(self.state.reply_limit(), |out| unsafe { describe(self.host, out) });
        if status != status::CA_OK {
            return Err(refused_by(Stage::Describe, status, &document));
        }
        if !nesting_is_within(&document, DEPTH_LIMIT) {
            return Err(refused(Stage::Describe, "the description is nested too deep"));
        }
        serde_json::from_slice(&document)
            .map_err(|error| refused(Stage::Describe, format!("the description is not valid: {error}")))
    }

    /// Opens an instance.
    pub(super) fn open(&self, configuration: &[u8]) -> Result<OpenInstance, Refused> {
        let Some(open) = self.adapter.open else { return Err(refused(Stage::Table, "open is NULL")) };
        let mut instance = ptr::null_mut();
        // SAFETY: a function of the checked table; configuration, instance and buffer outlive the call.
        let (status, document) = inside(self.state.reply_limit(), |out| unsafe {
            open(self.host, ca_slice::lend(configuration), &raw mut instance, out)
        });
        match status {
            status::CA_OK if instance.is_null() => Err(refused(Stage::Open, "open gave no instance")),
            status::CA_OK => Ok(OpenInstance(instance)),
            status => Err(refused_by(Stage::Open, status, &document)),
        }
    }

    /// Closes an instance that no call is in and that is not used again.
    pub(super) fn close(&self, instance: OpenInstance) {
        if let Some(close) = self.adapter.close {
            // SAFETY: opened by this plugin; the caller closes it once, with no call inside.
            inside(0, |_| unsafe { close(instance.0) });
        }
    }

    /// Calls a function.
    pub(super) fn call(&self, instance: OpenInstance, id: u64, call: &Call) -> (i32, Zeroizing<Vec<u8>>) {
        let structure = ca_call {
            struct_size: size_of::<ca_call>() as u32,
            flags: 0,
            call_id: id,
            timeout_ms: u64::try_from(self.state.remaining(id).as_millis()).unwrap_or(u64::MAX),
            idempotency_key: ca_slice::lend(call.idempotency_key.as_bytes()),
            trace_id: ca_slice::lend(call.trace_id.as_bytes()),
        };
        let document = ca_slice::lend(&call.document);
        let with_document = match call.function {
            Function::Poll => self.adapter.poll,
            Function::Lookup => self.adapter.lookup,
            Function::Cancel => self.adapter.cancel,
            Function::List => self.adapter.list,
            Function::Health | Function::Submit => None,
        };
        inside(self.state.reply_limit(), |out| {
            // SAFETY: functions of the checked table with an open instance; structure, document and buffer outlive the
            // call; the thread is one that the plugin's threading allows.
            unsafe {
                match (call.function, self.adapter.health, self.adapter.submit, with_document) {
                    (Function::Health, Some(health), ..) => health(instance.0, &raw const structure, out),
                    (Function::Submit, _, Some(submit), _) => {
                        submit(instance.0, &raw const structure, call.operation, document, out)
                    }
                    (_, _, _, Some(function)) => function(instance.0, &raw const structure, document, out),
                    _ => status::CA_NOT_SUPPORTED,
                }
            }
        })
    }
}

fn fetch_table(host: &'static ca_host, library: &OwnedFd) -> Result<&'static ca_adapter, Refused> {
    let path = format!("/proc/self/fd/{}", library.as_raw_fd());
    // SAFETY: loading runs the library's constructors, foreign code: this process holds nothing else for that reason.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| refused(Stage::Load, error.to_string()))?;
    // SAFETY: the symbol has the type of the contract; that is what exporting this name means.
    let entry: EntryPoint = match unsafe { library.get::<EntryPoint>(ENTRY_SYMBOL) } {
        Ok(symbol) => *symbol,
        Err(_) => {
            let text = "the library does not export ca_adapter_get: it is no adapter of this contract";
            return Err(refused(Stage::Entry, text));
        }
    };
    // Unloading a library is not safe: threads and thread-local destructors may still run in it.
    mem::forget(library);

    let adapter = Box::leak(Box::new(ca_adapter::EMPTY));
    // SAFETY: host and table live as long as the process; the table is empty with its size preset.
    match unsafe { entry(host, &raw mut *adapter) } {
        status::CA_OK => Ok(adapter),
        status => {
            let text =
                format!("ca_adapter_get refused this host's version {}.{}", host.abi_major, host.abi_minor);
            Err(Refused { stage: Stage::Entry, status, vendor_code: None, text })
        }
    }
}

fn check_table(adapter: &ca_adapter) -> Result<Threading, Refused> {
    let wrong = |text: String| Err(refused(Stage::Table, text));
    if adapter.abi_major != abi::CA_ABI_MAJOR {
        let (theirs, ours) = (adapter.abi_major, abi::CA_ABI_MAJOR);
        return wrong(format!(
            "the adapter speaks version {theirs} of the contract, this host version {ours}"
        ));
    }
    if adapter.struct_size as usize != size_of::<ca_adapter>() {
        let (theirs, ours) = (adapter.struct_size, size_of::<ca_adapter>());
        return wrong(format!("the table has {theirs} octets, version 1.0 has {ours}"));
    }
    let required = [
        ("describe", adapter.describe.is_some()),
        ("open", adapter.open.is_some()),
        ("close", adapter.close.is_some()),
        ("health", adapter.health.is_some()),
        ("submit", adapter.submit.is_some()),
    ];
    if let Some((name, _)) = required.iter().find(|(_, there)| !there) {
        return wrong(format!("the required function {name} is NULL"));
    }
    let offered = [
        ("poll", capability::CA_CAN_POLL, adapter.poll.is_some()),
        ("lookup", capability::CA_CAN_LOOKUP, adapter.lookup.is_some()),
        ("cancel", capability::CA_CAN_CANCEL, adapter.cancel.is_some()),
        ("list", capability::CA_CAN_LIST, adapter.list.is_some()),
    ];
    for (name, bit, there) in offered {
        if (adapter.capabilities & bit != 0) != there {
            return wrong(format!("the capability bit and the pointer of {name} do not agree"));
        }
    }
    match Threading::from_number(adapter.threading) {
        Some(threading) => Ok(threading),
        None => wrong(format!("the threading {} is none of the contract's", adapter.threading)),
    }
}

fn name(slice: ca_slice, what: &str, least: usize) -> Result<String, Refused> {
    // SAFETY: a slice of the plugin's table points to its static storage.
    let text = unsafe { slice.as_bytes() }.and_then(|octets| str::from_utf8(octets).ok());
    match text {
        Some(text) if (least..=NAME_LIMIT).contains(&text.len()) => Ok(text.to_owned()),
        _ => Err(refused(Stage::Table, format!("{what} is not text of {least} to {NAME_LIMIT} octets"))),
    }
}

fn refused(stage: Stage, text: impl Into<String>) -> Refused {
    Refused { stage, status: status::CA_PERMANENT, vendor_code: None, text: text.into() }
}

fn refused_by(stage: Stage, status: i32, document: &[u8]) -> Refused {
    let document: ErrorDocument = serde_json::from_slice(document).unwrap_or_default();
    let text =
        document.text.unwrap_or_else(|| format!("the adapter returned the status {status} without a text"));
    Refused { stage, status, vendor_code: document.vendor_code, text }
}
