//! How a certificate is named in requests and responses.

use der::{
    Decode, Encode, Sequence,
    asn1::{OctetString, Uint},
    referenced::OwnedToRef,
};
use spki::AlgorithmIdentifierOwned;

use super::Error;
use crate::{
    Error as Primitive,
    hash::HashAlgorithm,
    x509::{AnyCertificate, SerialNumber},
};

const STRUCTURE: &str = "CertID";

/// ```text
/// CertID ::= SEQUENCE {                                   -- RFC 6960, 4.1.1
///   hashAlgorithm   AlgorithmIdentifier,
///   issuerNameHash  OCTET STRING,     -- of the DER of the issuer's Name
///   issuerKeyHash   OCTET STRING,     -- of the bits of the issuer's subjectPublicKey
///   serialNumber    CertificateSerialNumber }
/// ```
///
/// Equal when hash algorithm, hashes and serial number are, however the algorithm's parameters are written.
#[derive(Clone, Debug)]
pub struct CertId {
    hash: HashAlgorithm,
    issuer_name_hash: Vec<u8>,
    issuer_key_hash: Vec<u8>,
    serial: SerialNumber,
    fields: CertIdFields,
}

#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct CertIdFields {
    hash_algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: Uint,
}

impl CertId {
    /// The name of the certificate that `issuer` gave the number `serial`. SM3 suits SM2's CAs, SHA-1 every responder
    /// after RFC 6960.
    ///
    /// # Errors
    /// [`Error::Primitive`] if something is too long for DER.
    pub fn new(hash: HashAlgorithm, issuer: &AnyCertificate, serial: &SerialNumber) -> Result<Self, Error> {
        let (name, key) = issuer_hashes(hash, issuer);
        let encode = || {
            let identifier = hash.with_null();
            Ok(CertIdFields {
                hash_algorithm: AlgorithmIdentifierOwned::from_der(&identifier.to_der()?)?,
                issuer_name_hash: OctetString::new(name.as_slice())?,
                issuer_key_hash: OctetString::new(key.as_slice())?,
                serial_number: Uint::new(serial.as_bytes())?,
            })
        };
        let fields = encode().map_err(Primitive::encoding(STRUCTURE))?;
        Ok(Self { hash, issuer_name_hash: name, issuer_key_hash: key, serial: *serial, fields })
    }

    pub(super) fn from_fields(fields: CertIdFields) -> Result<Self, Error> {
        let hash = HashAlgorithm::from_identifier(STRUCTURE, &fields.hash_algorithm.owned_to_ref())?;
        let issuer_name_hash = fields.issuer_name_hash.as_bytes().to_vec();
        let issuer_key_hash = fields.issuer_key_hash.as_bytes().to_vec();
        for found in [issuer_name_hash.len(), issuer_key_hash.len()] {
            if found != hash.length() {
                let expected = "as many as the hash algorithm's digests";
                return Err(Primitive::Length { structure: STRUCTURE, expected, found }.into());
            }
        }
        let serial = SerialNumber::from_bytes(fields.serial_number.as_bytes())?;
        Ok(Self { hash, issuer_name_hash, issuer_key_hash, serial, fields })
    }

    pub(super) fn fields(&self) -> &CertIdFields {
        &self.fields
    }

    /// The hash that names the issuer.
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The certificate's number.
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// Whether `issuer` is the one meant, by name and key.
    pub fn is_of(&self, issuer: &AnyCertificate) -> bool {
        let (name, key) = issuer_hashes(self.hash, issuer);
        name == self.issuer_name_hash && key == self.issuer_key_hash
    }
}

impl PartialEq for CertId {
    fn eq(&self, other: &Self) -> bool {
        let parts = |id: &Self| (id.hash, id.serial);
        parts(self) == parts(other)
            && self.issuer_name_hash == other.issuer_name_hash
            && self.issuer_key_hash == other.issuer_key_hash
    }
}

impl Eq for CertId {}

fn issuer_hashes(hash: HashAlgorithm, issuer: &AnyCertificate) -> (Vec<u8>, Vec<u8>) {
    (hash.digest(issuer.subject().as_der()), hash.digest(issuer.subject_public_key()))
}
