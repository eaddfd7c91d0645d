//! A private key: its encodings, and signing and decrypting with it.

use std::fmt;

use elliptic_curve::{Group, PrimeField, ops::Reduce, point::AffineCoordinates};
use sm2::{
    FieldBytes, NonZeroScalar, ProjectivePoint, Scalar, SecretKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding},
};
use zeroize::{Zeroize, Zeroizing};

use super::{PublicKey, Signature, public_key::message_digest};
use crate::{Error, sm3};

const PKCS8: &str = "PrivateKeyInfo";

/// An SM2 private key d, 1 ≤ d ≤ n-2. Zeroized when dropped; `Debug` shows the public key only.
#[derive(Clone)]
pub struct PrivateKey {
    d: NonZeroScalar,
    /// (1 + d)^-1, as secret as d.
    inverse: Scalar,
    public_key: PublicKey,
}

impl PrivateKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Randomness`] when there is none.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        loop {
            getrandom::fill(&mut *bytes)?;
            // Out of range about once in 2^32 draws: draw again, so that every key is equally likely.
            if let Ok(key) = Self::from_bytes(&bytes) {
                return Ok(key);
            }
        }
    }

    /// The key with the big-endian number in `bytes`.
    ///
    /// # Errors
    /// [`Error::Scalar`] unless it is in 1..=n-2 (GB/T 32918.1, 6.1; with n-1 there would be no signature).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let out_of_range = || Error::Scalar { name: "the private key" };
        let mut repr = FieldBytes::from(*bytes);
        let d = NonZeroScalar::from_repr(repr).into_option();
        repr.zeroize();
        let d = d.ok_or_else(out_of_range)?;
        let inverse = (*d + Scalar::ONE).invert().into_option().ok_or_else(out_of_range)?;
        let public_key = PublicKey::from_affine(ProjectivePoint::mul_by_generator(&d).to_affine())?;
        Ok(Self { d, inverse, public_key })
    }

    /// The number, 32 bytes, big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut repr = self.d.to_repr();
        let bytes = Zeroizing::new(repr.into());
        repr.zeroize();
        bytes
    }

    /// Reads a `PrivateKeyInfo` (PKCS#8, RFC 5208) that holds an `ECPrivateKey` (RFC 5915) on the SM2 curve.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else, also when the public key inside is another one's; [`Error::Scalar`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, Error> {
        let secret = SecretKey::from_pkcs8_der(der)
            .map_err(|_| Error::Invalid { structure: PKCS8, reason: "not the DER of one SM2 private key" })?;
        Self::from_secret_key(&secret)
    }

    /// The `PrivateKeyInfo`, with the public key inside.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let document = SecretKey::from(self.d)
            .to_pkcs8_der()
            .map_err(|_| Error::Invalid { structure: PKCS8, reason: "cannot be encoded" })?;
        Ok(Zeroizing::new(document.as_bytes().to_vec()))
    }

    /// Reads the PEM form, label `PRIVATE KEY`, not encrypted.
    ///
    /// # Errors
    /// As [`from_pkcs8_der`](Self::from_pkcs8_der).
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, Error> {
        let secret = SecretKey::from_pkcs8_pem(pem)
            .map_err(|_| Error::Invalid { structure: PKCS8, reason: "not the PEM of one SM2 private key" })?;
        Self::from_secret_key(&secret)
    }

    /// The PEM form, label `PRIVATE KEY`, not encrypted, lines ended by LF.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, Error> {
        SecretKey::from(self.d)
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|_| Error::Invalid { structure: PKCS8, reason: "cannot be encoded" })
    }

    fn from_secret_key(secret: &SecretKey) -> Result<Self, Error> {
        Self::from_bytes(&Zeroizing::new(secret.to_bytes().into()))
    }

    /// The public key, `[d]G`.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Signs `message` under [`DEFAULT_ID`](super::DEFAULT_ID).
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        self.sign_digest(&self.public_key.message_digest(message))
    }

    /// Signs `message` under the signer's ID `id`.
    ///
    /// # Errors
    /// [`Error::SignerId`] when `id` is longer than 8191 bytes, [`Error::Randomness`].
    pub fn sign_with_id(&self, id: &[u8], message: &[u8]) -> Result<Signature, Error> {
        self.sign_digest(&message_digest(&self.public_key.z(id)?, message))
    }

    /// Signs e = SM3(Z ‖ M), which the caller has computed (GB/T 32918.2, 6.1 from A3 on).
    ///
    /// k comes from HMAC-SM3 under d over fresh randomness, e and a counter. So a broken random number generator
    /// alone does not repeat a k for another message, and a fault in one signature cannot be compared with an
    /// identical second one.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn sign_digest(&self, e: &sm3::Digest) -> Result<Signature, Error> {
        let mut fresh = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *fresh)?;
        let d = self.to_bytes();
        let mut counter = 0u32;
        loop {
            let seed = sm3::hmac(&*d, &[b"SM2 k", &*fresh, e.as_bytes(), &counter.to_be_bytes()]);
            let k = Zeroizing::new(seed.to_bytes());
            if let Some(signature) = self.sign_with_k(e, &k) {
                return Ok(signature);
            }
            counter = counter.wrapping_add(1);
        }
    }

    /// A3 to A7 with a given k; `None` where the standard says to draw another.
    pub(super) fn sign_with_k(&self, e: &sm3::Digest, k: &[u8; 32]) -> Option<Signature> {
        let mut k = NonZeroScalar::from_repr(FieldBytes::from(*k)).into_option()?;
        // A4, A5: r = e + x1 mod n, neither 0 nor n - k
        let x = ProjectivePoint::mul_by_generator(&k).to_affine().x();
        let r = Scalar::reduce(&FieldBytes::from(e.to_bytes())) + Scalar::reduce(&x);
        let mut r_plus_k = r + *k;
        // A6: s = (1 + d)^-1 (k - r d) = (1 + d)^-1 (k + r) - r
        let s = self.inverse * r_plus_k - r;
        let again = bool::from(r.is_zero() | r_plus_k.is_zero() | s.is_zero());
        k.zeroize();
        r_plus_k.zeroize();
        if again { None } else { Signature::from_scalars(&r, &s).ok() }
    }

    pub(super) fn scalar(&self) -> &Scalar {
        &self.d
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.d.zeroize();
        self.inverse.zeroize();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("sm2::PrivateKey").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}
