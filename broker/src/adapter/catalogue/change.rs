//! A change of the catalogue that operators consent to.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use yinqiao_protocol::consent::{Consent, ConsentError, ConsentText, OperatorName, Operators};
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::entry::{AdapterName, Entry};
use super::policy::Policy;
use crate::adapter::routing::Route;

/// What is to be done.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Names it.
    pub id: Uuid,
    /// What it changes.
    pub subject: Subject,
    /// The system's user who proposes it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: Timestamp,
    /// When it is void.
    pub expires_at: Timestamp,
}

/// What a change is about.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// An adapter.
    Adapter {
        /// What is done with it.
        action: Action,
        /// SM3 of its content before; absent where there was none. Another content voids the change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Sm3Hex>,
        /// What it is afterwards.
        entry: Box<Entry>,
    },
    /// Which CA requests go to.
    Routes {
        /// The routes before. Others void the change.
        before: Vec<Route>,
        /// The routes afterwards.
        routes: Vec<Route>,
    },
    /// Who may change the catalogue.
    Policy {
        /// The policy before. Another one voids the change.
        before: Policy,
        /// The policy afterwards.
        policy: Policy,
    },
}

/// What is done with an adapter.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Add,
    /// The file that it has is taken as it is.
    Pin,
    /// Another file takes its place.
    Upgrade,
    /// Its settings change.
    Configure,
    /// An earlier version takes its place.
    Rollback,
    /// It is started again.
    Enable,
    /// What its CA's certificates are held against changes. Its plugin runs on as it is.
    Trust,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "add",
            Self::Pin => "pin",
            Self::Upgrade => "upgrade",
            Self::Configure => "configure",
            Self::Rollback => "roll back",
            Self::Enable => "enable",
            Self::Trust => "trust",
        })
    }
}

impl Change {
    /// The text that operators sign.
    ///
    /// # Errors
    /// When the change cannot be written as JSON, which its types exclude.
    pub fn text(&self) -> Result<ConsentText, serde_json::Error> {
        let (action, subject) = match &self.subject {
            Subject::Adapter { action, entry, .. } => (format!("adapter: {action}"), entry.name.to_string()),
            Subject::Routes { .. } => ("adapter: routes".to_owned(), "routes".to_owned()),
            Subject::Policy { .. } => ("adapter: policy".to_owned(), "policy".to_owned()),
        };
        Ok(ConsentText {
            action,
            subject,
            summary: self.summary(),
            content_sm3: Sm3Hex::of(&serde_json::to_vec(self)?),
            request: self.id.to_string(),
            expires_at: self.expires_at,
        })
    }

    fn summary(&self) -> BTreeMap<String, String> {
        let mut summary = BTreeMap::new();
        let mut say = |name: &str, text: Option<String>| {
            summary.extend(text.map(|text| (name.to_owned(), text)));
        };
        say("proposed by", Some(self.proposed_by.clone()));
        say("proposed at", Some(self.proposed_at.to_string()));
        match &self.subject {
            Subject::Adapter { before, entry, .. } => {
                let version = &entry.version;
                say("replaces content sm3", before.map(|sm3| sm3.to_string()));
                say("content sm3", Some(entry.content_sm3().to_string()));
                say("library sha256", version.digests.map(|digests| hex::encode(digests.sha256)));
                say("library sm3", version.digests.map(|digests| hex::encode(digests.sm3)));
                say("configuration", Some(entry.configuration.to_value().to_string()));
                say("configuration sm3", Some(entry.configuration.sm3().to_string()));
                say("sandbox", serde_json::to_string(&entry.sandbox).ok());
                say("limits", serde_json::to_string(&entry.limits).ok());
                say("trust", serde_json::to_string(&entry.trust).ok());
                let folder = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
                say("secrets directory", folder(&entry.secrets_directory));
                say("data directory", folder(&entry.data_directory));
                say("accepts a new root", entry.accept_new_root.then(|| "yes".to_owned()));
                say("conformance report sm3", version.report_sm3.map(|sm3| sm3.to_string()));
                if let Some(loaded) = &version.loaded {
                    say("vendor", Some(loaded.vendor.clone()));
                    say("plugin", Some(format!("{} {}", loaded.name, loaded.version)));
                    say("abi", Some(loaded.abi.clone()));
                }
            }
            Subject::Routes { before, routes } => {
                for (when, routes) in [("before", before), ("afterwards", routes)] {
                    say(&format!("routes {when}"), Some(routes.len().to_string()));
                    for (index, route) in routes.iter().enumerate() {
                        say(&format!("route {} {when}", index + 1), serde_json::to_string(route).ok());
                    }
                }
            }
            Subject::Policy { before, policy } => {
                let operators = |policy: &Policy| {
                    policy
                        .operators
                        .iter()
                        .map(|operator| operator.name.to_string())
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                for (when, policy) in [("before", before), ("afterwards", policy)] {
                    say(&format!("consents {when}"), Some(policy.consents.to_string()));
                    say(&format!("operators {when}"), Some(operators(policy)));
                    say(&format!("reports required {when}"), Some(policy.require_report.to_string()));
                }
            }
        }
        summary
    }
}

/// How far a change is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Progress {
    /// It waits for consents, or for being carried out again where that failed.
    Open,
    /// It took effect.
    Done {
        /// When.
        at: Timestamp,
    },
    /// Somebody rejected it.
    Rejected {
        /// When.
        at: Timestamp,
        /// The system's user who did.
        by: String,
    },
}

