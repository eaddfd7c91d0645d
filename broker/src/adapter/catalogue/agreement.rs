//! The policy that the operators agreed upon, kept beside the catalogue: a policy that is weakened, or an adapter that is
//! put in, by hand is seen and does not count.
//!
//! Who owns the data directory can still do everything: the record is there so that nothing happens silently. It is made
//! when a policy that asks for consents is first seen; what the catalogue has at that moment is taken over. From then on
//! another policy comes by a change that the present operators consent to, and of each adapter one content is in force:
//! what the last change made of it, or what was taken over. What was replaced is not agreed upon any more, however many
//! once consented to it. The same holds for the routes. Where operators have lost their keys, deleting the record begins
//! anew.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::changes::ChangeFolder;
use super::entry::{AdapterName, Entry, State};
use super::file::Catalogue;
use super::policy::Policy;
use super::site::{self, Site};
use crate::adapter::routing::Route;

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
    /// The one content of each adapter that is agreed upon now.
    pub in_force: BTreeMap<AdapterName, InForce>,
    /// Adapters that were disabled since, so that none is enabled again without consents.
    pub disabled: Vec<AdapterName>,
    /// The routes.
    pub routes: Vec<Route>,
}

/// What is agreed upon about one adapter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// SM3 of its content.
    pub content_sm3: Sm3Hex,
    /// The change by which it came, whose consents are looked at again; absent where it was taken over with the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What it replaces, while the catalogue's file may not say it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Box<InForce>>,
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

    /// A policy from `since` on, with what the catalogue has now; adapters that may not be started are not taken over.
    pub fn begin(policy: Policy, since: Timestamp, change: Option<String>, catalogue: &Catalogue) -> Self {
        let entries = &catalogue.entries;
        let in_order = entries.iter().filter(|entry| entry.refusal.is_none());
        let disabled = entries.iter().filter(|entry| entry.state == State::Disabled);
        Self {
            policy,
            since,
            change,
            in_force: in_order.map(|entry| (entry.name.clone(), InForce::taken_over(entry))).collect(),
            disabled: disabled.map(|entry| entry.name.clone()).collect(),
            routes: catalogue.routes.clone(),
        }
    }

    /// Whether operators must consent to changes by it.
    pub fn asks_for_consents(&self) -> bool {
        self.policy.consents > 0
    }

    /// An adapter is about to become `entry`, by a change.
    pub fn replace(&mut self, entry: &Entry) {
        let before = self.in_force.remove(&entry.name).map(InForce::settled);
        let now = InForce {
            content_sm3: entry.content_sm3(),
            change: entry.version.change.clone(),
            replaces: before.map(Box::new),
        };
        self.in_force.insert(entry.name.clone(), now);
        self.note_state(&entry.name, entry.state);
    }

    /// The catalogue's file says for certain what became of an adapter: what it does not say is not agreed upon any more.
    pub fn settle(&mut self, entry: &Entry) {
        let Some(in_force) = self.in_force.remove(&entry.name) else { return };
        self.in_force.insert(entry.name.clone(), in_force.said_by(entry.content_sm3()));
    }

    /// Another root was accepted, once: from now on that is not agreed upon.
    pub fn accept_once(&mut self, entry: &Entry) {
        if let Some(in_force) = self.in_force.get_mut(&entry.name)
            && in_force.content_sm3 == entry.content_sm3()
        {
            in_force.content_sm3 = entry.settled().content_sm3();
        }
    }

    /// Whether an adapter is started.
    pub fn note_state(&mut self, name: &AdapterName, state: State) {
        self.disabled.retain(|disabled| disabled != name);
        if state == State::Disabled {
            self.disabled.push(name.clone());
        }
    }

    /// An adapter is gone, and what was agreed upon about it.
    pub fn forget(&mut self, name: &AdapterName) {
        self.in_force.remove(name);
        self.disabled.retain(|disabled| disabled != name);
        self.routes = self.routes.iter().filter_map(|route| route.without(name)).collect();
    }

    /// The policy that counts: the agreed one as long as it asks for consents, else the file's.
    pub fn policy_in_force<'a>(&'a self, file: &'a Policy) -> &'a Policy {
        if self.policy.consents > 0 { &self.policy } else { file }
    }

    /// Why an adapter may not be started, where nobody consented to it as it stands.
    pub fn refusal(&self, entry: &Entry, changes: &ChangeFolder) -> Option<String> {
        if !self.asks_for_consents() {
            return None;
        }
        if entry.state == State::Enabled && self.disabled.contains(&entry.name) {
            return Some(format!(
                "it was disabled, and enabled again by hand: `yinqiao adapter disable {0}`, then `yinqiao adapter enable {0}`",
                entry.name
            ));
        }
        if let Some(in_force) = self.in_force.get(&entry.name)
            && in_force.allows(entry, &self.policy, changes)
        {
            return None;
        }
        Some(format!(
            "{} operators must consent to an adapter, and did not to this one as the catalogue has it: \
             restore the catalogue, or propose it with `yinqiao adapter pin {}`",
            self.policy.consents, entry.name
        ))
    }
}

impl InForce {
    fn taken_over(entry: &Entry) -> Self {
        Self { content_sm3: entry.content_sm3(), change: None, replaces: None }
    }

    fn settled(self) -> Self {
        Self { replaces: None, ..self }
    }

    fn said_by(self, file: Sm3Hex) -> Self {
        match self.replaces {
            Some(before) if self.content_sm3 != file && before.content_sm3 == file => before.settled(),
            _ => Self { replaces: None, ..self },
        }
    }

    fn allows(&self, entry: &Entry, policy: &Policy, changes: &ChangeFolder) -> bool {
        if let Some(before) = &self.replaces
            && before.allows(entry, policy, changes)
        {
            return true;
        }
        let consented =
            |change: &String| changes.find(change).is_ok_and(|change| change.covers(entry, policy));
        self.content_sm3 == entry.content_sm3() && self.change.as_ref().is_none_or(consented)
    }
}

fn path(site: &Site) -> PathBuf {
    site.changes().join("policy.json")
}
