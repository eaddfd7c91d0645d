//! Another master key: every encrypted key of a directory is encrypted anew.
//!
//! `vault.json` says first which two master keys there are, and last that only the new one is left. In between each file
//! is replaced whole, and a key opens under one of the two. So a run that was killed is finished by another with the same
//! two keys, and until then the plugin answers that nothing can be done with keys.

use yinqiao_ca_sdk::AdapterError;
use yinqiao_ca_sdk::messages::Serial;

use crate::authority::{self, AuthorityRecord};
use crate::delegate::{Delegate, DelegateRecord};
use crate::keyring::{self, VaultRecord};
use crate::record::{OperationRecord, escrow_name};
use crate::store::{Folder, Store, StoreError};
use crate::vault::{SealedKey, Vault};

/// Held while it runs.
const LOCK: &str = "rekey-vault";

/// Why not, or not to the end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RekeyError {
    /// Another process is at it.
    #[error("another rekey-vault is running in this directory; wait for it")]
    Running,
    /// Nothing would change.
    #[error("the old and the new key file hold the same key; make a new key, of at least 16 random octets")]
    Same,
    /// The directory's keys are under neither.
    #[error("the directory's keys are encrypted under another master key than that of the old key file")]
    WrongOldKey,
    /// A run with other keys was interrupted.
    #[error(
        "an earlier rekey-vault to another new key was interrupted; run it again with the two key files of then first"
    )]
    Interrupted,
    /// One key opens under neither.
    #[error("{file}: {reason}; every other key is kept, restore this file and run the command again")]
    Key { file: String, reason: String },
    /// A file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How many keys there were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Rekeyed {
    pub(crate) encrypted_anew: usize,
    /// By a run before that was interrupted.
    pub(crate) found_done: usize,
}

/// Encrypts every key that is under `old` under `new`.
///
/// # Errors
/// See [`RekeyError`]. Whatever it says, nothing is lost.
pub(crate) fn rekey(store: &Store, old: &Vault, new: &Vault) -> Result<Rekeyed, RekeyError> {
    let (old_check, new_check) = (old.check(), new.check());
    if old_check == new_check {
        return Err(RekeyError::Same);
    }
    let _alone = store.try_lock(LOCK)?.ok_or(RekeyError::Running)?;
    let record: Option<VaultRecord> = store.read_top(keyring::FILE)?;
    match &record {
        // Directories of the version before: the first key tells.
        None => {}
        Some(record) if record.key_check == new_check && record.next_key_check.is_none() => {
            return Ok(Rekeyed { found_done: count(store)?, encrypted_anew: 0 });
        }
        Some(record) if record.key_check != old_check => return Err(RekeyError::WrongOldKey),
        Some(record) if record.next_key_check.as_ref().is_some_and(|next| *next != new_check) => {
            return Err(RekeyError::Interrupted);
        }
        Some(_) => {}
    }
    let mut work = Work { store, old, new, done: Rekeyed::default() };
    if record.is_none() {
        work.try_authority()?;
    }
    let between = VaultRecord { key_check: old_check, next_key_check: Some(new_check.clone()) };
    store.replace_top(keyring::FILE, &between)?;
    // From now on the plugin begins nothing that needs a key; what it began before is waited for.
    let _keys = store.lock(keyring::FILE)?;
    work.authority()?;
    for delegate in Delegate::ALL {
        work.delegate(delegate)?;
    }
    for name in store.names(Folder::Operations)? {
        work.escrow(&name)?;
    }
    store.replace_top(keyring::FILE, &VaultRecord { key_check: new_check, next_key_check: None })?;
    Ok(work.done)
}

struct Work<'a> {
    store: &'a Store,
    old: &'a Vault,
    new: &'a Vault,
    done: Rekeyed,
}

impl Work<'_> {
    /// Whether the root's key opens under the old master key, before anything is written.
    fn try_authority(&self) -> Result<(), RekeyError> {
        let record: Option<AuthorityRecord> = self.store.read_top(authority::FILE)?;
        let opened = record
            .map(|record| record.pairs().into_iter().all(|(name, pair)| pair.open(name, self.old).is_ok()));
        if opened == Some(false) { Err(RekeyError::WrongOldKey) } else { Ok(()) }
    }

    fn authority(&mut self) -> Result<(), RekeyError> {
        let Some(mut record) = self.store.read_top::<AuthorityRecord>(authority::FILE)? else {
            return Ok(());
        };
        let mut changed = false;
        for (name, pair) in record.pairs_mut() {
            let (name, key) = pair.sealed_key(name);
            changed |= self.key(&format!("{}.json", authority::FILE), &name, key)?;
        }
        if changed {
            self.store.replace_top(authority::FILE, &record)?;
        }
        Ok(())
    }

    fn delegate(&mut self, delegate: Delegate) -> Result<(), RekeyError> {
        let Some(mut record) = self.store.read_top::<DelegateRecord>(delegate.file())? else { return Ok(()) };
        let (name, key) = record.pair.sealed_key(delegate.file());
        if self.key(&format!("{}.json", delegate.file()), &name, key)? {
            self.store.replace_top(delegate.file(), &record)?;
        }
        Ok(())
    }

    fn escrow(&mut self, name: &str) -> Result<(), RekeyError> {
        let Some(mut record) = self.store.read::<OperationRecord>(Folder::Operations, name)? else {
            return Ok(());
        };
        let file = format!("operations/{name}.json");
        let Some(key) = record.escrow.as_mut() else { return Ok(()) };
        // The signing certificate's number stands first, the encryption certificate's second.
        let serial = record.made.get(1).cloned().unwrap_or_default();
        let serial = Serial::try_from(serial)
            .map_err(|error| RekeyError::Key { file: file.clone(), reason: error.to_string() })?;
        if self.key(&file, &escrow_name(&serial), key)? {
            self.store.replace(Folder::Operations, name, &record)?;
        }
        Ok(())
    }

    /// Whether the key was encrypted anew. The new master key is tried first: what opens under it is done.
    fn key(&mut self, file: &str, name: &str, sealed: &mut SealedKey) -> Result<bool, RekeyError> {
        if self.new.open(name, sealed).is_ok() {
            self.done.found_done += 1;
            return Ok(false);
        }
        let failed = |error: AdapterError| RekeyError::Key { file: file.to_owned(), reason: error.text };
        let key = self.old.open(name, sealed).map_err(failed)?;
        *sealed = self.new.seal(name, &key).map_err(failed)?;
        self.done.encrypted_anew += 1;
        Ok(true)
    }
}

/// The keys of the directory.
fn count(store: &Store) -> Result<usize, StoreError> {
    let mut keys = 3;
    for delegate in Delegate::ALL {
        keys += usize::from(store.read_top::<DelegateRecord>(delegate.file())?.is_some());
    }
    for name in store.names(Folder::Operations)? {
        let record: Option<OperationRecord> = store.read(Folder::Operations, &name)?;
        keys += usize::from(record.is_some_and(|record| record.escrow.is_some()));
    }
    Ok(keys)
}
