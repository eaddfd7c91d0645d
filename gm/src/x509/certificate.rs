//! Certificates with SM2 throughout.

use std::{fmt, ops::Deref};

use super::{
    AnyCertificate, PublicKey,
    any_certificate::{PEM_LABEL, STRUCTURE},
    signed::{Signed, decode_pem, pem_blocks},
};
use crate::{Error, oid, sm2};

/// A version 3 certificate with an SM2 key, signed with SM2-with-SM3.
///
/// What else it says is read as from any certificate: it dereferences to [`AnyCertificate`]. Cloning is cheap. Equal
/// when the DER is equal.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Certificate {
    any: AnyCertificate,
    public_key: sm2::PublicKey,
}

impl Certificate {
    /// Reads a certificate. Its signature is checked by [`verify_signature`](AnyCertificate::verify_signature), its
    /// meaning by [`chain::verify`](super::chain::verify).
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure; [`Error::Algorithm`],
    /// [`Error::Curve`] and [`Error::Point`] for a key or signature that isn't SM2; [`Error::Scalar`] for r or s out
    /// of range; [`Error::Invalid`] for another version, an empty issuer, a validity that ends before it begins, or
    /// an extension that appears twice.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let signed = Signed::from_der(STRUCTURE, der)?;
        signed.sm2_signature(STRUCTURE)?;
        let read_key = |spki: &[u8]| sm2::PublicKey::from_spki_der(spki).map(PublicKey::Sm2);
        Self::try_from(AnyCertificate::from_signed(der, &signed, read_key)?)
    }

    /// Reads the PEM form, label `CERTIFICATE`, of exactly one certificate.
    ///
    /// # Errors
    /// [`Error::Pem`], and as [`from_der`](Self::from_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_der(&decode_pem(STRUCTURE, PEM_LABEL, pem)?)
    }

    /// Reads one certificate after the other; what stands between them (as OpenSSL writes it) is skipped.
    ///
    /// # Errors
    /// [`Error::Pem`] when there is none or one doesn't end, and as [`from_pem`](Self::from_pem).
    pub fn chain_from_pem(pem: &str) -> Result<Vec<Self>, Error> {
        pem_blocks(STRUCTURE, PEM_LABEL, pem)?.iter().map(|der| Self::from_der(der)).collect()
    }

    /// The subject's public key.
    pub fn public_key(&self) -> &sm2::PublicKey {
        &self.public_key
    }

    /// Whether the issuer's name is the subject's.
    pub fn is_self_issued(&self) -> bool {
        self.any.is_self_issued()
    }

    /// The same certificate, as one among those of any algorithm.
    pub fn as_any(&self) -> &AnyCertificate {
        &self.any
    }
}

impl TryFrom<AnyCertificate> for Certificate {
    type Error = Error;

    /// The certificate, when key and signature are SM2's.
    ///
    /// # Errors
    /// [`Error::Algorithm`].
    fn try_from(any: AnyCertificate) -> Result<Self, Error> {
        let algorithm = any.signature_algorithm().oid();
        if algorithm != oid::SM2_WITH_SM3 {
            return Err(Error::Algorithm {
                structure: STRUCTURE,
                expected: "SM2 with SM3 (1.2.156.10197.1.501)",
                found: algorithm,
            });
        }
        let public_key =
            any.any_public_key().as_sm2().cloned().ok_or(Error::Curve { structure: STRUCTURE })?;
        Ok(Self { any, public_key })
    }
}

impl From<Certificate> for AnyCertificate {
    fn from(certificate: Certificate) -> Self {
        certificate.any
    }
}

impl Deref for Certificate {
    type Target = AnyCertificate;

    fn deref(&self) -> &AnyCertificate {
        &self.any
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}
