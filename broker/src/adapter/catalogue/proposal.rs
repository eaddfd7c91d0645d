//! What a command wants of the catalogue, made into a change that operators can judge: files are taken and hashed, the
//! adapter is tried, the files are copied, before anybody is asked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use yinqiao_ca_worker::Enforcement;
use yinqiao_protocol::Timestamp;

use super::change::{Action, Change, Subject};
use super::configuration::Configuration;
use super::entry::{AdapterName, Entry, State};
use super::file::Catalogue;
use super::libraries::{self, TakeError, Taken};
use super::limits::EntryLimits;
use super::policy::{Policy, PolicyError};
use super::sandbox::{EntryNetwork, EntrySandbox};
use super::site::Site;
use super::trial::{self, TrialError};
use super::trust::{EntryTrust, Issuers, Source, Unknown};
use super::version::Version;
use crate::adapter::routing::Route;
use crate::adapter::trust::{Anchors, AnchorsError};

/// What is wanted. Paths are absolute.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Proposal {
    /// A new adapter, last in order.
    Add {
        /// Its name.
        name: AdapterName,
        /// The plugin's file.
        library: PathBuf,
        /// Everything else.
        settings: Box<Settings>,
        /// A report of the conformance kit about the file.
        report: Option<PathBuf>,
    },
    /// The file and settings that are there now are taken as they are.
    Pin {
        /// Of which adapter.
        name: AdapterName,
        /// Another file; default: the one that the catalogue names.
        library: Option<PathBuf>,
        /// A report of the conformance kit about the file.
        report: Option<PathBuf>,
    },
    /// Another file, and perhaps other settings.
    Upgrade {
        /// Of which adapter.
        name: AdapterName,
        /// The plugin's new file.
        library: PathBuf,
        /// What is set otherwise.
        settings: Box<Settings>,
        /// A report of the conformance kit about the file.
        report: Option<PathBuf>,
    },
    /// Other settings.
    Configure {
        /// Of which adapter.
        name: AdapterName,
        /// What is set otherwise.
        settings: Box<Settings>,
    },
    /// An earlier version with the configuration that it had.
    Rollback {
        /// Of which adapter.
        name: AdapterName,
        /// The beginning of the file's SHA-256; default: the version before.
        to: Option<String>,
    },
    /// The broker starts it again.
    Enable {
        /// Which adapter.
        name: AdapterName,
    },
    /// What its CA's certificates are held against. Its plugin is not started for it.
    Trust {
        /// Of which adapter.
        name: AdapterName,
        /// What is set otherwise.
        settings: TrustSettings,
    },
    /// A further route.
    AddRoute {
        /// What it says.
        route: Route,
        /// Its number, the first is 1; default: behind all others.
        position: Option<usize>,
    },
    /// A route less.
    RemoveRoute {
        /// Its number, the first is 1.
        number: usize,
    },
    /// Who may change the catalogue.
    Policy {
        /// From now on.
        policy: Policy,
    },
}

/// What is set; the rest stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The whole document.
    pub configuration: Option<Configuration>,
    /// The folder of its secrets.
    pub secrets_directory: Option<PathBuf>,
    /// Its own folder.
    pub data_directory: Option<PathBuf>,
    /// Whether another root is accepted.
    pub accept_new_root: Option<bool>,
    /// Those named.
    pub limits: EntryLimits,
    /// Where it may connect to.
    pub network: Option<EntryNetwork>,
    /// All that it may read.
    pub read: Option<Vec<PathBuf>>,
    /// All that it may write beside its own folder.
    pub write: Option<Vec<PathBuf>>,
    /// On a kernel that cannot restrict it.
    pub enforcement: Option<Enforcement>,
}

