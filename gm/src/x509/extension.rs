//! The extensions of a certificate, each understood once, when it is read.

use std::{collections::BTreeSet, fmt};

use const_oid::ObjectIdentifier;
use der::{
    Decode, Encode,
    asn1::{Ia5String, OctetString, OctetStringRef},
};
use x509_cert::ext::{
    Extension,
    pkix::{
        self, AuthorityKeyIdentifier, CrlDistributionPoints,
        crl::dp::DistributionPoint,
        name::{DistributionPointName, GeneralName},
    },
};

use crate::{Error, oid};

/// ```text
/// KeyUsage ::= BIT STRING {                               -- RFC 5280, 4.2.1.3
///   digitalSignature (0), nonRepudiation (1), keyEncipherment (2), dataEncipherment (3), keyAgreement (4),
///   keyCertSign (5), cRLSign (6), encipherOnly (7), decipherOnly (8) }
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Signatures other than on certificates and revocation lists.
    pub const DIGITAL_SIGNATURE: Self = Self(1 << 0);
    /// Signatures that bind their signer (contentCommitment).
    pub const NON_REPUDIATION: Self = Self(1 << 1);
    /// Wrapping keys.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encrypting data directly.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Agreeing on keys.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Signatures on certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Signatures on revocation lists.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// With keyAgreement: to encrypt only.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// With keyAgreement: to decrypt only.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    const NAMES: [&str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `usages` are set.
    pub const fn contains(self, usages: Self) -> bool {
        self.0 & usages.0 == usages.0
    }

    /// Whether any of `usages` is set.
    pub const fn intersects(self, usages: Self) -> bool {
        self.0 & usages.0 != 0
    }

    pub(super) fn to_extension(self) -> Result<Extension, Error> {
        let flags = x509_cert::der::flagset::FlagSet::new_truncated(self.0);
        extension("KeyUsage", oid::KEY_USAGE, true, &pkix::KeyUsage(flags))
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::NAMES.iter().enumerate().filter(|(bit, _)| self.0 & 1 << bit != 0);
        for (i, (_, name)) in set.enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({self})")
    }
}

/// ```text
/// BasicConstraints ::= SEQUENCE {                         -- RFC 5280, 4.2.1.9
///   cA                 BOOLEAN DEFAULT FALSE,
///   pathLenConstraint  INTEGER (0..MAX) OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BasicConstraints {
    /// Whether the subject may issue certificates.
    pub ca: bool,
    /// How many CAs may stand between this one and the end entity.
    pub path_len: Option<u8>,
}

impl BasicConstraints {
    pub(super) fn to_extension(self) -> Result<Extension, Error> {
        let value = pkix::BasicConstraints { ca: self.ca, path_len_constraint: self.path_len };
        extension("BasicConstraints", oid::BASIC_CONSTRAINTS, true, &value)
    }
}

/// The extensions of one certificate. Those that decide whether it may be used are read at once; the others on demand,
/// so that a CA's own idea of an identity code does not make its certificates unreadable.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) subject_key_identifier: Option<Vec<u8>>,
    pub(super) authority_key_identifier: Option<Vec<u8>>,
    /// A critical one that nothing here understands.
    pub(super) unknown_critical: Option<ObjectIdentifier>,
    pub(super) all: Vec<Extension>,
}

impl Extensions {
    /// Reads those that matter here; refuses two of one type (RFC 5280, 4.2).
    pub(super) fn new(all: Vec<Extension>) -> Result<Self, Error> {
        let mut extensions = Self::default();
        let mut seen = BTreeSet::new();
        for extension in &all {
            if !seen.insert(extension.extn_id) {
                return Err(Error::Invalid {
                    structure: "Extensions",
                    reason: "each extension may appear only once",
                });
            }
            extensions.read(extension)?;
        }
        Ok(Self { all, ..extensions })
    }

