//! A loaded plugin behind its checked table.

use std::os::fd::OwnedFd;
use std::ptr;

use yinqiao_ca_abi::{ca_adapter, ca_call, ca_host, ca_instance, ca_slice, operation, status};
use yinqiao_ca_sdk::messages::ErrorDocument;
use yinqiao_ca_sdk::{Description, Threading};
use zeroize::Zeroizing;

use super::functions::{self, inside};
use super::loader;
use super::refused;
use super::state::State;
use super::table::{self, HostVersion, name};
use crate::message::{AdapterInfo, Call, Function, Refused, Stage, parse_description};
use crate::sandbox::Isolation;

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
    pub(super) fn load(
        state: &'static State,
        library: OwnedFd,
        isolation: Isolation,
    ) -> Result<(Self, AdapterInfo), Refused> {
        let host = functions::table(state);
        let entry = loader::load(&library)?;
        let adapter = table::fetch(entry, host, HostVersion::PRESENT)?;
        let (threading, capabilities) = table::check(&adapter, HostVersion::PRESENT)?;
        let adapter: &'static ca_adapter = Box::leak(Box::new(adapter));
        let plugin = Self { adapter, host, state, threading };
        let info = AdapterInfo {
            vendor: name(adapter.vendor, "vendor", 1)?,
            name: name(adapter.name, "name", 1)?,
            version: name(adapter.version, "version", 1)?,
            build_id: name(adapter.build_id, "build_id", 0)?,
            abi_major: adapter.abi_major,
            abi_minor: adapter.abi_minor,
            capabilities,
            threading,
            concurrency: 1,
            description: plugin.describe()?,
            isolation,
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
        parse_description(&document).map_err(|reason| refused(Stage::Describe, reason))
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

    /// Only revocation lists and lists of operations are long: a plugin that writes without end into any other reply is
    /// stopped long before it costs the broker time to read.
    fn reply_limit(&self, call: &Call) -> usize {
        let limit = self.state.reply_limit();
        match call.function {
            Function::List | Function::Poll => limit,
            Function::Submit if call.operation == operation::CA_OP_CRL => limit,
            Function::Submit | Function::Lookup | Function::Cancel | Function::Health => {
                limit.min(REPLY_ABOUT_ONE)
            }
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
        inside(self.reply_limit(call), |out| {
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

/// Octets of a reply that is about one certificate or seal: the largest is a seal with its picture.
const REPLY_ABOUT_ONE: usize = 2 << 20;

fn refused_by(stage: Stage, status: i32, document: &[u8]) -> Refused {
    let document: ErrorDocument = serde_json::from_slice(document).unwrap_or_default();
    let text =
        document.text.unwrap_or_else(|| format!("the adapter returned the status {status} without a text"));
    Refused { stage, status, vendor_code: document.vendor_code, text }
}
