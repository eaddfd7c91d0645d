//! The extensions of a certificate, each understood once, when it is read.

use std::{collections::BTreeSet, fmt};

use const_oid::ObjectIdentifier;
use der::{
    Decode, Encode,
    asn1::{Null, OctetString, OctetStringRef},
};
use x509_cert::ext::{
    Extension,
    pkix::{self, AuthorityKeyIdentifier},
};

use super::{AccessLocations, location, name_constraints::NameConstraints};
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
pub(crate) struct Extensions {
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) subject_key_identifier: Option<Vec<u8>>,
    pub(super) authority_key_identifier: Option<Vec<u8>>,
    pub(super) extended_key_usage: Option<Vec<ObjectIdentifier>>,
    /// Whether extKeyUsage is critical, so that the key serves its purposes only.
    pub(crate) only_extended_key_usage: bool,
    pub(super) certificate_policies: Vec<ObjectIdentifier>,
    pub(super) name_constraints: Option<NameConstraints>,
    /// A critical one that nothing here understands.
    pub(crate) unknown_critical: Option<ObjectIdentifier>,
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
            oid::EXTENDED_KEY_USAGE => {
                let value: pkix::ExtendedKeyUsage = decode("ExtKeyUsageSyntax", value)?;
                if value.0.is_empty() {
                    return Err(Error::Invalid {
                        structure: "ExtKeyUsageSyntax",
                        reason: "must name at least one purpose",
                    });
                }
                self.only_extended_key_usage = extension.critical;
                self.extended_key_usage = Some(value.0);
            }
            oid::CERTIFICATE_POLICIES => self.certificate_policies = policies(value)?,
            oid::NAME_CONSTRAINTS => {
                self.name_constraints = NameConstraints::from_extension(value, extension.critical)?;
                if self.name_constraints.is_none() && extension.critical {
                    self.unknown_critical = Some(oid::NAME_CONSTRAINTS);
                }
            }
            oid::CRL_DISTRIBUTION_POINTS
            | oid::FRESHEST_CRL
            | oid::AUTHORITY_INFO_ACCESS
            | oid::OCSP_NO_CHECK
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
        let value = self.value(&oid::CRL_DISTRIBUTION_POINTS);
        value.map_or_else(
            || Ok(Vec::new()),
            |value| location::distribution_points("CRLDistributionPoints", value),
        )
    }

    /// The URIs under which the issuer publishes delta lists.
    pub(super) fn freshest_crl(&self) -> Result<Vec<String>, Error> {
        let value = self.value(&oid::FRESHEST_CRL);
        value.map_or_else(|| Ok(Vec::new()), |value| location::distribution_points("FreshestCRL", value))
    }

    /// Where the issuer's responder and certificate are.
    pub(super) fn authority_info_access(&self) -> Result<AccessLocations, Error> {
        self.value(&oid::AUTHORITY_INFO_ACCESS)
            .map_or_else(|| Ok(AccessLocations::default()), AccessLocations::from_der)
    }
}

/// The policies of `CertificatePolicies ::= SEQUENCE SIZE (1..MAX) OF PolicyInformation` (RFC 5280, 4.2.1.4), each
/// once.
fn policies(value: &[u8]) -> Result<Vec<ObjectIdentifier>, Error> {
    let structure = "CertificatePolicies";
    let value: pkix::CertificatePolicies = decode(structure, value)?;
    let mut policies = Vec::with_capacity(value.0.len());
    for information in value.0 {
        if policies.contains(&information.policy_identifier) {
            return Err(Error::Invalid { structure, reason: "each policy may appear only once" });
        }
        policies.push(information.policy_identifier);
    }
    Ok(policies)
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

/// extKeyUsage. Critical where the key serves this purpose only, as RFC 3161, 2.3 demands of a TSA's.
pub(super) fn extended_key_usage(purposes: &[ObjectIdentifier], critical: bool) -> Result<Extension, Error> {
    let value = pkix::ExtendedKeyUsage(purposes.to_vec());
    extension("ExtKeyUsageSyntax", oid::EXTENDED_KEY_USAGE, critical, &value)
}

/// id-pkix-ocsp-nocheck, whose value is NULL.
pub(super) fn ocsp_no_check() -> Result<Extension, Error> {
    extension("OCSPNoCheck", oid::OCSP_NO_CHECK, false, &Null)
}

pub(super) fn certificate_policies(policies: &[ObjectIdentifier]) -> Result<Extension, Error> {
    let information = |policy: &ObjectIdentifier| pkix::certpolicy::PolicyInformation {
        policy_identifier: *policy,
        policy_qualifiers: None,
    };
    let value = pkix::CertificatePolicies(policies.iter().map(information).collect());
    extension("CertificatePolicies", oid::CERTIFICATE_POLICIES, false, &value)
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
