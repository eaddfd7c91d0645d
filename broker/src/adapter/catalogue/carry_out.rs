//! Lets changes take effect: in the file, and in the running broker where there is one.

use std::sync::Arc;

use tracing::{debug, info, warn};

use yinqiao_protocol::Timestamp;

use super::agreement::{Agreement, AgreementError, Standing};
use super::change::{Action, ChangeError, ChangeRecord, Progress, Subject};
use super::changes::{ChangeFolder, ChangeFolderError};
use super::edit::{EditError, Editor};
use super::entry::{AdapterName, Entry, State};
use super::file::{Catalogue, CatalogueError};
use super::libraries::{self, TakeError};
use super::lock::{ChangeLock, FileLock, LockError};
use super::policy::PolicyError;
use super::site::Site;
use super::stop::{Stops, let_go};
use super::version::Earlier;
use crate::adapter::{Authorities, Authority, InstallError};

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
    /// Somebody let the adapter go while its change was being tried.
    #[error(
        "the adapter \"{0}\" was disabled, removed or edited while this change was being tried: the change was given up; \
         propose it again if it is still wanted"
    )]
    GivenUp(AdapterName),
    /// Others change the catalogue.
    #[error(transparent)]
    Lock(#[from] LockError),
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
    _lock: &FileLock,
    catalogue: &mut Catalogue,
    now: Timestamp,
) -> Result<(), CarryOutError> {
    if catalogue.standing == Standing::New {
        Agreement::begin(catalogue.policy.clone(), now, None, catalogue).write(site)?;
        catalogue.standing = Standing::Agreed { since: now };
        info!(consents = catalogue.policy.consents, "changes of adapters need consents from now on");
    }
    Ok(())
}

