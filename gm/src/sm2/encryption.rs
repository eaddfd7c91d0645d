//! Public-key encryption (GB/T 32918.4).
//!
//! The curve's cofactor h is 1, so the check of `[h]P` against infinity is the one that every [`PublicKey`] and every
//! point of a [`Ciphertext`] has passed when it was read.

use elliptic_curve::{Group, sec1::ToSec1Point};
use sm2::{FieldBytes, NonZeroScalar, ProjectivePoint, Scalar};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{Ciphertext, PrivateKey, PublicKey};
use crate::{Error, sm3};

impl PublicKey {
    /// Encrypts `message` for the holder of the private key (GB/T 32918.4, 6.1).
    ///
    /// # Errors
    /// [`Error::EmptyMessage`], [`Error::Randomness`].
    pub fn encrypt(&self, message: &[u8]) -> Result<Ciphertext, Error> {
        if message.is_empty() {
            return Err(Error::EmptyMessage);
        }
        let mut k = Zeroizing::new([0; 32]);
        loop {
            getrandom::fill(&mut *k)?;
            if let Some(ciphertext) = self.encrypt_with_k(message, &k) {
                return Ok(ciphertext);
            }
        }
    }

    /// A1 to A8 with a given k; `None` where the standard says to draw another.
    pub(super) fn encrypt_with_k(&self, message: &[u8], k: &[u8; 32]) -> Option<Ciphertext> {
        let mut k = NonZeroScalar::from_repr(FieldBytes::from(*k)).into_option()?;
        let point = PublicKey::from_affine(ProjectivePoint::mul_by_generator(&k).to_affine()).ok()?;
        let shared = SharedPoint::new(self, &k);
        k.zeroize();
        let mut ciphertext = message.to_vec();
        shared.apply_key_stream(&mut ciphertext)?;
        Some(Ciphertext { point, hash: shared.hash(message), ciphertext })
    }
}

impl PrivateKey {
    /// Decrypts (GB/T 32918.4, 7.1).
    ///
    /// # Errors
    /// [`Error::Decryption`] whatever the cause, so that the answer tells an attacker nothing.
    pub fn decrypt(&self, ciphertext: &Ciphertext) -> Result<Zeroizing<Vec<u8>>, Error> {
        let shared = SharedPoint::new(&ciphertext.point, self.scalar());
        let mut message = Zeroizing::new(ciphertext.ciphertext.clone());
        shared.apply_key_stream(&mut message).ok_or(Error::Decryption)?;
        let matches = shared.hash(&message).as_bytes().ct_eq(ciphertext.hash.as_bytes());
        if bool::from(matches) { Ok(message) } else { Err(Error::Decryption) }
    }
}

/// (x2, y2), which only sender and receiver can compute.
struct SharedPoint(Zeroizing<[u8; 64]>);

impl SharedPoint {
    fn new(point: &PublicKey, scalar: &Scalar) -> Self {
        let mut product = point.point() * scalar;
        let mut affine = product.to_affine();
        let encoded = Zeroizing::new(affine.to_sec1_point(false).to_bytes().into_vec());
        let mut coordinates = Zeroizing::new([0; 64]);
        coordinates.copy_from_slice(&encoded[1..]);
        product.zeroize();
        affine.zeroize();
        Self(coordinates)
    }

    /// M ⊕ KDF(x2 ‖ y2, |M|) in place (GB/T 32918.4, 5.4.3); `None` when the key stream is all zeros.
    fn apply_key_stream(&self, message: &mut [u8]) -> Option<()> {
        let mut prefix = sm3::Hasher::new();
        prefix.update(&*self.0);
        let mut any = 0;
        for (counter, chunk) in (1u32..).zip(message.chunks_mut(32)) {
            let mut hasher = prefix.clone();
            hasher.update(&counter.to_be_bytes());
            let stream = Zeroizing::new(hasher.finalize().to_bytes());
            for (byte, key) in chunk.iter_mut().zip(stream.iter()) {
                *byte ^= key;
                any |= key;
            }
        }
        (any != 0).then_some(())
    }

    /// C3 = SM3(x2 ‖ M ‖ y2).
    fn hash(&self, message: &[u8]) -> sm3::Digest {
        let mut hasher = sm3::Hasher::new();
        hasher.update(&self.0[..32]);
        hasher.update(message);
        hasher.update(&self.0[32..]);
        hasher.finalize()
    }
}
