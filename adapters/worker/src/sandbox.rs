//! What a worker's process may reach, and what of that the kernel enforces.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a plugin may reach beside the system's libraries, time zones, certificates and configuration of names.
/// Everything else is closed by landlock and seccomp before the library's first line runs. Paths that are named are there
/// when the worker starts, or it refuses to.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sandbox {
    /// Folders that it may read and write; each exists.
    pub write: Vec<PathBuf>,
    /// Files and folders that it may read.
    pub read: Vec<PathBuf>,
    /// Where it may connect to.
    pub network: Network,
    /// What happens on a kernel without landlock or seccomp.
    pub enforcement: Enforcement,
}

/// Where a plugin may connect to.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nowhere.
    #[default]
    None,
    /// Over TCP to these ports and to name servers. UDP is open, since name resolution needs it and no version of landlock
    /// that this was built for tells one UDP port from another.
    Ports(Vec<u16>),
    /// Over TCP and UDP anywhere, and to Unix sockets with a path. Being connected to stays closed.
    Any,
}

/// What happens where the kernel cannot enforce a rule.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// The worker starts, and [`Isolation`] says what is missing.
    #[default]
    BestEffort,
    /// The worker refuses to load the plugin.
    Required,
    /// Nothing is restricted: for plugins whose client needs what the rules forbid.
    Off,
}

/// What is wholly enforced in a running worker.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Isolation {
    /// Reading and writing of files (landlock 3, Linux 6.2). An older landlock keeps it too, but for truncation.
    pub files: bool,
    /// Connections, as far as [`Network`] says.
    pub network: bool,
    /// System calls: no other process is made, run, signalled, read or written to.
    pub system_calls: bool,
}

impl Isolation {
    /// What is not wholly closed, in words.
    #[must_use]
    pub fn gaps(self) -> Vec<&'static str> {
        let rules =
            [(self.files, "files"), (self.network, "the network"), (self.system_calls, "system calls")];
        rules.iter().filter(|(closed, _)| !closed).map(|(_, what)| *what).collect()
    }
}
