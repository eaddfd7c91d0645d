//! A signature: the pair (r, s) and its two encodings.

use std::fmt;

use der::{Decode, Encode, Sequence, asn1::UintRef};
use elliptic_curve::PrimeField;
use sm2::{FieldBytes, NonZeroScalar, Scalar};

use crate::{Error, error::require_canonical};

const STRUCTURE: &str = "SM2Signature";

/// An SM2 signature, r and s each in 1..=n-1.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Signature {
    r: [u8; 32],
    s: [u8; 32],
}

/// ```text
/// SM2Signature ::= SEQUENCE { r INTEGER, s INTEGER }      -- GM/T 0009, 7.3
/// ```
#[derive(Sequence)]
struct Encoded<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl Signature {
    /// Reads the DER of an `SM2Signature`, 8 to 72 bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure, [`Error::Scalar`] for r or
    /// s out of range.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let encoded = Encoded::from_der(der).map_err(Error::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &encoded, der)?;
        let r = left_padded(encoded.r.as_bytes()).ok_or(Error::Scalar { name: "r" })?;
        let s = left_padded(encoded.s.as_bytes()).ok_or(Error::Scalar { name: "s" })?;
        Self::new(r, s)
    }

    /// Reads r ‖ s, each 32 bytes big-endian.
    ///
    /// # Errors
    /// [`Error::Scalar`] for r or s out of range.
    pub fn from_raw(raw: [u8; 64]) -> Result<Self, Error> {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&raw[..32]);
        s.copy_from_slice(&raw[32..]);
        Self::new(r, s)
    }

    fn new(r: [u8; 32], s: [u8; 32]) -> Result<Self, Error> {
        for (name, number) in [("r", r), ("s", s)] {
            NonZeroScalar::from_repr(FieldBytes::from(number)).into_option().ok_or(Error::Scalar { name })?;
        }
        Ok(Self { r, s })
    }

    pub(super) fn from_scalars(r: &Scalar, s: &Scalar) -> Result<Self, Error> {
        Self::new(r.to_repr().into(), s.to_repr().into())
    }

    /// The DER of the `SM2Signature`.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let encode = || Encoded { r: UintRef::new(&self.r)?, s: UintRef::new(&self.s)? }.to_der();
        encode().map_err(Error::encoding(STRUCTURE))
    }

    /// r ‖ s, each 32 bytes big-endian.
    pub fn to_raw(&self) -> [u8; 64] {
        let mut raw = [0; 64];
        raw[..32].copy_from_slice(&self.r);
        raw[32..].copy_from_slice(&self.s);
        raw
    }

    pub(super) fn scalars(&self) -> (Scalar, Scalar) {
        let scalar = |bytes| Scalar::from_repr(FieldBytes::from(bytes)).unwrap_or(Scalar::ZERO);
        (scalar(self.r), scalar(self.s))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sm2::Signature(")?;
        self.to_raw().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A big-endian number in 32 bytes, unless it is longer.
pub(super) fn left_padded(number: &[u8]) -> Option<[u8; 32]> {
    let mut padded = [0; 32];
    padded.get_mut(32usize.checked_sub(number.len())?..)?.copy_from_slice(number);
    Some(padded)
}
