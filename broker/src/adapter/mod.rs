//! Certificate authorities: their adapters in worker processes, what they vouch for, and when they were out of reach.

use std::sync::Arc;

mod authority;
pub mod known_root;
pub mod outage;
pub mod plugin;
pub mod supervisor;
pub mod trust;

pub use authority::{Authority, AuthorityError};
pub use trust::{Checked, TrustError};

/// All configured CAs, in the order of the configuration: the first is the default.
#[derive(Default)]
pub struct Authorities(Vec<Arc<Authority>>);

impl Authorities {
    /// Those given.
    pub fn new(authorities: Vec<Authority>) -> Self {
        Self(authorities.into_iter().map(Arc::new).collect())
    }

    /// One by its name.
    ///
    /// # Errors
    /// [`AuthorityError::NotConfigured`].
    pub fn get(&self, name: &str) -> Result<&Arc<Authority>, AuthorityError> {
        let found = self.0.iter().find(|authority| authority.name() == name);
        found.ok_or_else(|| AuthorityError::NotConfigured(name.to_owned()))
    }

    /// All, in the order of the configuration.
    pub fn all(&self) -> Vec<Arc<Authority>> {
        self.0.clone()
    }
}
