//! How a message names the certificate of a signer or a recipient.

use std::fmt;

use der::asn1::{OctetString, Uint};
use der::{Any, Choice, Decode, Encode, Sequence};

use super::Error;
use crate::x509::{AnyCertificate, DistinguishedName, IssuerAndSerial, SerialNumber};

/// ```text
/// IssuerAndSerialNumber ::= SEQUENCE {
///     issuer        Name,
///     serialNumber  CertificateSerialNumber }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub struct IssuerAndSerialNumber {
    issuer: Any,
    serial_number: Uint,
}

/// ```text
/// SignerIdentifier, RecipientIdentifier ::= CHOICE {
///     issuerAndSerialNumber  IssuerAndSerialNumber,
///     subjectKeyIdentifier   [0] SubjectKeyIdentifier }
/// ```
#[derive(Choice, Clone, Debug, Eq, PartialEq)]
pub enum PartyId {
    /// The form of GM/T 0010 and of PKCS #7.
    IssuerAndSerialNumber(IssuerAndSerialNumber),
    /// The form of CFCA's messages (version 2) and of CMS signers of version 3.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    SubjectKeyIdentifier(OctetString),
}

impl IssuerAndSerialNumber {
    /// The names in `certificate`.
    ///
    /// # Errors
    /// [`Error::Asn1`] if they are too long for DER.
    pub fn of(certificate: &AnyCertificate) -> Result<Self, Error> {
        Ok(Self {
            issuer: Any::from_der(certificate.issuer().as_der())?,
            serial_number: Uint::new(certificate.serial().as_bytes())?,
        })
    }

    /// The names as certificates hold them.
    ///
    /// # Errors
    /// [`Error::Primitive`] for a name or a number that no certificate read here could have.
    pub fn to_issuer_and_serial(&self) -> Result<IssuerAndSerial, Error> {
        Ok(IssuerAndSerial {
            issuer: DistinguishedName::from_der(&self.issuer.to_der()?)?,
            serial: SerialNumber::from_bytes(self.serial_number.as_bytes())?,
        })
    }
}

impl PartyId {
    /// Whether this names `certificate`.
    ///
    /// # Errors
    /// [`Error::Asn1`] if the certificate's names are too long for DER.
    pub fn names(&self, certificate: &AnyCertificate) -> Result<bool, Error> {
        match self {
            Self::IssuerAndSerialNumber(names) => Ok(*names == IssuerAndSerialNumber::of(certificate)?),
            Self::SubjectKeyIdentifier(identifier) => {
                Ok(certificate.subject_key_identifier() == Some(identifier.as_bytes()))
            }
        }
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match self {
            Self::IssuerAndSerialNumber(names) => {
                f.write_str("serial number ")?;
                names.serial_number.as_bytes()
            }
            Self::SubjectKeyIdentifier(identifier) => {
                f.write_str("subject key identifier ")?;
                identifier.as_bytes()
            }
        };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
