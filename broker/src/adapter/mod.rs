//! Certificate authorities: their adapters in worker processes, what they vouch for, and when they were out of reach.

use std::collections::BTreeMap;
use std::sync::Arc;

mod authority;
pub mod outage;
pub mod plugin;
pub mod supervisor;
pub mod trust;

pub use authority::{Authority, AuthorityError, Checked};
pub use trust::TrustError;

/// All configured CAs, by the names of their adapters.
#[derive(Default)]
pub struct Authorities(BTreeMap<String, Arc<Authority>>);

impl Authorities {
    /// Those given.
    pub fn new(authorities: Vec<Authority>) -> Self {
        Self(authorities.into_iter().map(|a| (a.name().to_owned(), Arc::new(a))).collect())
    }

    /// One by its name.
    ///
    /// # Errors
    /// [`AuthorityError::NotConfigured`].
    pub fn get(&self, name: &str) -> Result<&Arc<Authority>, AuthorityError> {
        self.0.get(name).ok_or_else(|| AuthorityError::NotConfigured(name.to_owned()))
    }

    /// All, by name.
    pub fn all(&self) -> Vec<Arc<Authority>> {
        self.0.values().cloned().collect()
    }
}
