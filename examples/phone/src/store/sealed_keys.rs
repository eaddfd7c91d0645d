//! Private keys under a PIN.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use yinqiao_gm::{sm2, sm4};
use yinqiao_protocol::Base64;

use super::StoreError;
use crate::pin::Pin;

/// The cost of trying one PIN: Argon2id version 1.3 (RFC 9106) with one lane.
///
/// Six digits are a million tries: whoever has the file needs that many times this cost. On a phone the secure element
/// counts tries; a file cannot.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KdfParameters {
    /// KiB of memory.
    memory: u32,
    /// Passes over the memory.
    passes: u32,
}

impl Default for KdfParameters {
    /// 19 MiB and two passes.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

impl KdfParameters {
    /// `memory` in KiB, 8 to 4,194,304, and 1 to 100 passes. Less than the default is for tests and benchmarks.
    ///
    /// # Errors
    /// [`StoreError::Cost`] out of these bounds.
    pub fn new(memory: u32, passes: u32) -> Result<Self, StoreError> {
        let parameters = Self { memory, passes };
        if parameters.are_bearable() { Ok(parameters) } else { Err(StoreError::Cost) }
    }

    fn are_bearable(self) -> bool {
        (8..=4 << 20).contains(&self.memory) && (1..=100).contains(&self.passes)
    }

    fn key(self, pin: &Pin, salt: &[u8]) -> Result<sm4::Key, StoreError> {
        if !self.are_bearable() {
            return Err(StoreError::Cost);
        }
        let length = Some(sm4::KEY_LENGTH);
        let parameters = Params::new(self.memory, self.passes, 1, length).map_err(|_| StoreError::Cost)?;
        let mut key = Zeroizing::new([0; sm4::KEY_LENGTH]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(pin.expose().as_bytes(), salt, &mut *key)
            .map_err(|_| StoreError::Cost)?;
        Ok(sm4::Key::new(*key))
    }
}

/// A signing key and encryption keys under SM4-GCM, with a key derived from the PIN and a salt of their own: two equal
/// PINs give two different keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealedKeys {
    kdf: KdfParameters,
    /// 16 bytes, new at each sealing.
    salt: Base64,
    /// 12 bytes, new at each sealing.
    nonce: Base64,
    /// The keys, 32 bytes each, the signing key first, and the tag.
    sealed: Base64,
}

/// Keys in memory; zeroized when dropped.
#[derive(Clone, Debug)]
pub(super) struct OpenKeys {
    pub(super) signing: sm2::PrivateKey,
    pub(super) encryption: Vec<sm2::PrivateKey>,
}

impl SealedKeys {
    /// Seals `keys` under `pin`, bound to `context`.
    pub(super) fn seal(
        keys: &OpenKeys,
        pin: &Pin,
        context: &[u8],
        kdf: KdfParameters,
    ) -> Result<Self, StoreError> {
        let (mut salt, mut nonce) = ([0; 16], [0; sm4::GCM_NONCE_LENGTH]);
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut nonce)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(32 * (1 + keys.encryption.len())));
        for key in std::iter::once(&keys.signing).chain(&keys.encryption) {
            plain.extend_from_slice(&*key.to_bytes());
        }
        let sealed = sm4::gcm_seal(&kdf.key(pin, &salt)?, &nonce, context, &plain);
        Ok(Self { kdf, salt: salt.to_vec().into(), nonce: nonce.to_vec().into(), sealed: sealed.into() })
    }

    /// Opens the keys; `None` for another PIN or context.
    pub(super) fn open(&self, pin: &Pin, context: &[u8]) -> Result<Option<OpenKeys>, StoreError> {
        let nonce: [u8; sm4::GCM_NONCE_LENGTH] = self
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| StoreError::Content("the nonce has another length"))?;
        let key = self.kdf.key(pin, self.salt.as_slice())?;
        let Ok(plain) = sm4::gcm_open(&key, &nonce, context, self.sealed.as_slice()) else { return Ok(None) };
        let mut keys = plain.chunks(32).map(|number| {
            let mut bytes: [u8; 32] =
                number.try_into().map_err(|_| StoreError::Content("a key is cut short"))?;
            let key = sm2::PrivateKey::from_bytes(&bytes);
            bytes.zeroize();
            key.map_err(|_| StoreError::Content("a key is out of range"))
        });
        let signing = keys.next().ok_or(StoreError::Content("there is no signing key"))??;
        Ok(Some(OpenKeys { signing, encryption: keys.collect::<Result<_, _>>()? }))
    }
}
