//! A ciphertext and the encodings that are met.

use std::fmt;

use der::{
    Decode, Encode, Sequence,
    asn1::{OctetStringRef, UintRef},
};

use super::{PublicKey, signature::left_padded};
use crate::{Error, error::require_canonical, sm3};

const STRUCTURE: &str = "SM2Cipher";

/// How an SM2 ciphertext is laid out. Nothing in the bytes says so reliably: whoever sends them must.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CiphertextFormat {
    /// The DER of `SM2Cipher` (GM/T 0009): the standard.
    Asn1,
    /// C1 ‖ C3 ‖ C2 (GB/T 32918.4): point, 32 bytes of hash, and as many bytes as the message.
    C1C3C2 {
        /// Whether the point begins with 04 (65 bytes) or its coordinates stand alone (64).
        prefix: bool,
    },
    /// C1 ‖ C2 ‖ C3, the order before 2012.
    C1C2C3 {
        /// Whether the point begins with 04 (65 bytes) or its coordinates stand alone (64).
        prefix: bool,
    },
}

/// An SM2 ciphertext whose point is on the curve and which holds at least one byte of message.
#[derive(Clone, Eq, PartialEq)]
pub struct Ciphertext {
    pub(super) point: PublicKey,
    pub(super) hash: sm3::Digest,
    pub(super) ciphertext: Vec<u8>,
}

/// ```text
/// SM2Cipher ::= SEQUENCE {                                -- GM/T 0009, 7.2
///   XCoordinate INTEGER,
///   YCoordinate INTEGER,
///   HASH        OCTET STRING (SIZE(32)),
///   CipherText  OCTET STRING }
/// ```
#[derive(Sequence)]
struct Encoded<'a> {
    x: UintRef<'a>,
    y: UintRef<'a>,
    hash: &'a OctetStringRef,
    ciphertext: &'a OctetStringRef,
}

impl Ciphertext {
    /// Reads the DER of an `SM2Cipher`.
    ///
    /// # Errors
    /// [`Error::Encoding`] and [`Error::NotCanonical`] for anything but one DER structure, [`Error::Point`] for a
    /// point off the curve, [`Error::Length`] for a hash of other than 32 bytes, [`Error::Invalid`] for no message.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let encoded = Encoded::from_der(der).map_err(Error::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &encoded, der)?;
        let x = left_padded(encoded.x.as_bytes()).ok_or(Error::Point { structure: STRUCTURE })?;
        let y = left_padded(encoded.y.as_bytes()).ok_or(Error::Point { structure: STRUCTURE })?;
        Self::new(&[x, y].concat(), encoded.hash.as_bytes(), encoded.ciphertext.as_bytes())
    }

    /// The DER of the `SM2Cipher`.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let encode = || {
            Encoded {
                x: UintRef::new(&self.x())?,
                y: UintRef::new(&self.y())?,
                hash: OctetStringRef::new(self.hash.as_bytes())?,
                ciphertext: OctetStringRef::new(&self.ciphertext)?,
            }
            .to_der()
        };
        encode().map_err(Error::encoding(STRUCTURE))
    }

    /// Reads `bytes` in the given format, and no other.
    ///
    /// # Errors
    /// As [`from_der`](Self::from_der); for the raw formats [`Error::Length`] when bytes are missing and
    /// [`Error::Point`] when a wanted 04 is not there.
    pub fn parse(format: CiphertextFormat, bytes: &[u8]) -> Result<Self, Error> {
        let (prefix, hash_last) = match format {
            CiphertextFormat::Asn1 => return Self::from_der(bytes),
            CiphertextFormat::C1C3C2 { prefix } => (prefix, false),
            CiphertextFormat::C1C2C3 { prefix } => (prefix, true),
        };
        let coordinates_and_rest = match (prefix, bytes) {
            (true, [4, rest @ ..]) => rest,
            (true, _) => return Err(Error::Point { structure: "SM2 ciphertext with a leading 04" }),
            (false, rest) => rest,
        };
        let too_short = Error::Length {
            structure: "SM2 ciphertext",
            expected: "more than 96, with a leading 04 more than 97",
            found: bytes.len(),
        };
        if coordinates_and_rest.len() <= 96 {
            return Err(too_short);
        }
        let (coordinates, rest) = coordinates_and_rest.split_at(64);
        let (hash, ciphertext) = if hash_last {
            let (ciphertext, hash) = rest.split_at(rest.len() - 32);
            (hash, ciphertext)
        } else {
            rest.split_at(32)
        };
        Self::new(coordinates, hash, ciphertext)
    }

    /// The bytes in the given format.
    pub fn encode(&self, format: CiphertextFormat) -> Result<Vec<u8>, Error> {
        let (prefix, parts) = match format {
            CiphertextFormat::Asn1 => return self.to_der(),
            CiphertextFormat::C1C3C2 { prefix } => (prefix, [self.hash.as_ref(), &self.ciphertext]),
            CiphertextFormat::C1C2C3 { prefix } => (prefix, [&self.ciphertext, self.hash.as_ref()]),
        };
        let point = self.point.to_sec1();
        Ok([&point[usize::from(!prefix)..], parts[0], parts[1]].concat())
    }

    /// `coordinates` is x ‖ y.
    fn new(coordinates: &[u8], hash: &[u8], ciphertext: &[u8]) -> Result<Self, Error> {
        let point = PublicKey::from_sec1(&[&[4], coordinates].concat())
            .map_err(|_| Error::Point { structure: STRUCTURE })?;
        let hash = sm3::Digest::from_slice(hash)?;
        if ciphertext.is_empty() {
            return Err(Error::Invalid { structure: STRUCTURE, reason: "CipherText is empty" });
        }
        Ok(Self { point, hash, ciphertext: ciphertext.to_vec() })
    }

    /// The x coordinate of C1, big-endian.
    pub fn x(&self) -> [u8; 32] {
        self.coordinate(1)
    }

    /// The y coordinate of C1, big-endian.
    pub fn y(&self) -> [u8; 32] {
        self.coordinate(33)
    }

    fn coordinate(&self, start: usize) -> [u8; 32] {
        let mut coordinate = [0; 32];
        coordinate.copy_from_slice(&self.point.to_sec1()[start..start + 32]);
        coordinate
    }

    /// C3, the hash that guards the message.
    pub fn hash(&self) -> &sm3::Digest {
        &self.hash
    }

    /// C2, as long as the message.
    pub fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sm2::Ciphertext({} bytes of message)", self.ciphertext.len())
    }
}
