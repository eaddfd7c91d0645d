//! The policy that the operators agreed upon, kept beside the catalogue: a policy that is weakened, or an adapter that is
//! put in, by hand is seen and does not count.
//!
//! Who owns the data directory can still do everything: the record is there so that nothing happens silently. It is made
//! when a policy that asks for consents is first seen; what the catalogue has at that moment is taken over. From then on
//! another policy comes by a change that the present operators consent to, and an adapter runs only as such a change, or
//! what was taken over, has it. Where operators have lost their keys, deleting the record begins anew.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::changes::ChangeFolder;
use super::entry::{AdapterName, Entry, State};
use super::policy::Policy;
use super::site::{self, Site};

/// What was agreed upon.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The policy.
    pub policy: Policy,
    /// From when on.
    pub since: Timestamp,
    /// The change by which it came; absent where it is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// SM3 of the content of the adapters that ran before it.
    pub taken_over: Vec<Sm3Hex>,
    /// Adapters that were disabled since, so that none is enabled again without consents.
    pub disabled: Vec<AdapterName>,
}

/// How the policy that is in force stands to the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// No consents are needed, and never were.
    Free,
    /// The file asks for consents, and the next change or start of the broker makes it the agreed policy.
    New,
    /// The file says what was agreed upon.
    Agreed {
        /// From when on.
        since: Timestamp,
    },
    /// The file says something else than was agreed upon; what was agreed upon counts.
    ChangedByHand {
        /// From when on.
        since: Timestamp,
    },
}

/// The record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// The system refuses.
    #[error("the record of the agreed policy {path}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It is not such a record.
    #[error(
        "the record of the agreed policy {path} is damaged ({reason}): restore it; deleting it makes the catalogue's policy the agreed one"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: serde_json::Error,
    },
}

impl Standing {
    /// How the file's policy stands to what was agreed upon.
    pub fn of(file: &Policy, agreement: Option<&Agreement>) -> Self {
        match agreement {
            Some(agreement) if agreement.policy == *file => Self::Agreed { since: agreement.since },
            Some(agreement) if agreement.policy.consents > 0 => {
                Self::ChangedByHand { since: agreement.since }
            }
            _ if file.consents > 0 => Self::New,
            _ => Self::Free,
        }
    }
}

impl Agreement {
    /// Reads the record; `None` where there is none.
    ///
    /// # Errors
    /// See [`AgreementError`].
    pub fn read(site: &Site) -> Result<Option<Self>, AgreementError> {
        let path = path(site);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|reason| AgreementError::Damaged { path, reason }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(AgreementError::Io { path, reason }),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`AgreementError::Io`].
    pub fn write(&self, site: &Site) -> Result<(), AgreementError> {
        let path = path(site);
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|reason| AgreementError::Damaged { path: path.clone(), reason })?;
        site::write_whole(&path, bytes.as_slice(), 0o600)
            .map_err(|reason| AgreementError::Io { path, reason })
    }

    /// A policy from `since` on, with what `entries` are now; those that may not be started are not taken over.
    pub fn begin(policy: Policy, since: Timestamp, change: Option<String>, entries: &[Entry]) -> Self {
        let in_order = entries.iter().filter(|entry| entry.refusal.is_none());
        let disabled = entries.iter().filter(|entry| entry.state == State::Disabled);
        Self {
            policy,
            since,
            change,
            taken_over: in_order.map(Entry::content_sm3).collect(),
            disabled: disabled.map(|entry| entry.name.clone()).collect(),
        }
    }

    /// The policy that counts: the agreed one as long as it asks for consents, else the file's.
    pub fn policy_in_force<'a>(&'a self, file: &'a Policy) -> &'a Policy {
        if self.policy.consents > 0 { &self.policy } else { file }
    }

    /// Why an adapter may not be started, where nobody consented to it as it stands.
    pub fn refusal(&self, entry: &Entry, changes: &ChangeFolder) -> Option<String> {
        if self.policy.consents == 0 {
            return None;
        }
        if entry.state == State::Enabled && self.disabled.contains(&entry.name) {
            return Some(format!(
                "it was disabled, and enabled again by hand: `yinqiao adapter disable {0}`, then `yinqiao adapter enable {0}`",
                entry.name
            ));
        }
        let content = entry.content_sm3();
        let consented = || {
            let change = entry.version.change.as_deref()?;
            changes.find(change).ok().filter(|change| change.covers(entry, &self.policy))
        };
        if self.taken_over.contains(&content) || consented().is_some() {
            return None;
        }
        Some(format!(
            "{} operators must consent to an adapter, and did not to this one as the catalogue has it: \
             restore the catalogue, or propose it with `yinqiao adapter pin {}`",
            self.policy.consents, entry.name
        ))
    }
}

fn path(site: &Site) -> PathBuf {
    site.changes().join("policy.json")
}
