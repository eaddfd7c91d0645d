//! What the kit and the probe process say to each other.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use yinqiao_ca_abi::{Announced, ca_adapter};

use crate::message::Function;
use crate::sandbox::{Isolation, Sandbox};

/// The size of the adapter's table in version 1.0 of the contract, in octets.
pub const VERSION_1_0_SIZE: u32 = <ca_adapter as Announced>::SIZE_1_0 as u32;

/// Names of the table's functions, in its order.
pub const SLICE_FUNCTIONS: [&str; 9] =
    ["describe", "open", "close", "health", "submit", "poll", "lookup", "cancel", "list"];

/// Octets, written as base64.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Octets(pub Vec<u8>);

impl Octets {
    /// The octets as text, with replacement characters where they are none.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl std::fmt::Debug for Octets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Octets({})", self.0.len())
    }
}

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl From<Octets> for String {
    fn from(octets: Octets) -> Self {
        STANDARD.encode(octets.0)
    }
}

impl TryFrom<String> for Octets {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

/// One thing that is done to the plugin.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Look at the process.
    Snapshot,
    /// What `secret_get` gives from now on.
    Secrets {
        /// By name.
        secrets: BTreeMap<String, Octets>,
    },
    /// Close the sandbox: the first step, where it is one.
    Isolate {
        /// What stays open.
        sandbox: Sandbox,
    },
    /// Load the library: its constructors run.
    Load,
    /// Call `ca_adapter_get`. With room for the whole table, later steps use what it gave.
    Table(Offer),
    /// Call `describe`.
    Describe,
    /// Call `open`. The answer's instance is named in calls.
    Open {
        /// The configuration document.
        configuration: Octets,
    },
    /// Call `close`.
    Close {
        /// Which instance.
        instance: usize,
    },
    /// Call a function.
    Call(RawCall),
    /// Call a function many times, each time with another call id; `{n}` in key and document is the number.
    Repeat {
        /// What to call.
        call: RawCall,
        /// How often.
        times: u32,
    },
    /// Open and close many times.
    Reopen {
        /// The configuration document.
        configuration: Octets,
        /// How often.
        times: u32,
    },
    /// Call from several threads at once.
    Together {
        /// With it, each thread opens and closes an instance of its own; without, the calls name theirs.
        configuration: Option<Octets>,
        /// The calls of each thread, one after the other.
        threads: Vec<Vec<RawCall>>,
    },
}

/// How `ca_adapter_get` is called.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Offer {
    /// The room for the table, in octets; what is behind it is guarded.
    pub room: u32,
    /// The host's major version.
    pub host_major: u16,
    /// The host's minor version.
    pub host_minor: u16,
    /// The size of the host's own table; at least this version's, the rest is zero.
    pub host_size: u32,
}

/// One call as the plugin sees it, whatever the contract says of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RawCall {
    /// Which function.
    pub function: Function,
    /// Which operation, for submit.
    pub operation: u32,
    /// Which instance.
    pub instance: usize,
    /// Empty: an empty slice.
    pub idempotency_key: Octets,
    /// Request, token or query; `None`: an empty slice with a NULL pointer.
    pub document: Option<Octets>,
    /// Until `remaining_ms` is 0.
    pub timeout_ms: u64,
    /// When `cancelled` becomes 1; `None`: never.
    pub cancel_after_ms: Option<u64>,
}

/// What came of a step, and what the plugin did with the host during it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Answer {
    /// What came of it.
    pub result: Result,
    /// The host functions that were used.
    pub host: HostUse,
}

/// What came of a step.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    /// Nothing to tell.
    Done,
    /// The step cannot be done: why.
    Impossible {
        /// In words.
        reason: String,
    },
    /// Of [`Step::Isolate`]: what the kernel enforces of it.
    Isolated(Isolation),
    /// Of [`Step::Snapshot`].
    Snapshot(Box<Snapshot>),
    /// Of [`Step::Table`].
    Table(Box<TableAnswer>),
    /// Of [`Step::Describe`], [`Step::Open`], [`Step::Close`], [`Step::Call`].
    Called(Called),
    /// Of [`Step::Repeat`] and [`Step::Reopen`].
    Repeated(RepeatedCalls),
    /// Of [`Step::Together`]: by thread.
    Together {
        /// Of each thread, its calls.
        threads: Vec<Vec<Called>>,
    },
}

/// What a function gave back.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Called {
    /// The status.
    pub status: i32,
    /// What it wrote.
    pub document: Octets,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// The instance that `open` set, whatever the status.
    pub instance: Option<usize>,
}

/// What many calls gave back.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct RepeatedCalls {
    /// How often each status came.
    pub statuses: BTreeMap<i32, u32>,
    /// What the last one wrote.
    pub last: Octets,
}

/// What `ca_adapter_get` gave back.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TableAnswer {
    /// The status.
    pub status: i32,
    /// The table's `struct_size` afterwards.
    pub struct_size: u32,
    /// The first octet behind the room that was written to.
    pub overflow_at: Option<u32>,
    /// Whether anything within the room, apart from `struct_size`, was written to.
    pub touched: bool,
    /// The members, when there was room for all of version 1.0.
    pub table: Option<TableView>,
}

/// The members of a table.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TableView {
    /// Its major version.
    pub abi_major: u16,
    /// Its minor version.
    pub abi_minor: u16,
    /// Who made it.
    pub vendor: Slice,
    /// What it is.
    pub name: Slice,
    /// Which one it is.
    pub version: Slice,
    /// Names this build.
    pub build_id: Slice,
    /// Bits.
    pub capabilities: u64,
    /// How it may be called.
    pub threading: u32,
    /// 0 in this version.
    pub flags: u32,
    /// Which functions are there, in the order of [`SLICE_FUNCTIONS`].
    pub functions: [bool; 9],
}

/// A slice of the table.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Slice {
    /// Its length as it says.
    pub len: u64,
    /// Its octets; `None` when it has a length and a NULL pointer, or a length that no memory has.
    pub octets: Option<Octets>,
}

/// What the plugin did with the host.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct HostUse {
    /// Lines of the log.
    pub logged: Vec<Logged>,
    /// Names of the secrets that were asked for, in order.
    pub secrets: Vec<String>,
    /// Host functions used against the contract, in words.
    pub misuse: Vec<String>,
    /// Calls of any host function.
    pub calls: u64,
}

/// One line of the log.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Logged {
    /// The header's level.
    pub level: u32,
    /// The plugin's numbering.
    pub event_id: u32,
    /// What it says is a JSON object.
    pub fields: Octets,
}

/// The process as the kernel sees it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Snapshot {
    /// Signals with a handler, one bit each.
    pub signals_caught: u64,
    /// Signals that are ignored.
    pub signals_ignored: u64,
    /// Signals that the calling thread blocks.
    pub signals_blocked: u64,
    /// The file mode creation mask.
    pub umask: u32,
    /// Threads.
    pub threads: u64,
    /// Processes that this one started.
    pub children: u64,
    /// Page faults of processes that this one started and waited for: 0 when there was none.
    pub reaped_faults: u64,
    /// The working directory.
    pub working_directory: String,
    /// `setlocale(LC_ALL, NULL)`.
    pub locale: String,
    /// The environment, sorted.
    pub environment: Vec<Octets>,
    /// Open descriptors and what they are.
    pub descriptors: BTreeMap<u32, String>,
    /// Resident memory in KiB.
    pub resident_kib: u64,
    /// Size of a core file that the kernel would write: soft limit in octets, `u64::MAX` for none.
    pub core_limit: u64,
}
