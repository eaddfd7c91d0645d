//! The keys on the phone: a folder with the device key and one file for each certificate pair.
//!
//! A certificate pair's private keys lie under a PIN; the device key, which signs enrolments and claims but no statement,
//! does not. A wrong PIN is counted on the disk before anybody learns that it was wrong. Claims of open sessions lie
//! beside the keys.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use yinqiao_gm::sm2;
use yinqiao_protocol::{Sm3Hex, Timestamp};

mod atomic_file;
mod kept_claims;
mod key_file;
mod sealed_keys;
#[cfg(test)]
mod tests;
mod tries;

pub use kept_claims::KeptClaim;
pub use key_file::{KeyState, Pair};
pub use sealed_keys::KdfParameters;
pub use tries::MOST_WRONG_TRIES;

use key_file::{Content, KeyFile};
use sealed_keys::{OpenKeys, SealedKeys};
use tries::{NotAllowed, Tries};

use crate::pin::Pin;

const DEVICE_KEY: &str = "device.key.pem";
const LOCK: &str = ".lock";
const SUFFIX: &str = ".key.json";

/// What can be wrong with stored keys or a PIN.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not what belongs there.
    #[error("a file of the key store is damaged ({0}): restore it from a copy, or enrol anew")]
    Content(&'static str),
    /// The file was altered, or belongs to another phone.
    #[error("a key file was altered or belongs to another device key: restore it from a copy, or enrol anew")]
    Altered,
    /// A kept claim cannot be opened.
    #[error(
        "the kept claim {} was altered or belongs to another device key: delete it; its session ends by itself",
        path.display()
    )]
    Claim {
        /// Which file.
        path: PathBuf,
    },
    /// A key of this name is not there.
    #[error("there is no key {0} in the store")]
    NotFound(KeyName),
    /// The PIN is wrong.
    #[error("the PIN is wrong; {left} {} left", if *left == 1 { "try is" } else { "tries are" })]
    WrongPin {
        /// Before the key is locked.
        left: u32,
    },
    /// Too soon after a wrong PIN.
    #[error("wait {seconds} s before the next try of the PIN")]
    Wait {
        /// At least 1.
        seconds: u64,
    },
    /// Too many wrong PINs.
    #[error("the key is locked after {MOST_WRONG_TRIES} wrong PINs: have new certificates issued")]
    Locked,
    /// Argon2's parameters are out of bounds.
    #[error("the cost of the PIN's derivation is out of bounds: 8 KiB to 4 GiB and 1 to 100 passes")]
    Cost,
    /// An operation on a key failed.
    #[error("a key cannot be made or used: {0}")]
    Key(#[from] yinqiao_gm::Error),
    /// No randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// Names a key: 16 hexadecimal digits of the SM3 of the signing public key (65 bytes).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct KeyName(String);

impl KeyName {
    fn of(key: &sm2::PublicKey) -> Self {
        Self(Sm3Hex::of(&key.to_sec1()).to_string()[..16].to_owned())
    }

    fn file(&self) -> String {
        format!("{}{SUFFIX}", self.0)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key as it is known without a PIN.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// Its name.
    pub name: KeyName,
    /// How far it is.
    pub state: KeyState,
    /// Wrong PINs that are left before it is locked.
    pub tries_left: u32,
}

/// A pair's private keys in memory. Drop it as soon as it has signed.
#[derive(Clone, Debug)]
pub struct UnlockedKeys {
    state: KeyState,
    keys: OpenKeys,
}

impl UnlockedKeys {
    /// The signing key.
    pub fn signing(&self) -> &sm2::PrivateKey {
        &self.keys.signing
    }

    /// The key of the encryption certificate with this serial number (lower-case hexadecimal).
    ///
    /// # Errors
    /// When a stored certificate cannot be read.
    pub fn encryption(&self, serial: &str) -> Result<Option<&sm2::PrivateKey>, StoreError> {
        let KeyState::Issued(pair) = &self.state else { return Ok(None) };
        let certificates = pair.encryption()?;
        let at = certificates.iter().position(|certificate| certificate.serial().to_string() == serial);
        Ok(at.and_then(|at| self.keys.encryption.get(at)))
    }
}

/// The folder of keys. Cloning is cheap.
#[derive(Clone)]
pub struct KeyStore {
    folder: Arc<PathBuf>,
    device: Arc<sm2::PrivateKey>,
    kdf: KdfParameters,
}

impl KeyStore {
    /// Opens the store in `folder`; makes folder and device key where there are none. `kdf` is what new PINs cost.
    ///
    /// # Errors
    /// When the folder cannot be made or read, or others may write to it.
    pub fn open(folder: &Path, kdf: KdfParameters) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: folder.to_path_buf(), source };
        atomic_file::private_folder(folder).map_err(io)?;
        let _lock = atomic_file::lock(folder, LOCK).map_err(io)?;
        let path = folder.join(DEVICE_KEY);
        let io = |source| StoreError::Io { path: path.clone(), source };
        if !path.try_exists().map_err(io)? {
            let pem = sm2::PrivateKey::generate()?.to_pkcs8_pem()?;
            atomic_file::replace(folder, DEVICE_KEY, pem.as_bytes()).map_err(io)?;
        }
        atomic_file::require_private(&path).map_err(io)?;
        let pem = zeroize::Zeroizing::new(fs::read_to_string(&path).map_err(io)?);
        let device = sm2::PrivateKey::from_pkcs8_pem(&pem)
            .map_err(|_| StoreError::Content("the device key is not a PEM of an SM2 key"))?;
        Ok(Self { folder: Arc::new(folder.to_path_buf()), device: Arc::new(device), kdf })
    }

    /// The key that signs enrolments and claims.
    pub fn device_key(&self) -> &sm2::PrivateKey {
        &self.device
    }

    /// All keys, by name.
    ///
    /// # Errors
    /// When a file cannot be read or was altered.
    pub fn keys(&self) -> Result<Vec<KeyEntry>, StoreError> {
        let io = |source| StoreError::Io { path: self.folder.to_path_buf(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&*self.folder).map_err(io)? {
            let file = entry.map_err(io)?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(SUFFIX));
            names.extend(name.filter(|name| !name.starts_with('.')).map(|name| KeyName(name.to_owned())));
        }
        names.sort();
        names.into_iter().map(|name| self.key(name)).collect()
    }

    fn key(&self, name: KeyName) -> Result<KeyEntry, StoreError> {
        let content = self.read(&name)?;
        Ok(KeyEntry { name, state: content.key, tries_left: content.tries.left() })
    }

    /// Stores a new signing key under `pin`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, signing: sm2::PrivateKey, state: KeyState, pin: &Pin) -> Result<KeyName, StoreError> {
        let name = KeyName::of(signing.public_key());
        let _lock = self.lock()?;
        self.write(&name, state, &OpenKeys { signing, encryption: Vec::new() }, pin)?;
        Ok(name)
    }

    /// Opens a key's private keys with its PIN. The try is counted on the disk as a wrong one before it is made, and
    /// the count cleared when the PIN was right.
    ///
    /// # Errors
    /// [`StoreError::Wait`], [`StoreError::WrongPin`], [`StoreError::Locked`], and what reading and writing say.
    pub fn unlock(&self, name: &KeyName, pin: &Pin, now: Timestamp) -> Result<UnlockedKeys, StoreError> {
        let _lock = self.lock()?;
        let mut content = self.read(name)?;
        content.tries = content.tries.counted(now).map_err(|refusal| match refusal {
            NotAllowed::Wait { seconds } => StoreError::Wait { seconds },
            NotAllowed::Locked => StoreError::Locked,
        })?;
        let left = content.tries.left();
        self.write_content(name, content.clone())?;
        match content.sealed_keys.open(pin, &content.key.context()?)? {
            Some(keys) => {
                content.tries = Tries::default();
                self.write_content(name, content.clone())?;
                Ok(UnlockedKeys { state: content.key, keys })
            }
            None if left == 0 => Err(StoreError::Locked),
            None => Err(StoreError::WrongPin { left }),
        }
    }

    /// Stores a key's new state with one more encryption key, sealed anew under `pin`, which must be the right one: the
    /// key was just unlocked with it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn change(
        &self,
        name: &KeyName,
        unlocked: UnlockedKeys,
        state: KeyState,
        more: Vec<sm2::PrivateKey>,
        pin: &Pin,
    ) -> Result<(), StoreError> {
        let mut keys = unlocked.keys;
        keys.encryption.extend(more);
        if let KeyState::Issued(pair) = &state
            && pair.encryption_certificates.len() != keys.encryption.len()
        {
            return Err(StoreError::Content("certificates and keys differ in number"));
        }
        let _lock = self.lock()?;
        self.write(name, state, &keys, pin)
    }

    fn lock(&self) -> Result<fs::File, StoreError> {
        atomic_file::lock(&self.folder, LOCK)
            .map_err(|source| StoreError::Io { path: self.folder.join(LOCK), source })
    }

    fn read(&self, name: &KeyName) -> Result<Content, StoreError> {
        let path = self.folder.join(name.file());
        match atomic_file::require_private(&path).and_then(|()| fs::read(&path)) {
            Ok(bytes) => KeyFile::read(&bytes, &self.device),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NotFound(name.clone())),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    fn write(&self, name: &KeyName, key: KeyState, keys: &OpenKeys, pin: &Pin) -> Result<(), StoreError> {
        let sealed_keys = SealedKeys::seal(keys, pin, &key.context()?, self.kdf)?;
        self.write_content(name, Content { key, sealed_keys, tries: Tries::default() })
    }

    fn write_content(&self, name: &KeyName, content: Content) -> Result<(), StoreError> {
        let bytes = KeyFile::new(content, &self.device)?.to_bytes()?;
        atomic_file::replace(&self.folder, &name.file(), &bytes)
            .map_err(|source| StoreError::Io { path: self.folder.join(name.file()), source })
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}
