//! How far a cascade is, for operators.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::Timestamp;

use super::Cascade;

/// The state of a cascade at a glance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Progress {
    /// Steps planned so far.
    pub planned: usize,
    /// Steps done.
    pub done: usize,
    /// What is open, in the order in which it was planned.
    pub open: Vec<OpenStep>,
    /// Whether nothing is left.
    pub finished: bool,
}

/// A step that is not done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OpenStep {
    /// What and with what: `revoke-certificate/3f0a…`.
    pub step: String,
    /// Attempts that failed.
    pub attempts: u32,
    /// Why the last one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is tried next.
    pub due: Timestamp,
}

impl Cascade {
    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let open: Vec<OpenStep> = self
            .open()
            .map(|step| OpenStep {
                step: step.what.to_string(),
                attempts: step.attempts,
                last_error: step.last_error.clone(),
                due: step.due,
            })
            .collect();
        Progress {
            planned: self.steps.len(),
            done: self.steps.len() - open.len(),
            open,
            finished: self.is_finished(),
        }
    }
}
