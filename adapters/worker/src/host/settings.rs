//! What an adapter is started with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::breaker::BreakerRules;
use super::library::Library;
use crate::sandbox::Sandbox;

/// One adapter.
#[derive(Clone, Debug)]
pub struct AdapterSettings {
    /// Its name in logs.
    pub name: String,
    /// The plugin's file, hashed and sealed.
    pub library: Library,
    /// The document for the plugin's `open`. Credentials never belong here; the plugin asks for them.
    pub configuration: serde_json::Value,
    /// The program that plays the worker's role.
    pub worker: WorkerProgram,
    /// Limits of time and size.
    pub limits: Limits,
    /// What the plugin may reach.
    pub sandbox: Sandbox,
}

/// A program that calls [`crate::worker::main`] when it is started like this.
#[derive(Clone, Debug)]
pub struct WorkerProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl WorkerProgram {
    /// The program that is running, with the hidden subcommand as its argument. Unlike a path, `/proc/self/exe` is the
    /// same program even after an upgrade replaced the file.
    #[must_use]
    pub fn this_program(subcommand: &str) -> Self {
        Self { program: "/proc/self/exe".into(), arguments: vec![subcommand.into()] }
    }
}

/// Limits of time and size.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Worker processes of the plugin, each with its own copy of it; 0 counts as 1. More of them make calls of a serial
    /// plugin run at the same time, and let a crash take fewer calls along.
    pub processes: u32,
    /// Calls inside one process at once, where the plugin allows more than one.
    pub threads: u32,
    /// Calls that wait for a free thread of any process; more are refused.
    pub queue: usize,
    /// From start to opened.
    pub start: Duration,
    /// For what is inside to finish, and then for the plugin to close.
    pub close: Duration,
    /// The longest reply in octets.
    pub reply_octets: u64,
    /// The most address space of one process in octets (RLIMIT_AS): reserved, not used, memory. It stops what grows
    /// faster than [`Self::resident_memory`] is looked at. Every thread of glibc's allocator may reserve 128 MiB, and a
    /// library that runs a Java machine reserves its heap and 1 GiB for classes at once: give it more, or `-Xmx`.
    pub address_space: Option<u64>,
    /// The most data of one process in octets (RLIMIT_DATA, setrlimit(2)): the heap, private memory that can be written
    /// and threads' stacks, from the moment they are made. An allocation beyond it fails inside the plugin, which costs
    /// the broker nothing; reserved memory that cannot be touched does not count.
    pub data_memory: Option<u64>,
    /// The most memory of one process that is in RAM, in octets: what the other two don't see, such as memory that is
    /// shared. It is looked at each second; a process above it is killed, its calls with it.
    pub resident_memory: Option<u64>,
    /// The most processor time of one process while no call is inside, in percent of one processor, averaged over 30
    /// seconds without calls. A process above it spins for nothing and is killed.
    pub cpu_percent: Option<u32>,
    /// The most open descriptors of one process.
    pub open_files: u64,
    /// The largest file that the plugin may write, in octets.
    pub file_octets: u64,
    /// Before the first restart; doubled each time.
    pub first_restart: Duration,
    /// The longest time before a restart.
    pub last_restart: Duration,
    /// So many failures in a row, of the CA or the plugin, open the circuit breaker: then calls end at once, with
    /// nothing sent. 0 counts as 1.
    pub breaker_failures: u32,
    /// How long the breaker is open before its own probe asks for the plugin's health; doubled after each probe that
    /// fails.
    pub breaker_pause: Duration,
    /// The longest time between two probes, also when the CA asks for more.
    pub breaker_longest_pause: Duration,
    /// How long a probe of the breaker may take.
    pub probe: Duration,
}

impl Limits {
    /// How many processes there are.
    pub(super) fn pool_size(&self) -> usize {
        self.processes.max(1) as usize
    }

    pub(super) fn breaker_rules(&self) -> BreakerRules {
        BreakerRules {
            failures: self.breaker_failures,
            pause: self.breaker_pause,
            longest_pause: self.breaker_longest_pause,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            processes: 1,
            threads: 8,
            queue: 256,
            start: Duration::from_secs(15),
            close: Duration::from_secs(10),
            reply_octets: 8 << 20,
            address_space: Some(8 << 30),
            data_memory: Some(256 << 20),
            resident_memory: Some(1 << 30),
            cpu_percent: Some(50),
            open_files: 256,
            file_octets: 1 << 30,
            first_restart: Duration::from_millis(100),
            last_restart: Duration::from_secs(30),
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(1),
            breaker_longest_pause: Duration::from_secs(60),
            probe: Duration::from_secs(10),
        }
    }
}
