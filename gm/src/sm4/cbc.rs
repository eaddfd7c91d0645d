//! CBC with PKCS#7 padding (NIST SP 800-38A, RFC 5652, 6.3), whole and in pieces.

use std::fmt;

use cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, inout::InOutBuf};
use sm4::Sm4;
use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::{Zeroize, Zeroizing};

use super::{BLOCK_LENGTH, Key};
use crate::Error;

/// Encrypts `plaintext`; the result is 1 to 16 bytes longer. `iv` must be unpredictable and never used twice.
pub fn cbc_encrypt(key: &Key, iv: &[u8; BLOCK_LENGTH], plaintext: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plaintext.len() + BLOCK_LENGTH);
    let mut encryptor = CbcEncryptor::new(key, iv);
    encryptor.update(plaintext, &mut out);
    encryptor.finish(&mut out);
    out
}

/// Decrypts what [`cbc_encrypt`] made.
///
/// # Errors
/// [`Error::Padding`] for a length that is no positive multiple of 16 and for wrong padding.
pub fn cbc_decrypt(
    key: &Key,
    iv: &[u8; BLOCK_LENGTH],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    let mut decryptor = CbcDecryptor::new(key, iv);
    decryptor.update(ciphertext, &mut out);
    decryptor.finish(&mut out)?;
    Ok(out)
}

/// CBC encryption of a message that arrives in pieces; holds at most 15 bytes of it.
pub struct CbcEncryptor {
    cipher: cbc::Encryptor<Sm4>,
    /// The first `held` bytes are plaintext that does not fill a block yet.
    block: [u8; BLOCK_LENGTH],
    held: usize,
}

impl CbcEncryptor {
    /// Starts a message. `iv` must be unpredictable and never used twice.
    pub fn new(key: &Key, iv: &[u8; BLOCK_LENGTH]) -> Self {
        let cipher = cbc::Encryptor::new(key.as_bytes().into(), iv.into());
        Self { cipher, block: [0; BLOCK_LENGTH], held: 0 }
    }

    /// Encrypts `piece` and appends every block that is complete to `out`.
    pub fn update(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let missing = BLOCK_LENGTH - self.held;
        if piece.len() < missing {
            self.block[self.held..self.held + piece.len()].copy_from_slice(piece);
            self.held += piece.len();
            return;
        }
        let (head, rest) = piece.split_at(if self.held == 0 { 0 } else { missing });
        let (body, tail) = rest.split_at(rest.len() - rest.len() % BLOCK_LENGTH);
        let start = out.len();
        if self.held > 0 {
            out.extend_from_slice(&self.block[..self.held]);
            out.extend_from_slice(head);
        }
        out.extend_from_slice(body);
        let (blocks, _) = InOutBuf::from(&mut out[start..]).into_chunks();
        self.cipher.encrypt_blocks_inout(blocks);
        self.block[..tail.len()].copy_from_slice(tail);
        self.held = tail.len();
    }

    /// Pads and appends the last block.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let padding = BLOCK_LENGTH - self.held;
        // 1..=16, so it fits a byte.
        self.block[self.held..].fill(padding as u8);
        let mut block = self.block.into();
        self.cipher.encrypt_block(&mut block);
        out.extend_from_slice(&block);
    }
}

impl Drop for CbcEncryptor {
    fn drop(&mut self) {
        self.block.zeroize();
    }
}

impl fmt::Debug for CbcEncryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sm4::CbcEncryptor(..)")
    }
}

/// CBC decryption of a message that arrives in pieces; holds at most 16 bytes of it.
///
/// What `update` appends is not authenticated, and whether the message is whole shows only in `finish`.
pub struct CbcDecryptor {
    cipher: cbc::Decryptor<Sm4>,
    /// The first `held` bytes are ciphertext: an incomplete block, or a complete one that may be the last.
    block: [u8; BLOCK_LENGTH],
    held: usize,
}

impl CbcDecryptor {
    /// Starts a message.
    pub fn new(key: &Key, iv: &[u8; BLOCK_LENGTH]) -> Self {
        let cipher = cbc::Decryptor::new(key.as_bytes().into(), iv.into());
        Self { cipher, block: [0; BLOCK_LENGTH], held: 0 }
    }

    /// Decrypts `piece` and appends every block that is complete, and not perhaps the last, to `out`.
    pub fn update(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let missing = BLOCK_LENGTH - self.held;
        if piece.len() <= missing {
            self.block[self.held..self.held + piece.len()].copy_from_slice(piece);
            self.held += piece.len();
            return;
        }
        // More than one block is there: all but the last 1 to 16 bytes can go.
        let (head, rest) = piece.split_at(missing);
        let (body, tail) = rest.split_at((rest.len() - 1) / BLOCK_LENGTH * BLOCK_LENGTH);
        let start = out.len();
        out.extend_from_slice(&self.block[..self.held]);
        out.extend_from_slice(head);
        out.extend_from_slice(body);
        let (blocks, _) = InOutBuf::from(&mut out[start..]).into_chunks();
        self.cipher.decrypt_blocks_inout(blocks);
        self.block[..tail.len()].copy_from_slice(tail);
        self.held = tail.len();
    }

    /// Decrypts the last block and appends it without its padding.
    ///
    /// # Errors
    /// [`Error::Padding`] when the message was no positive multiple of 16 bytes or its padding is wrong; the same for
    /// both, and in the same time for every padding.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.held != BLOCK_LENGTH {
            return Err(Error::Padding);
        }
        let mut block = self.block.into();
        self.cipher.decrypt_block(&mut block);
        let plaintext = Zeroizing::new(<[u8; BLOCK_LENGTH]>::from(block));
        block.zeroize();
        let padding = plaintext[BLOCK_LENGTH - 1];
        let mut valid = !padding.ct_eq(&0) & !padding.ct_gt(&(BLOCK_LENGTH as u8));
        for (from_end, byte) in (0u8..).zip(plaintext.iter().rev()) {
            let is_padding: Choice = padding.ct_gt(&from_end);
            valid &= !is_padding | byte.ct_eq(&padding);
        }
        if !bool::from(valid) {
            return Err(Error::Padding);
        }
        out.extend_from_slice(&plaintext[..BLOCK_LENGTH - usize::from(padding)]);
        Ok(())
    }
}

impl fmt::Debug for CbcDecryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sm4::CbcDecryptor(..)")
    }
}