/// What is set of an adapter's trust; the rest stays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustSettings {
    /// All files with further certificates.
    pub anchors: Option<Vec<PathBuf>>,
    /// All sources of a status, in order.
    pub sources: Option<Vec<Source>>,
    /// Whether addresses in certificates are asked.
    pub fetch_by_url: Option<bool>,
    /// What happens without fresh status.
    pub unknown: Option<Unknown>,
    /// Which CA certificates that holds for too.
    #[serde(default)]
    pub issuers: Option<Issuers>,
    /// How long an OCSP answer is used.
    pub ocsp_seconds: Option<u32>,
}

/// Why nothing was proposed.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// The name is taken.
    #[error("an adapter is called \"{0}\" already: upgrade it, or choose another name")]
    Exists(AdapterName),
    /// Nothing of this name.
    #[error("no adapter is called \"{0}\": `yinqiao adapter list` shows those that are")]
    Unknown(AdapterName),
    /// There is nothing to roll back to.
    #[error("the adapter \"{0}\" has no earlier version{1}")]
    NothingEarlier(AdapterName, String),
    /// It runs already.
    #[error("the adapter \"{0}\" is enabled already")]
    Enabled(AdapterName),
    /// It would be the same afterwards.
    #[error("the adapter \"{0}\" would be the same afterwards: nothing to change")]
    Same(AdapterName),
    /// It does not count as it stands.
    #[error("the adapter \"{0}\" is not started as it stands: {1}")]
    Refused(AdapterName, String),
    /// Further certificates cannot be read.
    #[error("anchors: {0}")]
    Anchors(#[from] AnchorsError),
    /// No such route.
    #[error("there is no route {0}: `yinqiao adapter route list` numbers them")]
    NoRoute(usize),
    /// A route that leads to nothing.
    #[error("adapters: no adapter is called \"{0}\": `yinqiao adapter list` shows those that are")]
    RouteTo(AdapterName),
    /// The policy wants a report.
    #[error(
        "the policy requires a report of the conformance kit: run `yinqiao adapter check`, then give --after-check"
    )]
    ReportRequired,
    /// The file is not taken.
    #[error(transparent)]
    Library(#[from] TakeError),
    /// It would not run.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// The policy cannot be kept.
    #[error("policy: {0}")]
    Policy(#[from] PolicyError),
    /// The limits cannot be put together.
    #[error("limits: {0}")]
    Limits(#[from] serde_json::Error),
}

/// A change that can be consented to.
#[derive(Debug)]
pub struct Proposed {
    /// The change.
    pub change: Change,
    /// What is no obstacle, but should be known.
    pub warnings: Vec<String>,
}

/// Makes `proposal` of the user `by` into a change.
///
/// # Errors
/// See [`ProposalError`].
pub async fn make(
    site: &Site,
    catalogue: &Catalogue,
    proposal: Proposal,
    by: &str,
    now: Timestamp,
) -> Result<Proposed, ProposalError> {
    let mut warnings = Vec::new();
    let subject = subject(site, catalogue, proposal, &mut warnings).await?;
    let expires_at = now.plus_seconds(catalogue.policy.change_expires_hours.saturating_mul(3600));
    let change =
        Change { id: Uuid::new_v4(), subject, proposed_by: by.to_owned(), proposed_at: now, expires_at };
    Ok(Proposed { change, warnings })
}

async fn subject(
    site: &Site,
    catalogue: &Catalogue,
    proposal: Proposal,
    warnings: &mut Vec<String>,
) -> Result<Subject, ProposalError> {
    let present = |name: &AdapterName| {
        catalogue.entry(name).cloned().ok_or_else(|| ProposalError::Unknown(name.clone()))
    };
    let file = |library: PathBuf, report: Option<PathBuf>| NewFile { library, report };
    let (action, before, mut entry, new_file) = match proposal {
        Proposal::Add { name, library, settings, report } => {
            if catalogue.entry(&name).is_some() {
                return Err(ProposalError::Exists(name));
            }
            let mut entry = empty(site, name, library.clone());
            settings.apply(&mut entry)?;
            (Action::Add, None, entry, Some(file(library, report)))
        }
        Proposal::Pin { name, library, report } => {
            let entry = present(&name)?;
            let library = library.unwrap_or_else(|| entry.library().to_owned());
            (Action::Pin, Some(entry.content_sm3()), entry, Some(file(library, report)))
        }
        Proposal::Upgrade { name, library, settings, report } => {
            let mut entry = present(&name)?;
            let before = entry.content_sm3();
            settings.apply(&mut entry)?;
            (Action::Upgrade, Some(before), entry, Some(file(library, report)))
        }
        Proposal::Configure { name, settings } => {
            let mut entry = present(&name)?;
            let before = entry.content_sm3();
            settings.apply(&mut entry)?;
            (Action::Configure, Some(before), entry, None)
        }
        Proposal::Rollback { name, to } => {
            let mut entry = present(&name)?;
            let before = entry.content_sm3();
            roll_back(&mut entry, to.as_deref())?;
            (Action::Rollback, Some(before), entry, None)
        }
        Proposal::Enable { name } => {
            let mut entry = present(&name)?;
            if entry.state == State::Enabled && entry.refusal.is_none() {
                return Err(ProposalError::Enabled(name));
            }
            let before = entry.content_sm3();
            entry.state = State::Enabled;
            (Action::Enable, Some(before), entry, None)
        }
        Proposal::Trust { name, settings } => {
            return trust(present(&name)?, settings);
        }
        Proposal::AddRoute { route, position } => {
            if let Some(name) = route.adapters().iter().find(|name| catalogue.entry(name).is_none()) {
                return Err(ProposalError::RouteTo(name.clone()));
            }
            let (before, mut routes) = (catalogue.routes.clone(), catalogue.routes.clone());
            let place = position.unwrap_or(routes.len() + 1);
            if !(1..=routes.len() + 1).contains(&place) {
                return Err(ProposalError::NoRoute(place));
            }
            routes.insert(place - 1, route);
            return Ok(Subject::Routes { before, routes });
        }
        Proposal::RemoveRoute { number } => {
            let (before, mut routes) = (catalogue.routes.clone(), catalogue.routes.clone());
            if !(1..=routes.len()).contains(&number) {
                return Err(ProposalError::NoRoute(number));
            }
            routes.remove(number - 1);
            return Ok(Subject::Routes { before, routes });
        }
        Proposal::Policy { policy } => {
            policy.check()?;
            return Ok(Subject::Policy { before: catalogue.policy.clone(), policy });
        }
    };
    entry.earlier.clear();
    let refused = entry.refusal.take().is_some();
    let report_before = entry.version.report_sm3;
    let taken = match new_file {
        Some(file) => Some(take(site, &catalogue.policy, &mut entry, file).await?),
        None => {
            libraries::verify(&entry).await?;
            None
        }
    };
    let is_same = before == Some(entry.content_sm3())
        && (entry.version.report_sm3.is_none() || entry.version.report_sm3 == report_before);
    if is_same && !refused && matches!(action, Action::Upgrade | Action::Configure | Action::Rollback) {
        return Err(ProposalError::Same(entry.name));
    }
    entry.version.configuration_sm3 = Some(entry.configuration.sm3());
    let trial = match &taken {
        Some(taken) => trial::run_taken(&entry, taken.library.clone()).await?,
        None => trial::run(&entry).await?,
    };
    if let Some(taken) = taken {
        // What was tried is what is kept, and what does not start costs no copy.
        taken.keep().await?;
    }
    warnings.extend(trial.unhealthy.map(|text| format!("it starts, but its CA does not answer: {text}")));
    entry.version.loaded = Some(trial.loaded);
    Ok(Subject::Adapter { action, before, entry: Box::new(entry) })
}

fn trust(mut entry: Entry, settings: TrustSettings) -> Result<Subject, ProposalError> {
    if let Some(refusal) = entry.refusal {
        return Err(ProposalError::Refused(entry.name, refusal));
    }
    let before = entry.content_sm3();
    settings.apply(&mut entry.trust);
    if entry.content_sm3() == before {
        return Err(ProposalError::Same(entry.name));
    }
    Anchors::read_files(&entry.trust.anchors)?;
    entry.earlier.clear();
    Ok(Subject::Adapter { action: Action::Trust, before: Some(before), entry: Box::new(entry) })
}

struct NewFile {
    library: PathBuf,
    report: Option<PathBuf>,
}

/// Takes a file, and has the entry name it as it will lie in the catalogue's folder.
async fn take(
    site: &Site,
    policy: &Policy,
    entry: &mut Entry,
    file: NewFile,
) -> Result<Taken, ProposalError> {
    if policy.require_report && file.report.is_none() {
        return Err(ProposalError::ReportRequired);
    }
    let taken = libraries::take(site, &entry.name, file.library, file.report).await?;
    entry.version = Version {
        digests: Some(*taken.library.digests()),
        report_sm3: taken.report_sm3(),
        ..Version::unpinned(taken.path.clone())
    };
    Ok(taken)
}

fn empty(site: &Site, name: AdapterName, library: PathBuf) -> Entry {
    Entry {
        data_directory: Some(site.adapter_data(&name)),
        name,
        state: State::Enabled,
        secrets_directory: None,
        accept_new_root: false,
        version: Version::unpinned(library),
        configuration: Configuration::default(),
        limits: EntryLimits::default(),
        sandbox: EntrySandbox::default(),
        trust: EntryTrust::default(),
        earlier: Vec::new(),
        refusal: None,
    }
}

fn roll_back(entry: &mut Entry, to: Option<&str>) -> Result<(), ProposalError> {
    let fits = |version: &Version| match (to, version.digests) {
        (None, _) => true,
        (Some(prefix), Some(digests)) => hex::encode(digests.sha256).starts_with(&prefix.to_lowercase()),
        (Some(_), None) => false,
    };
    let found = entry.earlier.iter().find(|earlier| fits(&earlier.version)).cloned();
    let earlier = found.ok_or_else(|| {
        let which = to.map(|prefix| format!(" whose SHA-256 begins with \"{prefix}\"")).unwrap_or_default();
        ProposalError::NothingEarlier(entry.name.clone(), which)
    })?;
    entry.version = earlier.version;
    entry.configuration = earlier.configuration;
    Ok(())
}

impl Settings {
    fn apply(self, entry: &mut Entry) -> Result<(), ProposalError> {
        if let Some(configuration) = self.configuration {
            entry.configuration = configuration;
        }
        if let Some(directory) = self.secrets_directory {
            entry.secrets_directory = Some(directory);
        }
        if let Some(directory) = self.data_directory {
            entry.data_directory = Some(directory);
        }
        if let Some(accept) = self.accept_new_root {
            entry.accept_new_root = accept;
        }
        let mut limits: Map<String, Value> = serde_json::from_value(serde_json::to_value(&entry.limits)?)?;
        limits.extend(serde_json::from_value::<Map<String, Value>>(serde_json::to_value(self.limits)?)?);
        entry.limits = serde_json::from_value(Value::Object(limits))?;
        if let Some(network) = self.network {
            entry.sandbox.network = network;
        }
        if let Some(read) = self.read {
            entry.sandbox.read = read;
        }
        if let Some(write) = self.write {
            entry.sandbox.write = write;
        }
        if let Some(enforcement) = self.enforcement {
            entry.sandbox.enforcement = enforcement;
        }
        Ok(())
    }
}

impl TrustSettings {
    fn apply(self, trust: &mut EntryTrust) {
        let Self { anchors, sources, fetch_by_url, unknown, issuers, ocsp_seconds } = self;
        let present = trust.clone();
        *trust = EntryTrust {
            anchors: anchors.unwrap_or(present.anchors),
            sources: sources.unwrap_or(present.sources),
            fetch_by_url: fetch_by_url.unwrap_or(present.fetch_by_url),
            unknown: unknown.unwrap_or(present.unknown),
            issuers: issuers.unwrap_or(present.issuers),
            ocsp_seconds: ocsp_seconds.unwrap_or(present.ocsp_seconds),
        };
    }
}
