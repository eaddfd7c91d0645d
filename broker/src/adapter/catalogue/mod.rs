//! The catalogue: one TOML file that says which adapters there are, which file each of them is, and who may change that.
//!
//! ```text
//! adapters.toml ──▶ entry (version, limits, sandbox)
//! ```

pub mod configuration;
pub mod entry;
pub mod limits;
pub mod sandbox;
pub mod version;

pub use configuration::Configuration;
pub use entry::{AdapterName, Entry, State};
pub use limits::EntryLimits;
pub use sandbox::{EntryNetwork, EntrySandbox};
pub use version::{Earlier, Loaded, Version};
