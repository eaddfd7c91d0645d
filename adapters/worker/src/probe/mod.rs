//! The probe role: a process that loads a plugin and calls its C functions as no host would.
//!
//! The worker keeps a plugin from everything the contract forbids, and keeps the contract itself. A conformance check
//! wants the opposite: tables with too little room, hosts of another version, documents that are no JSON, the same
//! function from many threads, and a look at the process between two steps. Each [`Step`] is one thing done to the
//! plugin, each [`Answer`] what came back and what the plugin did with the host meanwhile.
//!
//! ```text
//! Probe (kit) ── socket pair: one JSON line per step and answer ── probe process ── ca_adapter.h ── plugin.so
//! ```
//!
//! The process is started and killed like a worker's: without environment, with the library as a descriptor, dead when
//! its starter is. It may crash, hang or end at any step; [`ProbeEnd`] says which.
#![allow(unsafe_code, reason = "calls the plugin's C functions")]

mod client;
mod host;
mod plugin;
mod protocol;
mod role;
mod snapshot;

pub use client::{Probe, ProbeEnd};
pub use protocol::{
    Answer, Called, HostUse, Logged, Octets, Offer, RawCall, RepeatedCalls, Result, SLICE_FUNCTIONS, Slice,
    Snapshot, Step, TableAnswer, TableView, VERSION_1_0_SIZE,
};
pub use role::main;

pub use crate::message::Function;
