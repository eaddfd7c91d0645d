//! Certificate authorities: their adapters in worker processes, what they vouch for, and when they were out of reach.

mod authorities;
mod authority;
pub mod catalogue;
mod certificate;
pub mod journal;
pub mod known_root;
mod operation;
pub mod outage;
pub mod plugin;
pub mod routing;
mod seal;
pub mod supervisor;
mod trouble;
pub mod trust;
mod withdrawal;

pub use authorities::{Authorities, InstallError};
pub use authority::{Authority, AuthorityError};
pub use operation::Patience;
pub use trust::{Checked, TrustError};
pub use withdrawal::Withdrawal;