/// Carries out a change that enough operators have consented to, or that needs no consent. `stops` are the marks from
/// before anything of it was tried; `user` is the system's user.
///
/// # Errors
/// See [`CarryOutError`].
pub async fn carry_out(
    site: &Site,
    _lock: &ChangeLock,
    live: Option<&Arc<Authorities>>,
    record: &mut ChangeRecord,
    stops: &Stops,
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
            let lock = FileLock::take(site).await?;
            let catalogue = Catalogue::read(site)?;
            if before != catalogue.policy {
                return Err(CarryOutError::Overtaken("the policy".to_owned()));
            }
            let mut editor = Editor::open(site, &lock)?;
            editor.set_policy(&policy)?;
            editor.save(true)?;
            if operators.needed() > 0 || policy.consents > 0 {
                let change = Some(record.change.id.to_string());
                Agreement::begin(policy, now, change, &catalogue).write(site)?;
            }
        }
        Subject::Routes { before, routes } => {
            let lock = FileLock::take(site).await?;
            if before != Catalogue::read(site)?.routes {
                return Err(CarryOutError::Overtaken("the list of routes".to_owned()));
            }
            let mut editor = Editor::open(site, &lock)?;
            editor.set_routes(&routes)?;
            editor.save(true)?;
            if let Some(mut agreement) = Agreement::read(site)? {
                agreement.routes = routes;
                agreement.write(site)?;
            }
        }
        Subject::Adapter { action, before, entry } => {
            let present = catalogue.entry(&entry.name);
            if present.map(Entry::content_sm3) != before {
                return Err(CarryOutError::Overtaken(format!("the adapter \"{}\"", entry.name)));
            }
            if stops.came_after(site, &entry.name) {
                return Err(CarryOutError::GivenUp(entry.name));
            }
            if action != Action::Trust {
                libraries::verify(&entry).await?;
            }
            let entry = installed(*entry, present, action, record, by, now);
            let in_force = match switch(live, present, &entry, action).await {
                Ok(()) => write(site, stops, present, as_it_stays(live, &entry)).await,
                Err(reason) => Err(reason.into()),
            };
            if stops.came_after(site, &entry.name) {
                let_go(live, &entry.name).await;
                return Err(CarryOutError::GivenUp(entry.name));
            }
            if let Err(reason) = in_force {
                if !matches!(reason, CarryOutError::Install(_)) {
                    revert(live, present, &entry).await;
                }
                return Err(reason);
            }
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

/// A broker that runs has used what is good for one start.
fn as_it_stays(live: Option<&Arc<Authorities>>, entry: &Entry) -> Entry {
    match live.is_some() && entry.state == State::Enabled {
        true => entry.settled(),
        false => entry.clone(),
    }
}

async fn switch(
    live: Option<&Arc<Authorities>>,
    present: Option<&Entry>,
    entry: &Entry,
    action: Action,
) -> Result<(), InstallError> {
    let Some(live) = live else { return Ok(()) };
    if entry.state == State::Disabled {
        return Ok(());
    }
    let authority = live.get(entry.name.as_str()).ok();
    match authority {
        Some(authority) if action == Action::Trust => {
            let running = Entry::clone(&authority.entry());
            hold_against(live, &authority, Entry { trust: entry.trust.clone(), ..running });
            Ok(())
        }
        None if action == Action::Trust => Ok(()),
        Some(authority) if authority.handle().is_ok() && entry.runs_as(&authority.entry()) => {
            hold_against(live, &authority, entry.clone());
            Ok(())
        }
        Some(_) if present.is_some() => live.upgrade(entry).await,
        _ => {
            let installed = live.install(entry).await;
            if installed.is_err() {
                let_go(Some(live), &entry.name).await;
            }
            installed
        }
    }
}

/// Certificates of the CA are held against what `entry` says from now on; its plugin runs on as it is.
fn hold_against(live: &Arc<Authorities>, authority: &Arc<Authority>, entry: Entry) {
    let before = authority.entry();
    authority.set_entry(entry.clone());
    if before.trust.anchors != entry.trust.anchors {
        authority.trust().expire_anchors();
        let authority = Arc::clone(authority);
        actix_rt::spawn(async move {
            if let Err(reason) = authority.refresh().await {
                debug!(adapter = authority.name(), %reason, "the further certificates count when the CA answers");
            }
        });
    }
    if authority.handle().is_err() {
        // A start that is under way ends with the entry that it began with: said again behind it. Nothing has an empty
        // name, so this waits for its turn and stops nothing.
        let (live, authority) = (Arc::clone(live), Arc::clone(authority));
        tokio::spawn(async move {
            let _turn = live.stop("").await;
            if authority.entry().content_sm3() == before.content_sm3() {
                authority.set_entry(entry);
            }
        });
    }
}

async fn revert(live: Option<&Arc<Authorities>>, present: Option<&Entry>, entry: &Entry) {
    let (Some(running), State::Enabled) = (live, entry.state) else { return };
    let result = match present.filter(|present| present.state == State::Enabled) {
        Some(present) => switch(live, Some(present), present, Action::Configure).await,
        None => {
            let_go(Some(running), &entry.name).await;
            Ok(())
        }
    };
    if let Err(reason) = result {
        warn!(adapter = %entry.name, %reason, "the adapter could not be set back; a restart of the broker does it");
    }
}

/// Writes what became of the adapter into the file, unless that is not any more what the change began with.
async fn write(
    site: &Site,
    stops: &Stops,
    present: Option<&Entry>,
    entry: Entry,
) -> Result<(), CarryOutError> {
    let lock = FileLock::take(site).await?;
    let is_as_it_was = Catalogue::read(site)?.entry(&entry.name) == present;
    if !is_as_it_was || stops.came_after(site, &entry.name) {
        return Err(CarryOutError::GivenUp(entry.name));
    }
    let mut editor = Editor::open(site, &lock)?;
    editor.put(&entry)?;
    let Some(mut agreement) = Agreement::read(site)? else { return Ok(editor.save(true)?) };
    // Before the file: wherever this is broken off, the file says one of the two that are agreed upon.
    agreement.replace(&entry);
    agreement.write(site)?;
    let saved = editor.save(true);
    match (&saved, present) {
        (Err(_), Some(present)) => agreement.settle(present),
        (Err(_), None) => agreement.forget(&entry.name),
        (Ok(()), _) => agreement.settle(&entry),
    }
    if let Err(reason) = agreement.write(site) {
        warn!(adapter = %entry.name, %reason, "what was replaced is agreed upon until the next start of the broker");
    }
    Ok(saved?)
}

/// Deletes copies of libraries that neither the entry nor an open change needs.
fn prune(site: &Site, entry: &Entry) {
    let Ok(changes) = ChangeFolder::of(site).all() else { return };
    let proposed =
        changes.iter().flatten().filter(|record| record.progress == Progress::Open).filter_map(|record| {
            match &record.change.subject {
                Subject::Adapter { entry, .. } => entry.version.digests,
                Subject::Routes { .. } | Subject::Policy { .. } => None,
            }
        });
    let versions = entry.earlier.iter().map(|earlier| &earlier.version).chain([&entry.version]);
    let wanted: Vec<_> = versions.filter_map(|version| version.digests).chain(proposed).collect();
    libraries::prune(site, &entry.name, &wanted);
}
