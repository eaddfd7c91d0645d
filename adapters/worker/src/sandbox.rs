//! What a worker's process may reach, and what of that the kernel enforces.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a plugin may reach beside the system's libraries. Everything else is closed by landlock and seccomp.
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
    /// Over TCP to these ports, and to name servers.
    Ports(Vec<u16>),
    /// Anywhere.
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

/// What is enforced in a running worker.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Isolation {
    /// Reading and writing of files.
    pub files: bool,
    /// Connections.
    pub network: bool,
    /// System calls.
    pub system_calls: bool,
}
