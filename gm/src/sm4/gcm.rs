//! GCM (NIST SP 800-38D) with a nonce of 12 bytes and a tag of 16, as RFC 8998 uses SM4 with it.

use cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ghash::{GHash, universal_hash::UniversalHash};
use sm4::Sm4;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{BLOCK_LENGTH, Key};
use crate::Error;

/// Length of a nonce in bytes.
pub const GCM_NONCE_LENGTH: usize = 12;
/// Length of a tag in bytes.
pub const GCM_TAG_LENGTH: usize = 16;

type Ctr32 = StreamCipherCoreWrapper<ctr::CtrCore<Sm4, ctr::flavors::Ctr32BE>>;

/// Encrypts `plaintext` and authenticates it with `aad`: ciphertext ‖ tag, 16 bytes longer than the plaintext.
///
/// The same nonce must never seal twice under one key: it would give away both plaintexts and the ability to forge.
/// One call takes at most 2^36 - 32 bytes (SP 800-38D, 5.2.1.1).
pub fn gcm_seal(key: &Key, nonce: &[u8; GCM_NONCE_LENGTH], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut gcm = Gcm::new(key, nonce);
    let mut out = Vec::with_capacity(plaintext.len() + GCM_TAG_LENGTH);
    out.extend_from_slice(plaintext);
    gcm.stream.apply_keystream(&mut out);
    let tag = gcm.tag(aad, &out);
    out.extend_from_slice(&tag);
    out
}

/// Checks and decrypts ciphertext ‖ tag as [`gcm_seal`] made it. Nothing is decrypted before the tag is checked.
///
/// # Errors
/// [`Error::Authentication`] when anything differs from what was sealed, or the tag is not there.
pub fn gcm_open(
    key: &Key,
    nonce: &[u8; GCM_NONCE_LENGTH],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (ciphertext, tag) = sealed.split_last_chunk::<GCM_TAG_LENGTH>().ok_or(Error::Authentication)?;
    let mut gcm = Gcm::new(key, nonce);
    if !bool::from(gcm.tag(aad, ciphertext).ct_eq(tag)) {
        return Err(Error::Authentication);
    }
    let mut out = Zeroizing::new(ciphertext.to_vec());
    gcm.stream.apply_keystream(&mut out);
    Ok(out)
}

struct Gcm {
    ghash: GHash,
    /// The key stream from counter 2 on.
    stream: Ctr32,
    /// E(J0), the key stream's block for counter 1.
    mask: Zeroizing<[u8; BLOCK_LENGTH]>,
}

impl Gcm {
    /// SP 800-38D, 7.1, steps 1 to 3: H = E(0), J0 = nonce ‖ 0^31 ‖ 1, and the stream starts at inc32(J0).
    fn new(key: &Key, nonce: &[u8; GCM_NONCE_LENGTH]) -> Self {
        let cipher = Sm4::new(key.as_bytes().into());
        let mut h = [0; BLOCK_LENGTH].into();
        cipher.encrypt_block(&mut h);
        let ghash = GHash::new(&h);
        h.zeroize();

        let mut counter = [0; BLOCK_LENGTH];
        counter[..GCM_NONCE_LENGTH].copy_from_slice(nonce);
        counter[BLOCK_LENGTH - 1] = 1;
        let mut mask = counter.into();
        cipher.encrypt_block(&mut mask);
        counter[BLOCK_LENGTH - 1] = 2;
        let core = ctr::CtrCore::inner_iv_init(cipher, &counter.into());
        Self { ghash, stream: Ctr32::from_core(core), mask: Zeroizing::new(mask.into()) }
    }

    /// GHASH over both, each padded to whole blocks, and their lengths in bits, masked with E(J0).
    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> [u8; GCM_TAG_LENGTH] {
        let mut ghash = self.ghash.clone();
        ghash.update_padded(aad);
        ghash.update_padded(ciphertext);
        let mut lengths = [0; BLOCK_LENGTH];
        lengths[..8].copy_from_slice(&(aad.len() as u64 * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(ciphertext.len() as u64 * 8).to_be_bytes());
        ghash.update(&[lengths.into()]);
        let mut tag: [u8; GCM_TAG_LENGTH] = ghash.finalize().into();
        for (byte, mask) in tag.iter_mut().zip(self.mask.iter()) {
            *byte ^= mask;
        }
        tag
    }
}
