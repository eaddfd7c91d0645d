//! Which master key the directory's keys are encrypted under, while it may be changed by another process.
//!
//! Whoever needs an encrypted key holds a lock together with others; `yinqiao-softca rekey-vault` holds it alone. A
//! process that was opened under the master key before asks its host for the present one.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use yinqiao_ca_sdk::messages::ErrorClass;
use yinqiao_ca_sdk::{AdapterError, Call};

use crate::adapter::Instance;
use crate::store::{Lock, Store};
use crate::vault::{KeyCheck, MASTER_KEY, Vault};

/// The file, and the lock of the same name.
pub(crate) const FILE: &str = "vault";

const INTERRUPTED: &str = "the keys are being encrypted anew under another master key; if that was interrupted, run \
                           `yinqiao-softca rekey-vault` again with the same two key files";
const RETRY_AFTER_MS: u64 = 2000;

/// `vault.json`. Directories of the version before have none; it is made when they are opened.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct VaultRecord {
    /// Of the master key in use.
    pub(crate) key_check: KeyCheck,
    /// Of the master key that the keys are being encrypted under anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_key_check: Option<KeyCheck>,
}

/// The vault in use.
pub(crate) struct Keyring(RwLock<Arc<Vault>>);

/// The vault, and the promise that no key is encrypted anew meanwhile.
pub(crate) struct OpenVault {
    vault: Arc<Vault>,
    _lock: Lock,
}

impl Keyring {
    pub(crate) fn new(vault: Vault) -> Self {
        // A lock of the standard library: it guards one pointer, and nothing waits under it.
        Self(RwLock::new(Arc::new(vault)))
    }

    fn present(&self) -> Arc<Vault> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, vault: Arc<Vault>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = vault;
    }
}

impl std::ops::Deref for OpenVault {
    type Target = Vault;

    fn deref(&self) -> &Vault {
        &self.vault
    }
}

/// Holds the vault of the directory while it is opened.
///
/// # Errors
/// When its keys are encrypted under another master key, or are being encrypted anew.
pub(crate) fn hold(store: &Store, vault: &Vault) -> Result<Lock, AdapterError> {
    let lock = store.try_lock_shared(FILE)?.ok_or_else(|| AdapterError::unhealthy(INTERRUPTED))?;
    match store.read_top::<VaultRecord>(FILE)? {
        Some(record) if record.next_key_check.is_some() => Err(AdapterError::unhealthy(INTERRUPTED)),
        Some(record) if record.key_check != vault.check() => Err(AdapterError::unhealthy(format!(
            "the directory's keys are encrypted under another master key: the secret {MASTER_KEY} is wrong"
        ))),
        Some(_) | None => Ok(lock),
    }
}

/// Records the master key, once it has opened the directory's keys.
pub(crate) fn record(store: &Store, vault: &Vault) -> Result<(), AdapterError> {
    if store.read_top::<VaultRecord>(FILE)?.is_none() {
        store.replace_top(FILE, &VaultRecord { key_check: vault.check(), next_key_check: None })?;
    }
    Ok(())
}

impl Instance {
    /// The vault, for one operation.
    ///
    /// # Errors
    /// Retryable while the keys are being encrypted anew; authentication when the host has not got the present master
    /// key.
    pub(crate) fn vault(&self, call: &Call<'_>) -> Result<OpenVault, AdapterError> {
        let busy = || AdapterError {
            retry_after_ms: Some(RETRY_AFTER_MS),
            ..AdapterError::new(ErrorClass::Retryable, INTERRUPTED)
        };
        let lock = self.store.try_lock_shared(FILE)?.ok_or_else(busy)?;
        let record: VaultRecord = self.store.read_top(FILE)?.ok_or_else(|| {
            AdapterError::unhealthy("the file vault.json is gone; restore it from a backup")
        })?;
        if record.next_key_check.is_some() {
            return Err(busy());
        }
        let present = self.keyring.present();
        if present.check() == record.key_check {
            return Ok(OpenVault { vault: present, _lock: lock });
        }
        let fetched = Arc::new(Vault::new(call.host().secret(MASTER_KEY)?)?);
        if fetched.check() != record.key_check {
            let text = format!(
                "the directory's keys are encrypted under another master key by now: give this adapter the new \
                 secret {MASTER_KEY}"
            );
            return Err(AdapterError::new(ErrorClass::Authentication, text));
        }
        self.keyring.set(fetched.clone());
        Ok(OpenVault { vault: fetched, _lock: lock })
    }
}
