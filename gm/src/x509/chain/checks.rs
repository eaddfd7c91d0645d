//! What each certificate of a path must be like.

use super::{
    super::{AnyCertificate, KeyUsage},
    ChainError, Usage,
};
use crate::oid;

/// Whether the leaf may be used at `at` for what is wanted.
pub(super) fn check_leaf(leaf: &AnyCertificate, usage: Usage, at: i64) -> Result<(), ChainError> {
    check_key_usage(leaf, usage)?;
    check_purpose(leaf, usage)?;
    check_each(leaf, usage, at)
}

/// Whether `issuer` may stand above the certificates `below`, leaf first.
pub(super) fn check_issuer(
    issuer: &AnyCertificate,
    below: &[&AnyCertificate],
    usage: Usage,
    at: i64,
) -> Result<(), ChainError> {
    let constraints = issuer.basic_constraints().filter(|constraints| constraints.ca);
    let constraints = constraints.ok_or_else(|| ChainError::NotCa { subject: named(issuer) })?;
    // The leaf doesn't count, nor does a CA that issued itself a new certificate.
    let cas = below.iter().skip(1).filter(|ca| !ca.is_self_issued()).count();
    if let Some(path_len) = constraints.path_len.filter(|path_len| cas > usize::from(*path_len)) {
        return Err(ChainError::PathLength { subject: named(issuer), path_len, found: cas });
    }
    check_key_usage(issuer, Usage::CertSign)?;
    check_each(issuer, usage, at)?;
    check_names(issuer, below)
}

/// RFC 5280, 6.1.3 (a) and 6.1.4 (o).
fn check_each(certificate: &AnyCertificate, usage: Usage, at: i64) -> Result<(), ChainError> {
    let extensions = certificate.extensions();
    let restricted = extensions.only_extended_key_usage
        && !certificate.extended_key_usage().unwrap_or_default().iter().any(|purpose| {
            *purpose == oid::ANY_EXTENDED_KEY_USAGE
                || (usage == Usage::OcspSigning && *purpose == oid::OCSP_SIGNING)
                || (usage == Usage::TimeStamping && *purpose == oid::TIME_STAMPING)
        });
    let refused = extensions.unknown_critical.or(restricted.then_some(oid::EXTENDED_KEY_USAGE));
    if let Some(extension) = refused {
        return Err(ChainError::UnknownCriticalExtension { subject: named(certificate), extension });
    }
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if at < not_before {
        return Err(ChainError::NotYetValid { subject: named(certificate), not_before, at });
    }
    if at > not_after {
        return Err(ChainError::Expired { subject: named(certificate), not_after, at });
    }
    Ok(())
}

/// RFC 5280, 6.1.3 (b) and (c): the leaf and every CA below that did not issue itself must have a permitted name.
fn check_names(issuer: &AnyCertificate, below: &[&AnyCertificate]) -> Result<(), ChainError> {
    let Some(constraints) = &issuer.extensions().name_constraints else { return Ok(()) };
    let mut constrained = below.iter().enumerate().filter(|(i, one)| *i == 0 || !one.is_self_issued());
    match constrained.find(|(_, one)| !constraints.allow(one.subject())) {
        Some((_, one)) => Err(ChainError::NameConstraints { subject: named(one), issuer: named(issuer) }),
        None => Ok(()),
    }
}

fn check_key_usage(certificate: &AnyCertificate, usage: Usage) -> Result<(), ChainError> {
    let (any_of, needed) = match usage {
        Usage::Signing => (KeyUsage::DIGITAL_SIGNATURE, "signing"),
        Usage::Encryption => (
            KeyUsage::KEY_ENCIPHERMENT.union(KeyUsage::DATA_ENCIPHERMENT).union(KeyUsage::KEY_AGREEMENT),
            "encryption",
        ),
        Usage::CertSign => (KeyUsage::KEY_CERT_SIGN, "issuing certificates"),
        Usage::OcspSigning => (KeyUsage::DIGITAL_SIGNATURE, "signing OCSP responses"),
        Usage::TimeStamping => {
            (KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::NON_REPUDIATION), "stamping time")
        }
    };
    if !certificate.key_usage().is_some_and(|found| found.intersects(any_of)) {
        return Err(ChainError::KeyUsage { subject: named(certificate), needed });
    }
    if usage == Usage::CertSign && !certificate.is_ca() {
        return Err(ChainError::NotCa { subject: named(certificate) });
    }
    Ok(())
}

fn check_purpose(certificate: &AnyCertificate, usage: Usage) -> Result<(), ChainError> {
    let purposes = certificate.extended_key_usage().unwrap_or_default();
    let (serves, needed) = match usage {
        Usage::Signing | Usage::Encryption | Usage::CertSign => return Ok(()),
        Usage::OcspSigning => (purposes.contains(&oid::OCSP_SIGNING), "signing OCSP responses"),
        Usage::TimeStamping => (
            purposes == [oid::TIME_STAMPING] && certificate.extensions().only_extended_key_usage,
            "stamping time (timeStamping alone, and critical)",
        ),
    };
    match serves {
        true => Ok(()),
        false => Err(ChainError::ExtendedKeyUsage { subject: named(certificate), needed }),
    }
}

/// The subject, for errors.
pub(super) fn named(certificate: &AnyCertificate) -> String {
    certificate.subject().to_string()
}
