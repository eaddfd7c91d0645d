//! What is written down of a change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::Timestamp;

use crate::actor::Actor;

/// One line for the audit log. Never holds a secret or a whole ID number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditNote {
    /// What was done, as `aggregate.verb`: `order.approve`.
    pub action: String,
    /// To what: `order/6f1c…`.
    pub subject: String,
    /// By whom.
    pub by: Actor,
    /// When it was decided.
    pub at: Timestamp,
    /// What else is worth knowing, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl AuditNote {
    /// A note without details.
    #[must_use]
    pub fn new(action: &str, subject: impl Into<String>, by: &Actor, at: Timestamp) -> Self {
        Self {
            action: action.to_owned(),
            subject: subject.into(),
            by: by.clone(),
            at,
            details: BTreeMap::new(),
        }
    }

    /// With a detail more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}
