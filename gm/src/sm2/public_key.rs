//! A public key: a point of the curve, its encodings, and verifying with it.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, OnceLock},
};

use der::{
    Decode, Encode, EncodePem,
    asn1::{AnyRef, BitStringRef},
    pem::{LineEnding, PemLabel},
};
use elliptic_curve::{
    Group,
    ops::Reduce,
    point::AffineCoordinates,
    sec1::{FromSec1Point, ToSec1Point},
};
use sm2::{AffinePoint, FieldBytes, ProjectivePoint, Scalar, Sec1Point};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::{DEFAULT_ID, Signature, multiple};
use crate::{Error, oid, sm3};

const SPKI: &str = "SubjectPublicKeyInfo";

/// a ‖ b ‖ xG ‖ yG of sm2p256v1 (GB/T 32918.5), as they go into Z.
const CURVE_IN_Z: [u8; 128] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, //
    0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7, //
    0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93, //
    0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94, //
    0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7, //
    0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53, //
    0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0, //
];

/// An SM2 public key, a point of the curve other than infinity.
///
/// Cloning is cheap: clones share the point and whatever was computed from it.
#[derive(Clone)]
pub struct PublicKey(Arc<Shared>);

struct Shared {
    point: AffinePoint,
    sec1: [u8; 65],
    default_z: OnceLock<sm3::Digest>,
    table: OnceLock<multiple::Table>,
}