/// A change with what became of it: one file in the folder of changes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    /// What is to be done.
    pub change: Change,
    /// Who consented.
    pub consents: Vec<Consent>,
    /// How far it is.
    pub progress: Progress,
}

/// Why a change takes no consent, or no effect.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It took effect before.
    #[error("the change {0} took effect at {1}")]
    Done(Uuid, Timestamp),
    /// It was rejected.
    #[error("the change {0} was rejected at {1}: propose it again if it is wanted after all")]
    Rejected(Uuid, Timestamp),
    /// Nobody consented in time.
    #[error("the change {0} expired at {1}: propose it again")]
    Expired(Uuid, Timestamp),
    /// One person counts once.
    #[error("the operator \"{1}\" has consented to the change {0} before: another one must")]
    SamePerson(Uuid, OperatorName),
    /// The consent is none.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The change cannot be written.
    #[error("the change cannot be written: {0}")]
    Text(#[from] serde_json::Error),
}

impl ChangeRecord {
    /// One that nobody has consented to.
    pub fn new(change: Change) -> Self {
        Self { change, consents: Vec::new(), progress: Progress::Open }
    }

    /// Whether it can still take effect.
    ///
    /// # Errors
    /// [`ChangeError`] that says why not.
    pub fn check_open(&self, now: Timestamp) -> Result<(), ChangeError> {
        let id = self.change.id;
        match &self.progress {
            Progress::Done { at } => Err(ChangeError::Done(id, *at)),
            Progress::Rejected { at, .. } => Err(ChangeError::Rejected(id, *at)),
            Progress::Open if now >= self.change.expires_at => {
                Err(ChangeError::Expired(id, self.change.expires_at))
            }
            Progress::Open => Ok(()),
        }
    }

    /// Takes a consent.
    ///
    /// # Errors
    /// When it is none, or of somebody who consented before; then nothing changes. Who consented before may say so again
    /// where enough have, since carrying it out may have failed.
    pub fn consent(
        &mut self,
        consent: Consent,
        operators: &Operators,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        self.check_open(now)?;
        let text = self.change.text()?;
        operators.verify(&text, &consent)?;
        if operators.consenting(&text, &self.consents).contains(&consent.operator) {
            return if operators.suffice(&text, &self.consents) {
                Ok(())
            } else {
                Err(ChangeError::SamePerson(self.change.id, consent.operator))
            };
        }
        // What does not verify any more, since the file was written to, makes room.
        self.consents.retain(|other| other.operator != consent.operator);
        self.consents.push(consent);
        Ok(())
    }

    /// The operators whose consents hold.
    ///
    /// # Errors
    /// [`ChangeError::Text`].
    pub fn consenting(&self, operators: &Operators) -> Result<Vec<OperatorName>, ChangeError> {
        let text = self.change.text()?;
        Ok(operators.consenting(&text, &self.consents).into_iter().collect())
    }

    /// Whether enough operators of `policy` consented to `entry` as it stands.
    pub fn covers(&self, entry: &Entry, policy: &Policy) -> bool {
        let Subject::Adapter { entry: consented, .. } = &self.change.subject else { return false };
        let Ok(operators) = policy.check() else { return false };
        let enough = self.change.text().is_ok_and(|text| operators.suffice(&text, &self.consents));
        enough
            && !matches!(self.progress, Progress::Rejected { .. })
            && [consented.content_sm3(), consented.settled().content_sm3()].contains(&entry.content_sm3())
    }

    /// The adapter that it is about.
    pub fn adapter(&self) -> Option<&AdapterName> {
        match &self.change.subject {
            Subject::Adapter { entry, .. } => Some(&entry.name),
            Subject::Routes { .. } | Subject::Policy { .. } => None,
        }
    }
}