    fn read(&mut self, extension: &Extension) -> Result<(), Error> {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            oid::BASIC_CONSTRAINTS => {
                let value: pkix::BasicConstraints = decode("BasicConstraints", value)?;
                if value.path_len_constraint.is_some() && !value.ca {
                    return Err(Error::Invalid {
                        structure: "BasicConstraints",
                        reason: "pathLenConstraint needs cA TRUE",
                    });
                }
                self.basic_constraints =
                    Some(BasicConstraints { ca: value.ca, path_len: value.path_len_constraint });
            }
            oid::KEY_USAGE => {
                let value: pkix::KeyUsage = decode("KeyUsage", value)?;
                self.key_usage = Some(KeyUsage(value.0.bits()));
            }
            oid::SUBJECT_KEY_IDENTIFIER => {
                let value: &OctetStringRef = decode("SubjectKeyIdentifier", value)?;
                self.subject_key_identifier = Some(value.as_bytes().to_vec());
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                let value: AuthorityKeyIdentifier = decode("AuthorityKeyIdentifier", value)?;
                self.authority_key_identifier = value.key_identifier.map(|id| id.as_bytes().to_vec());
            }
            oid::CRL_DISTRIBUTION_POINTS
            | oid::IDENTITY_CODE
            | oid::INSURANCE_NUMBER
            | oid::BUSINESS_REGISTRATION
            | oid::ORGANISATION_CODE
            | oid::TAX_NUMBER => {}
            unknown if extension.critical => self.unknown_critical = Some(unknown),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn value(&self, extension: &ObjectIdentifier) -> Option<&[u8]> {
        self.all.iter().find(|one| one.extn_id == *extension).map(|one| one.extn_value.as_bytes())
    }

    /// The URIs under which the issuer publishes revocation lists.
    pub(super) fn crl_distribution_points(&self) -> Result<Vec<String>, Error> {
        let Some(value) = self.value(&oid::CRL_DISTRIBUTION_POINTS) else { return Ok(Vec::new()) };
        let points: CrlDistributionPoints = decode("CRLDistributionPoints", value)?;
        let names = points.0.iter().filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        });
        let uris = names.flatten().filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
            _ => None,
        });
        Ok(uris.collect())
    }
}

pub(super) fn subject_key_identifier(id: &[u8]) -> Result<Extension, Error> {
    let value = OctetStringRef::new(id).map_err(Error::encoding("SubjectKeyIdentifier"))?;
    extension("SubjectKeyIdentifier", oid::SUBJECT_KEY_IDENTIFIER, false, &value)
}

pub(super) fn authority_key_identifier(id: &[u8]) -> Result<Extension, Error> {
    let id = OctetString::new(id).map_err(Error::encoding("AuthorityKeyIdentifier"))?;
    let value = AuthorityKeyIdentifier { key_identifier: Some(id), ..Default::default() };
    extension("AuthorityKeyIdentifier", oid::AUTHORITY_KEY_IDENTIFIER, false, &value)
}

pub(super) fn crl_distribution_point(uri: &str) -> Result<Extension, Error> {
    let structure = "CRLDistributionPoints";
    let uri = Ia5String::new(uri).map_err(Error::encoding(structure))?;
    let name = DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(uri)]);
    let point = DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None };
    extension(structure, oid::CRL_DISTRIBUTION_POINTS, false, &CrlDistributionPoints(vec![point]))
}

pub(super) fn extension(
    structure: &'static str,
    extn_id: ObjectIdentifier,
    critical: bool,
    value: &impl Encode,
) -> Result<Extension, Error> {
    let encode = || OctetString::new(value.to_der()?);
    Ok(Extension { extn_id, critical, extn_value: encode().map_err(Error::encoding(structure))? })
}

pub(super) fn decode<'a, T: Decode<'a, Error = der::Error>>(
    structure: &'static str,
    der: &'a [u8],
) -> Result<T, Error> {
    T::from_der(der).map_err(Error::encoding(structure))
}