impl PublicKey {
    /// Reads a point as SEC 1 encodes it: `04 ‖ x ‖ y` (65 bytes), or `02` or `03 ‖ x` (33 bytes).
    ///
    /// # Errors
    /// [`Error::Length`] for another length or first byte, [`Error::Point`] for infinity, a coordinate that is no
    /// field element and a point off the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        match (bytes.first(), bytes.len()) {
            (Some(4), 65) | (Some(2 | 3), 33) => {}
            (Some(0), 1) => return Err(Error::Point { structure: "SM2 public key" }),
            _ => {
                return Err(Error::Length {
                    structure: "SM2 public key",
                    expected: "65 with a leading 04, or 33 with a leading 02 or 03",
                    found: bytes.len(),
                });
            }
        }
        let point = Sec1Point::from_bytes(bytes)
            .ok()
            .and_then(|encoded| AffinePoint::from_sec1_point(&encoded).into_option())
            .ok_or(Error::Point { structure: "SM2 public key" })?;
        Self::from_affine(point)
    }

    pub(super) fn from_affine(point: AffinePoint) -> Result<Self, Error> {
        let sec1 = point
            .to_sec1_point(false)
            .as_bytes()
            .try_into()
            .map_err(|_| Error::Point { structure: "SM2 public key" })?;
        Ok(Self(Arc::new(Shared { point, sec1, default_z: OnceLock::new(), table: OnceLock::new() })))
    }

    /// The point as `04 ‖ x ‖ y`.
    pub fn to_sec1(&self) -> [u8; 65] {
        self.0.sec1
    }

    /// Reads a `SubjectPublicKeyInfo` (RFC 5480) with `id-ecPublicKey` and the SM2 curve as its parameter.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything but one DER structure, [`Error::Algorithm`] for another algorithm,
    /// [`Error::Curve`] for another curve or none, and what [`from_sec1`](Self::from_sec1) says of the point.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, Error> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(Error::encoding(SPKI))?;
        crate::error::require_canonical(SPKI, &spki, der)?;
        if spki.algorithm.oid != oid::EC_PUBLIC_KEY {
            return Err(Error::Algorithm {
                structure: SPKI,
                expected: "id-ecPublicKey (1.2.840.10045.2.1)",
                found: spki.algorithm.oid,
            });
        }
        let curve = spki.algorithm.parameters.and_then(|any| any.decode_as().ok());
        if curve != Some(oid::SM2_CURVE) {
            return Err(Error::Curve { structure: SPKI });
        }
        let point = spki
            .subject_public_key
            .as_bytes()
            .ok_or(Error::Invalid { structure: SPKI, reason: "the key's bits must fill whole bytes" })?;
        Self::from_sec1(point)
    }

    /// The `SubjectPublicKeyInfo`, 91 bytes, with the uncompressed point.
    pub fn to_spki_der(&self) -> Result<Vec<u8>, Error> {
        self.spki()?.to_der().map_err(Error::encoding(SPKI))
    }

    /// Reads the PEM form, label `PUBLIC KEY`.
    ///
    /// # Errors
    /// [`Error::Pem`] for another label or broken text, and as [`from_spki_der`](Self::from_spki_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let (label, der) = der::pem::decode_vec(pem.as_bytes()).map_err(Error::pem(SPKI))?;
        SubjectPublicKeyInfoRef::validate_pem_label(label).map_err(Error::pem(SPKI))?;
        Self::from_spki_der(&der)
    }

    /// The PEM form, label `PUBLIC KEY`, lines ended by LF.
    pub fn to_pem(&self) -> Result<String, Error> {
        self.spki()?.to_pem(LineEnding::LF).map_err(Error::encoding(SPKI))
    }

    fn spki(&self) -> Result<SubjectPublicKeyInfoRef<'_>, Error> {
        Ok(SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef {
                oid: oid::EC_PUBLIC_KEY,
                parameters: Some(AnyRef::from(&oid::SM2_CURVE)),
            },
            subject_public_key: BitStringRef::from_bytes(&self.0.sec1).map_err(Error::encoding(SPKI))?,
        })
    }

    /// Verifies a signature made under [`DEFAULT_ID`].
    ///
    /// # Errors
    /// [`Error::Signature`] when it does not match.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Error> {
        self.verify_digest(&message_digest(&self.default_z(), message), signature)
    }

    /// Verifies a signature made under the signer's ID `id`.
    ///
    /// # Errors
    /// [`Error::Signature`] when it does not match, [`Error::SignerId`] when `id` is longer than 8191 bytes.
    pub fn verify_with_id(&self, id: &[u8], message: &[u8], signature: &Signature) -> Result<(), Error> {
        self.verify_digest(&message_digest(&self.z(id)?, message), signature)
    }

    /// Verifies a signature over e = SM3(Z ‖ M), which the caller has computed (GB/T 32918.2, 7.1 from B4 on).
    ///
    /// # Errors
    /// [`Error::Signature`] when it does not match.
    pub fn verify_digest(&self, e: &sm3::Digest, signature: &Signature) -> Result<(), Error> {
        let (r, s) = signature.scalars();
        // B5: t = r + s, not 0
        let t = r + s;
        if bool::from(t.is_zero()) {
            return Err(Error::Signature);
        }
        // B6: (x1, y1) = [s]G + [t]P
        let point = match self.0.table.get() {
            Some(table) => table.sum(&s, &t),
            None => multiple::sum(&s, &t, &self.0.point),
        };
        if bool::from(point.is_identity()) {
            return Err(Error::Signature);
        }
        // B7: r = e + x1 mod n
        let e = Scalar::reduce(&FieldBytes::from(e.to_bytes()));
        let x = Scalar::reduce(&point.to_affine().x());
        if e + x == r { Ok(()) } else { Err(Error::Signature) }
    }

    /// Computes, once, what makes verifying with this key faster: 25 KB, shared by all clones.
    ///
    /// Worth it for a key that verifies again and again, such as a CA's; it costs about two verifications.
    pub fn precompute(&self) {
        self.0.table.get_or_init(|| multiple::Table::new(&self.0.point));
    }

    /// Z, the digest of the signer's ID, the curve and this key (GB/T 32918.2, 5.5).
    ///
    /// # Errors
    /// [`Error::SignerId`] when `id` is longer than 8191 bytes.
    pub fn z(&self, id: &[u8]) -> Result<sm3::Digest, Error> {
        if id == DEFAULT_ID {
            return Ok(self.default_z());
        }
        let bits = id.len().checked_mul(8).and_then(|bits| u16::try_from(bits).ok());
        Ok(self.hash_z(bits.ok_or(Error::SignerId { length: id.len() })?, id))
    }

    /// e = SM3(Z ‖ M), what a signature under [`DEFAULT_ID`] signs.
    pub fn message_digest(&self, message: &[u8]) -> sm3::Digest {
        message_digest(&self.default_z(), message)
    }

    pub(super) fn default_z(&self) -> sm3::Digest {
        *self.0.default_z.get_or_init(|| self.hash_z(128, DEFAULT_ID))
    }

    fn hash_z(&self, id_bits: u16, id: &[u8]) -> sm3::Digest {
        let mut hasher = sm3::Hasher::new();
        hasher.update(&id_bits.to_be_bytes());
        hasher.update(id);
        hasher.update(&CURVE_IN_Z);
        hasher.update(&self.0.sec1[1..]);
        hasher.finalize()
    }

    pub(super) fn point(&self) -> ProjectivePoint {
        self.0.point.into()
    }
}

/// e = SM3(Z ‖ M) (GB/T 32918.2, 6.1 A1 and A2).
pub(super) fn message_digest(z: &sm3::Digest, message: &[u8]) -> sm3::Digest {
    let mut hasher = sm3::Hasher::new();
    hasher.update(z.as_bytes());
    hasher.update(message);
    hasher.finalize()
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.sec1 == other.0.sec1
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.sec1.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sm2::PublicKey(")?;
        self.0.sec1.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
