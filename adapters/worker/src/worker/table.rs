//! Fetching a plugin's table and holding it to the contract ("HOW THIS CONTRACT GROWS" in `ca_adapter.h`).

use std::ptr;

use yinqiao_ca_abi::{
    Announced as _, EntryPoint, abi, ca_adapter, ca_host, ca_slice, capability, read_announced, status,
};
use yinqiao_ca_sdk::Threading;

use super::refused;
use crate::message::{Refused, Stage};

/// The longest of vendor, name, version and build in octets.
const NAME_LIMIT: usize = 128;
/// Octets behind the room that must stay as they are: a plugin that does not look at the room writes there.
const GUARD: usize = 1 << 10;
const GUARD_WORD: u64 = 0xA5A5_A5A5_A5A5_A5A5;

/// A minor version of the contract, as its host knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostVersion {
    /// Its number.
    pub(super) minor: u16,
    /// Octets of the plugin's table, a multiple of eight.
    pub(super) room: usize,
    /// The capability bits that mean something.
    pub(super) capabilities: u64,
}

impl HostVersion {
    /// This host's.
    pub(super) const PRESENT: Self =
        Self { minor: abi::CA_ABI_MINOR, room: size_of::<ca_adapter>(), capabilities: capability::KNOWN };
}

/// Calls the entry with room for the host's version of the table, and gives back what was filled, the rest `None`.
pub(super) fn fetch(
    entry: EntryPoint,
    host: &'static ca_host,
    version: HostVersion,
) -> Result<ca_adapter, Refused> {
    let room = version.room / size_of::<u64>();
    // Words, for the alignment of the table's members.
    let mut words = vec![0_u64; room + GUARD / size_of::<u64>()];
    words[room..].fill(GUARD_WORD);
    let out = words.as_mut_ptr().cast::<ca_adapter>();
    let preset = u32::try_from(version.room).unwrap_or(u32::MAX);
    // SAFETY: `words` has more than four octets, aligned for a u64.
    unsafe { out.cast::<u32>().write(preset) };
    // SAFETY: the host's table lives as long as the process; out is zeroed, with room for what it announces and more.
    let status = unsafe { entry(ptr::from_ref(host), out) };
    if status != status::CA_OK {
        let text = match status {
            status::CA_NOT_SUPPORTED | status::CA_PERMANENT => format!(
                "ca_adapter_get refused this host's version {}.{} with the status {status}; get a build of the plugin \
                 for it, or see the plugin's own log",
                host.abi_major, host.abi_minor
            ),
            _ => format!(
                "ca_adapter_get says with the status {status} that it cannot work now; see to what the plugin needs, \
                 its device or driver, and to its own log"
            ),
        };
        return Err(Refused { stage: Stage::Entry, status, vendor_code: None, text });
    }
    // SAFETY: as above, and the plugin's call is over.
    let announced = unsafe { out.cast::<u32>().read() } as usize;
    if announced > version.room || words[room..].iter().any(|word| *word != GUARD_WORD) {
        return Err(wrong(format!(
            "it filled {announced} octets of its table, where the host gave room for {}: it wrote past the end; use \
             ca_adapter_fill, which heeds the room",
            version.room
        )));
    }
    if announced < ca_adapter::SIZE_1_0 || !announced.is_multiple_of(8) {
        return Err(wrong(format!(
            "the table has {announced} octets; version 1.0 has {}, and each later one a multiple of 8",
            ca_adapter::SIZE_1_0
        )));
    }
    // SAFETY: the octets are `words`', at least as many as are announced, and nobody writes to them now; the plugin fills
    // whole members, and what it left alone is zero.
    unsafe { read_announced(out) }.ok_or_else(|| wrong("the table cannot be read".to_owned()))
}

/// Holds a fetched table to the contract: how the plugin may be called, and the capabilities that this host knows.
pub(super) fn check(adapter: &ca_adapter, version: HostVersion) -> Result<(Threading, u64), Refused> {
    if adapter.abi_major != abi::CA_ABI_MAJOR {
        let (theirs, ours) = (adapter.abi_major, abi::CA_ABI_MAJOR);
        return Err(wrong(format!(
            "the adapter speaks version {theirs} of the contract, this host version {ours}; get a build for version {ours}"
        )));
    }
    let required = [
        ("describe", adapter.describe.is_some()),
        ("open", adapter.open.is_some()),
        ("close", adapter.close.is_some()),
        ("health", adapter.health.is_some()),
        ("submit", adapter.submit.is_some()),
    ];
    if let Some((name, _)) = required.iter().find(|(_, there)| !there) {
        return Err(wrong(format!("the required function {name} is NULL")));
    }
    let offered = [
        ("poll", capability::CA_CAN_POLL, adapter.poll.is_some()),
        ("lookup", capability::CA_CAN_LOOKUP, adapter.lookup.is_some()),
        ("cancel", capability::CA_CAN_CANCEL, adapter.cancel.is_some()),
        ("list", capability::CA_CAN_LIST, adapter.list.is_some()),
    ];
    for (name, bit, there) in offered {
        if (adapter.capabilities & bit != 0) != there {
            return Err(wrong(format!("the capability bit and the pointer of {name} do not agree")));
        }
    }
    // What a later minor version added is not for this host; of its own it knows every bit.
    let is_newer = adapter.abi_minor > version.minor;
    let unknown = adapter.capabilities & !version.capabilities;
    if unknown != 0 && !is_newer {
        let (major, minor) = (adapter.abi_major, adapter.abi_minor);
        return Err(wrong(format!(
            "the capability bit {} has no meaning in the adapter's version {major}.{minor} of the contract",
            unknown.trailing_zeros()
        )));
    }
    if adapter.flags != 0 && !is_newer {
        return Err(wrong(format!("the flags are {:#x}; they must be 0", adapter.flags)));
    }
    match Threading::from_number(adapter.threading) {
        Some(threading) => Ok((threading, adapter.capabilities & version.capabilities)),
        None => Err(wrong(format!("the threading {} is none of this host's version", adapter.threading))),
    }
}

/// One of vendor, name, version and build.
pub(super) fn name(slice: ca_slice, what: &str, least: usize) -> Result<String, Refused> {
    // A length beyond the limit is not followed.
    let octets = if slice.len > NAME_LIMIT as u64 {
        None
    } else {
        // SAFETY: a slice of the plugin's table points to its static storage.
        unsafe { slice.as_bytes() }
    };
    match octets.and_then(|octets| str::from_utf8(octets).ok()) {
        Some(text) if text.len() >= least => Ok(text.to_owned()),
        _ => Err(wrong(format!("{what} is not text of {least} to {NAME_LIMIT} octets"))),
    }
}

fn wrong(text: String) -> Refused {
    refused(Stage::Table, text)
}

#[cfg(test)]
mod tests;
