//! Which of its issuer's certificates a list speaks of.

use der::asn1::Ia5String;
use x509_cert::ext::{
    Extension,
    pkix::{
        crl::IssuingDistributionPoint,
        name::{DistributionPointName, GeneralName},
    },
};

use super::super::{
    AnyCertificate,
    extension::{decode, extension},
    location::uris,
};
use crate::{Error, oid};

const STRUCTURE: &str = "IssuingDistributionPoint";

/// Which of its issuer's certificates a list speaks of; by default, of all.
///
/// ```text
/// IssuingDistributionPoint ::= SEQUENCE {                 -- RFC 5280, 5.2.5
///   distributionPoint          [0] EXPLICIT DistributionPointName OPTIONAL,
///   onlyContainsUserCerts      [1] IMPLICIT BOOLEAN DEFAULT FALSE,
///   onlyContainsCACerts        [2] IMPLICIT BOOLEAN DEFAULT FALSE,
///   onlySomeReasons            [3] IMPLICIT ReasonFlags OPTIONAL,      -- refused
///   indirectCRL                [4] IMPLICIT BOOLEAN DEFAULT FALSE,     -- refused
///   onlyContainsAttributeCerts [5] IMPLICIT BOOLEAN DEFAULT FALSE }
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// Of which kind the certificates are.
    pub covered: Covered,
    /// Where the list is published; if anywhere, it speaks only of certificates that name one of these URIs among their
    /// distribution points.
    pub distribution_points: Vec<String>,
}

/// A kind of certificates.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Covered {
    /// All.
    #[default]
    All,
    /// End entities'.
    User,
    /// CAs'.
    Ca,
    /// Attribute certificates, which aren't read here.
    Attribute,
}

impl Scope {
    /// Whether the list speaks of all its issuer's certificates.
    pub fn is_everything(&self) -> bool {
        self.covered == Covered::All && self.distribution_points.is_empty()
    }

    /// Whether the list speaks of this certificate of its issuer (RFC 5280, 6.3.3 (b) (2)).
    pub fn covers(&self, certificate: &AnyCertificate) -> bool {
        let kind = match self.covered {
            Covered::All => true,
            Covered::User => !certificate.is_ca(),
            Covered::Ca => certificate.is_ca(),
            Covered::Attribute => false,
        };
        let published = || {
            let points = certificate.crl_distribution_points().unwrap_or_default();
            points.iter().any(|point| self.distribution_points.contains(point))
        };
        kind && (self.distribution_points.is_empty() || published())
    }

    pub(super) fn from_extension(found: &Extension) -> Result<Self, Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        if !found.critical {
            return invalid("must be critical");
        }
        let value: IssuingDistributionPoint = decode(STRUCTURE, found.extn_value.as_bytes())?;
        if value.indirect_crl {
            return invalid("is of an indirect list (other issuers' certificates), which is not supported");
        }
        if value.only_some_reasons.is_some() {
            return invalid("is of a list for some reasons only, which is not supported");
        }
        let kinds = [
            (value.only_contains_user_certs, Covered::User),
            (value.only_contains_ca_certs, Covered::Ca),
            (value.only_contains_attribute_certs, Covered::Attribute),
        ];
        let mut kinds = kinds.into_iter().filter(|(set, _)| *set).map(|(_, kind)| kind);
        let covered = kinds.next().unwrap_or_default();
        if kinds.next().is_some() {
            return invalid("may be restricted to one kind of certificates only");
        }
        let distribution_points = value.distribution_point.as_ref().map(uris).unwrap_or_default();
        if distribution_points.is_empty() && value.distribution_point.is_some() {
            return invalid("must name its distribution point by URI; other names are not supported");
        }
        if distribution_points.is_empty() && covered == Covered::All {
            return invalid("must say something (RFC 5280, 5.2.5)");
        }
        Ok(Self { covered, distribution_points })
    }

    pub(super) fn to_extension(&self) -> Result<Extension, Error> {
        let name = |uri: &String| {
            let uri = Ia5String::new(uri).map_err(Error::encoding(STRUCTURE))?;
            Ok(GeneralName::UniformResourceIdentifier(uri))
        };
        let names = self.distribution_points.iter().map(name).collect::<Result<Vec<_>, Error>>()?;
        let value = IssuingDistributionPoint {
            distribution_point: (!names.is_empty()).then_some(DistributionPointName::FullName(names)),
            only_contains_user_certs: self.covered == Covered::User,
            only_contains_ca_certs: self.covered == Covered::Ca,
            only_some_reasons: None,
            indirect_crl: false,
            only_contains_attribute_certs: self.covered == Covered::Attribute,
        };
        extension(STRUCTURE, oid::ISSUING_DISTRIBUTION_POINT, true, &value)
    }
}
