//! Where something about a certificate is published: revocation lists, OCSP responders, issuers' certificates.

use der::asn1::Ia5String;
use x509_cert::ext::{
    Extension,
    pkix::{
        AccessDescription, AuthorityInfoAccessSyntax, CrlDistributionPoints,
        crl::dp::DistributionPoint,
        name::{DistributionPointName, GeneralName},
    },
};

use super::extension::{decode, extension};
use crate::{Error, oid};

const ACCESS: &str = "AuthorityInfoAccessSyntax";

/// ```text
/// AuthorityInfoAccessSyntax ::= SEQUENCE OF SEQUENCE {    -- RFC 5280, 4.2.2.1
///   accessMethod    OBJECT IDENTIFIER,
///   accessLocation  GeneralName }
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccessLocations {
    /// URIs of the OCSP responder.
    pub ocsp: Vec<String>,
    /// URIs of the issuer's certificate.
    pub ca_issuers: Vec<String>,
}

impl AccessLocations {
    pub(super) fn from_der(value: &[u8]) -> Result<Self, Error> {
        let descriptions: AuthorityInfoAccessSyntax = decode(ACCESS, value)?;
        let mut locations = Self::default();
        for description in descriptions.0 {
            let GeneralName::UniformResourceIdentifier(uri) = description.access_location else { continue };
            match description.access_method {
                oid::OCSP => locations.ocsp.push(uri.as_str().to_owned()),
                oid::CA_ISSUERS => locations.ca_issuers.push(uri.as_str().to_owned()),
                _ => {}
            }
        }
        Ok(locations)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ocsp.is_empty() && self.ca_issuers.is_empty()
    }

    pub(super) fn to_extension(&self) -> Result<Extension, Error> {
        let of = |method, uris: &[String]| {
            let describe = |uri: &String| {
                Ok(AccessDescription { access_method: method, access_location: location(ACCESS, uri)? })
            };
            uris.iter().map(describe).collect::<Result<Vec<_>, Error>>()
        };
        let descriptions = [of(oid::OCSP, &self.ocsp)?, of(oid::CA_ISSUERS, &self.ca_issuers)?].concat();
        extension(ACCESS, oid::AUTHORITY_INFO_ACCESS, false, &AuthorityInfoAccessSyntax(descriptions))
    }
}

/// The URIs in `CRLDistributionPoints ::= SEQUENCE OF DistributionPoint` (RFC 5280, 4.2.1.13); freshestCRL has the same
/// form.
pub(super) fn distribution_points(structure: &'static str, value: &[u8]) -> Result<Vec<String>, Error> {
    let points: CrlDistributionPoints = decode(structure, value)?;
    Ok(points.0.iter().filter_map(|point| point.distribution_point.as_ref()).flat_map(uris).collect())
}

/// The URIs of a distribution point.
pub(super) fn uris(point: &DistributionPointName) -> Vec<String> {
    let DistributionPointName::FullName(names) = point else { return Vec::new() };
    let uris = names.iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
        _ => None,
    });
    uris.collect()
}

/// cRLDistributionPoints: one point at `uri`.
pub(super) fn crl_distribution_point(uri: &str) -> Result<Extension, Error> {
    let structure = "CRLDistributionPoints";
    extension(structure, oid::CRL_DISTRIBUTION_POINTS, false, &one_point(structure, uri)?)
}

/// freshestCRL: one point at `uri`.
pub(super) fn freshest_crl(uri: &str) -> Result<Extension, Error> {
    let structure = "FreshestCRL";
    extension(structure, oid::FRESHEST_CRL, false, &one_point(structure, uri)?)
}

fn one_point(structure: &'static str, uri: &str) -> Result<CrlDistributionPoints, Error> {
    let name = DistributionPointName::FullName(vec![location(structure, uri)?]);
    let point = DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None };
    Ok(CrlDistributionPoints(vec![point]))
}

fn location(structure: &'static str, uri: &str) -> Result<GeneralName, Error> {
    let uri = Ia5String::new(uri).map_err(Error::encoding(structure))?;
    Ok(GeneralName::UniformResourceIdentifier(uri))
}
