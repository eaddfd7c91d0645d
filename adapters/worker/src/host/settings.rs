//! What an adapter is started with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

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
    /// Calls inside the plugin at once, where it allows more than one.
    pub threads: u32,
    /// Calls that wait for a free thread; more are refused.
    pub queue: usize,
    /// From start to opened.
    pub start: Duration,
    /// For what is inside to finish, and then for the plugin to close.
    pub close: Duration,
    /// The longest reply in octets.
    pub reply_octets: u64,
    /// The most address space of the worker in octets.
    pub address_space: Option<u64>,
    /// The most open descriptors of the worker.
    pub open_files: u64,
    /// The largest file that the plugin may write, in octets.
    pub file_octets: u64,
    /// Before the first restart; doubled each time.
    pub first_restart: Duration,
    /// The longest time before a restart.
    pub last_restart: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: 8,
            queue: 256,
            start: Duration::from_secs(15),
            close: Duration::from_secs(10),
            reply_octets: 8 << 20,
            address_space: None,
            open_files: 256,
            file_octets: 1 << 30,
            first_restart: Duration::from_millis(100),
            last_restart: Duration::from_secs(30),
        }
    }
}
