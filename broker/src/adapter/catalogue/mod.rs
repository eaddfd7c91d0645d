//! The catalogue: one TOML file that says which adapters there are, which file each of them is, and who may change that.
//!
//! ```text
//! adapters.toml ──▶ file ──▶ entry (version, configuration, limits, sandbox), policy, routes
//!       ▲            ▲
//!       │            └── agreement: what operators agreed upon counts, not what a hand wrote
//!      edit ◀── change (text, consents) ◀── proposal (libraries, report, scratch)
//! ```

pub mod agreement;
pub mod carry_out;
pub mod change;
pub mod changes;
pub mod configuration;
pub mod description;
pub mod edit;
pub mod entry;
pub mod file;
pub mod libraries;
pub mod limits;
pub mod lock;
mod opening;
pub mod policy;
pub mod proposal;
pub mod report;
pub mod sandbox;
pub mod site;
pub mod stop;
pub mod trial;
pub mod trust;
pub mod units;
pub mod version;

pub use agreement::{Agreement, Standing};
pub use configuration::Configuration;
pub use entry::{AdapterName, Entry, State};
pub use file::{Catalogue, CatalogueError};
pub use limits::EntryLimits;
pub use policy::Policy;
pub use sandbox::{EntryNetwork, EntrySandbox};
pub use site::Site;
pub use trust::{EntryTrust, Issuers, Source, Unknown};
pub use version::{Earlier, Loaded, Version};
