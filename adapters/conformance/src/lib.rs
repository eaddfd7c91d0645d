//! The conformance kit: tells a CA's vendor, in one table, what of `ca_adapter.h` a plugin keeps and what it does not.
//!
//! ```text
//! Options ─▶ run ─▶ catalogue (the table of checks) ─▶ runner ─▶ Report ─▶ render, JSON, a file
//!                        │ each check gets a Bench
//!                        ├─ AdapterHandle   the plugin as a broker would call it
//!                        ├─ Probe           the plugin's raw functions, in a process that may crash
//!                        └─ FaultProxy      the plugin's CA, slow, broken or gone
//! ```
//!
//! A check never trusts the plugin: it runs in another process, has a time limit, and the check after it begins with a
//! process that is in order. What a plugin does not offer is not a fault. The README has a table of all checks.

mod bench;
mod catalogue;
mod checks;
mod fixtures;
mod options;
mod proxy;
mod render;
mod report;
mod runner;
mod schema;
mod verdict;

pub use catalogue::{CHECKS, Check, Need, markdown_table};
pub use options::{Options, OptionsError, Profile, Upstream};
pub use render::{render, render_all};
pub use report::{CheckResult, Outcome, Report, ReportError, ReportedDigests, ReportedPlugin};
pub use runner::{RunError, run};
