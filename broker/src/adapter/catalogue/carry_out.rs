//! Lets changes take effect: in the file, and in the running broker where there is one.

use tracing::{info, warn};

use yinqiao_protocol::Timestamp;

use super::agreement::{Agreement, AgreementError, Standing};
use super::change::{Action, ChangeError, ChangeRecord, Progress, Subject};
use super::changes::{ChangeFolder, ChangeFolderError};
use super::edit::{CatalogueLock, EditError, Editor};
use super::entry::{AdapterName, Entry, State};
use super::file::{Catalogue, CatalogueError};
use super::libraries::{self, TakeError};
use super::policy::PolicyError;
use super::site::Site;
use super::version::Earlier;
use crate::adapter::{Authorities, InstallError};

/// Versions that are kept for rolling back.
const EARLIER_LIMIT: usize = 5;

/// Why a change did not take effect. Everything is as before.
#[derive(Debug, thiserror::Error)]
pub enum CarryOutError {
    /// The catalogue is wrong.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// It cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The folder of changes cannot be used.
    #[error(transparent)]
    Folder(#[from] ChangeFolderError),
    /// The change is void.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Something else was changed in between.
    #[error("{0} is not what it was when this was proposed: propose it again")]
    Overtaken(String),
    /// Not enough operators consented.
    #[error("{needed} operators must consent, {given} did")]
    Consents {
        /// How many must.
        needed: usize,
        /// How many did.
        given: usize,
    },
    /// The file is another one now.
    #[error("the file was exchanged after it was proposed: {0}")]
    Library(#[from] TakeError),
    /// The running broker does not take it.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The policy cannot be kept.
    #[error("policy: {0}")]
    Policy(#[from] PolicyError),
    /// The agreed policy cannot be read or written.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
}

/// Makes the policy of the file the agreed one, where it asks for consents and none was agreed upon.
///
/// # Errors
/// [`CarryOutError::Agreement`].
pub fn begin_agreement(
    site: &Site,
    _lock: &CatalogueLock,
    catalogue: &mut Catalogue,
    now: Timestamp,
) -> Result<(), CarryOutError> {
    if catalogue.standing == Standing::New {
        Agreement::begin(catalogue.policy.clone(), now, None, &catalogue.entries).write(site)?;
        catalogue.standing = Standing::Agreed { since: now };
        info!(consents = catalogue.policy.consents, "changes of adapters need consents from now on");
    }
    Ok(())
}

/// Carries out a change that enough operators have consented to, or that needs no consent. `user` is the system's user.
///
/// # Errors
/// See [`CarryOutError`].
pub async fn carry_out(
    site: &Site,
    lock: &CatalogueLock,
    live: Option<&Authorities>,
    record: &mut ChangeRecord,
    user: &str,
    now: Timestamp,
) -> Result<(), CarryOutError> {
    record.check_open(now)?;
    let catalogue = Catalogue::read(site)?;
    let operators = catalogue.policy.check()?;
    let consenting = record.consenting(&operators)?;
    if consenting.len() < operators.needed() {
        return Err(CarryOutError::Consents { needed: operators.needed(), given: consenting.len() });
    }
    let by = match consenting.is_empty() {
        true => vec![user.to_owned()],
        false => consenting.into_iter().map(String::from).collect(),
    };
    match record.change.subject.clone() {
        Subject::Policy { before, policy } => {
            if before != catalogue.policy {
                return Err(CarryOutError::Overtaken("the policy".to_owned()));
            }
            let mut editor = Editor::open(site, lock)?;
            editor.set_policy(&policy)?;
            editor.save(true)?;
            if operators.needed() > 0 || policy.consents > 0 {
                let change = Some(record.change.id.to_string());
                Agreement::begin(policy, now, change, &catalogue.entries).write(site)?;
            }
        }
        Subject::Adapter { action, before, entry } => {
            let present = catalogue.entry(&entry.name);
            if present.map(Entry::content_sm3) != before {
                return Err(CarryOutError::Overtaken(format!("the adapter \"{}\"", entry.name)));
            }
            libraries::verify(&entry).await?;
            let entry = installed(*entry, present, action, record, by, now);
            switch(live, present, &entry).await?;
            if let Err(reason) = write(site, lock, &entry) {
                revert(live, present, &entry).await;
                return Err(reason.into());
            }
            note_state(site, &entry.name, entry.state);
            if let Some(live) = live {
                live.arrange(
                    &catalogue.entries.iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>(),
                );
            }
            prune(site, &entry);
        }
    }
    record.progress = Progress::Done { at: now };
    Ok(ChangeFolder::of(site).save(record)?)
}

/// Says at once that an adapter is not started any more, and ends it in the running broker.
///
/// # Errors
/// When there is none of this name, or the file cannot be written.
pub async fn disable(
    site: &Site,
    lock: &CatalogueLock,
    live: Option<&Authorities>,
    name: &AdapterName,
) -> Result<(), EditError> {
    let mut editor = Editor::open(site, lock)?;
    editor.set_state(name, State::Disabled)?;
    editor.save(false)?;
    note_state(site, name, State::Disabled);
    stop(live, name).await;
    Ok(())
}

/// Takes an adapter out at once; gives how many routes went with it. Its own folder stays.
///
/// # Errors
/// When there is none of this name, or the file cannot be written.
pub async fn remove(
    site: &Site,
    lock: &CatalogueLock,
    live: Option<&Authorities>,
    name: &AdapterName,
) -> Result<usize, EditError> {
    let mut editor = Editor::open(site, lock)?;
    let routes = editor.remove(name)?;
    editor.save(false)?;
    stop(live, name).await;
    libraries::prune(site, name, &[]);
    Ok(routes)
}

fn installed(
    mut entry: Entry,
    present: Option<&Entry>,
    action: Action,
    record: &ChangeRecord,
    by: Vec<String>,
    now: Timestamp,
) -> Entry {
    entry.version.installed_at = Some(now);
    entry.version.installed_by = by;
    entry.version.change = Some(record.change.id.to_string());
    entry.earlier = present.map(|present| present.earlier.clone()).unwrap_or_default();
    let (version, configuration) = (entry.version.clone(), entry.configuration.clone());
    let is_same = |one: &Earlier| {
        one.version.digests == version.digests
            && one.version.library == version.library
            && one.configuration == configuration
    };
    entry.earlier.retain(|earlier| !is_same(earlier));
    if let Some(present) = present {
        let before =
            Earlier { version: present.version.clone(), configuration: present.configuration.clone() };
        if !is_same(&before) {
            entry.earlier.insert(0, before);
        }
        if action != Action::Enable {
            entry.state = present.state;
        }
    }
    entry.earlier.truncate(EARLIER_LIMIT);
    entry
}

async fn switch(
    live: Option<&Authorities>,
    present: Option<&Entry>,
    entry: &Entry,
) -> Result<(), InstallError> {
    let Some(live) = live else { return Ok(()) };
    if entry.state == State::Disabled {
        return Ok(());
    }
    if present.is_some() && live.get(entry.name.as_str()).is_ok() {
        return live.upgrade(entry).await;
    }
    let installed = live.install(entry).await;
    if installed.is_err() {
        stop(Some(live), &entry.name).await;
    }
    installed
}

async fn revert(live: Option<&Authorities>, present: Option<&Entry>, entry: &Entry) {
    let (Some(live), State::Enabled) = (live, entry.state) else { return };
    let result = match present.filter(|present| present.state == State::Enabled) {
        Some(present) => live.upgrade(present).await,
        None => {
            stop(Some(live), &entry.name).await;
            Ok(())
        }
    };
    if let Err(reason) = result {
        warn!(adapter = %entry.name, %reason, "the adapter could not be set back; a restart of the broker does it");
    }
}

async fn stop(live: Option<&Authorities>, name: &AdapterName) {
    if let Some(live) = live
        && let Err(reason) = live.stop(name.as_str()).await
    {
        info!(adapter = %name, %reason, "nothing of the adapter ran");
    }
}

fn write(site: &Site, lock: &CatalogueLock, entry: &Entry) -> Result<(), EditError> {
    let mut editor = Editor::open(site, lock)?;
    editor.put(entry)?;
    editor.save(true)
}

/// Remembers beside the agreed policy who was disabled. The file is written already, and decides; a record that cannot be
/// written asks for one consent too many or too few later, which is no reason to fail here.
fn note_state(site: &Site, name: &AdapterName, state: State) {
    let noted = Agreement::read(site).and_then(|agreement| {
        let Some(mut agreement) = agreement else { return Ok(()) };
        agreement.disabled.retain(|disabled| disabled != name);
        if state == State::Disabled {
            agreement.disabled.push(name.clone());
        }
        agreement.write(site)
    });
    if let Err(reason) = noted {
        warn!(adapter = %name, %reason, "the state of the adapter could not be noted with the agreed policy");
    }
}

/// Deletes copies of libraries that neither the entry nor an open change needs.
fn prune(site: &Site, entry: &Entry) {
    let Ok(changes) = ChangeFolder::of(site).all() else { return };
    let proposed =
        changes.iter().flatten().filter(|record| record.progress == Progress::Open).filter_map(|record| {
            match &record.change.subject {
                Subject::Adapter { entry, .. } => entry.version.digests,
                Subject::Policy { .. } => None,
            }
        });
    let versions = entry.earlier.iter().map(|earlier| &earlier.version).chain([&entry.version]);
    let wanted: Vec<_> = versions.filter_map(|version| version.digests).chain(proposed).collect();
    libraries::prune(site, &entry.name, &wanted);
}
