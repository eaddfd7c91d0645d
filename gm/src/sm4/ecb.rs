//! Single blocks, for the one structure that wants them: the enveloped key of GM/T 0009.

use cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use sm4::Sm4;

use super::{BLOCK_LENGTH, Key};

/// Encrypts each whole block of `data` in place; a shorter rest is left as it is.
pub(crate) fn ecb_encrypt_blocks(key: &Key, data: &mut [u8]) {
    let cipher = Sm4::new(key.as_bytes().into());
    for block in data.chunks_exact_mut(BLOCK_LENGTH) {
        if let Ok(block) = block.try_into() {
            cipher.encrypt_block(block);
        }
    }
}

/// Decrypts each whole block of `data` in place; a shorter rest is left as it is.
pub(crate) fn ecb_decrypt_blocks(key: &Key, data: &mut [u8]) {
    let cipher = Sm4::new(key.as_bytes().into());
    for block in data.chunks_exact_mut(BLOCK_LENGTH) {
        if let Ok(block) = block.try_into() {
            cipher.decrypt_block(block);
        }
    }
}
