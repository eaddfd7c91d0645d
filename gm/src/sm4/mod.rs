//! SM4, the block cipher of GB/T 32907 (ISO/IEC 18033-3), in the modes that the formats use.
//!
//! [`gcm_seal`] and [`gcm_open`] authenticate; CBC does not, and belongs only inside a message that is signed or
//! otherwise authenticated.

mod cbc;
mod ecb;
mod gcm;
#[cfg(test)]
mod tests;

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use self::{
    cbc::{CbcDecryptor, CbcEncryptor, cbc_decrypt, cbc_encrypt},
    gcm::{GCM_NONCE_LENGTH, GCM_TAG_LENGTH, gcm_open, gcm_seal},
};
pub(crate) use ecb::{ecb_decrypt_blocks, ecb_encrypt_blocks};

use crate::Error;

/// Length of a block, and of CBC's initialization vector, in bytes.
pub const BLOCK_LENGTH: usize = 16;
/// Length of a key in bytes.
pub const KEY_LENGTH: usize = 16;

/// A 128-bit key. Zeroized when dropped; `Debug` does not show it; compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; KEY_LENGTH]);

impl Key {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Randomness`] when there is none.
    pub fn generate() -> Result<Self, Error> {
        let mut key = Self([0; KEY_LENGTH]);
        getrandom::fill(&mut key.0)?;
        Ok(key)
    }

    /// The key with these bytes.
    pub const fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The key in `bytes`.
    ///
    /// # Errors
    /// [`Error::Length`] unless there are 16.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let mut key = Self([0; KEY_LENGTH]);
        if bytes.len() != KEY_LENGTH {
            return Err(Error::Length { structure: "SM4 key", expected: "16", found: bytes.len() });
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sm4::Key(..)")
    }
}
