//! Whether a certificate leads to a root that is trusted (RFC 5280, 6.1).
//!
//! Checked along the path: signatures, names, validity of every certificate, the root's included, basicConstraints
//! and path length, key usage, and that no critical extension is unknown. keyUsage must be present, as GM/T 0015
//! demands. Policies and name constraints are not processed: where they are critical, the path is refused.
//! Revocation is the caller's to check, certificate by certificate.

use const_oid::ObjectIdentifier;

use super::{Certificate, DistinguishedName, KeyUsage};
use crate::oid;

/// Certificates in the longest path that is looked for, root and leaf included.
pub const MAX_PATH_LENGTH: usize = 10;
/// Signatures that one search verifies at most, so that crafted certificates can't keep it busy.
const MAX_SIGNATURES: usize = 64;

/// What the leaf's key is wanted for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Usage {
    /// Signing documents and statements: digitalSignature.
    Signing,
    /// Receiving keys: keyEncipherment, dataEncipherment or keyAgreement.
    Encryption,
    /// Issuing certificates: a CA with keyCertSign.
    CertSign,
}

/// Why there is no path. Each names the subject of the certificate that is at fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// No intermediate or root has the issuer's name.
    #[error("no certificate of {issuer} is known, which issued that of {subject}")]
    UnknownIssuer {
        /// Whose certificate.
        subject: String,
        /// Who issued it.
        issuer: String,
    },
    /// The issuer's key does not verify the certificate.
    #[error("the signature on the certificate of {subject} is not its issuer's")]
    Signature {
        /// Whose certificate.
        subject: String,
    },
    /// Validity has not begun.
    #[error("the certificate of {subject} is valid from Unix time {not_before} on; the time is {at}")]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// First second of validity.
        not_before: i64,
        /// The time asked about.
        at: i64,
    },
    /// Validity is over.
    #[error("the certificate of {subject} expired at Unix time {not_after}; the time is {at}")]
    Expired {
        /// Whose certificate.
        subject: String,
        /// Last second of validity.
        not_after: i64,
        /// The time asked about.
        at: i64,
    },
    /// A certificate in an issuer's place is no CA's.
    #[error("{subject} issued a certificate, but is no CA by basicConstraints")]
    NotCa {
        /// Whose certificate.
        subject: String,
    },
    /// More CAs stand below one than its basicConstraints allow.
    #[error("{subject} may have {path_len} CAs below it, but has {found}")]
    PathLength {
        /// Whose certificate.
        subject: String,
        /// Its pathLenConstraint.
        path_len: u8,
        /// How many there are.
        found: usize,
    },
    /// keyUsage is missing or lacks what is needed.
    #[error("the certificate of {subject} may not be used for {needed} by its keyUsage")]
    KeyUsage {
        /// Whose certificate.
        subject: String,
        /// What it would need.
        needed: &'static str,
    },
    /// A critical extension is not understood.
    #[error("the certificate of {subject} has the critical extension {extension}, which is not understood")]
    UnknownCriticalExtension {
        /// Whose certificate.
        subject: String,
        /// The extension.
        extension: ObjectIdentifier,
    },
    /// A CA may not have given the subject this name.
    #[error("the certificate of {issuer} does not permit the name {subject} below it")]
    NameConstraints {
        /// Whose certificate.
        subject: String,
        /// Whose name constraints.
        issuer: String,
    },
    /// The search was given up.
    #[error(
        "the path from {subject} is longer than {MAX_PATH_LENGTH} certificates or takes more than \
         {MAX_SIGNATURES} signatures to find"
    )]
    TooComplex {
        /// Whose certificate.
        subject: String,
    },
}

/// Finds a path from `leaf` to one of `roots` that is good at `at` (Unix seconds), and gives it: leaf first, root last.
///
/// `intermediates` may hold anything, in any order; `roots` are trusted as they stand, their own signature is not
/// asked. A leaf that is itself a root is its own path.
///
/// # Errors
/// When no path is good, the fault of the one that came nearest to a root.
pub fn verify(
    leaf: &Certificate,
    intermediates: &[Certificate],
    roots: &[Certificate],
    at: i64,
    usage: Usage,
) -> Result<Vec<Certificate>, ChainError> {
    check_usage(leaf, usage)?;
    check_each(leaf, at)?;
    let mut search = Search { intermediates, roots, at, signatures: 0, nearest: None };
    let mut path = vec![leaf.clone()];
    if search.extend(&mut path) {
        return Ok(path);
    }
    let unknown_issuer =
        || ChainError::UnknownIssuer { subject: named(leaf.subject()), issuer: named(leaf.issuer()) };
    Err(search.nearest.map_or_else(unknown_issuer, |(_, error)| error))
}

struct Search<'a> {
    intermediates: &'a [Certificate],
    roots: &'a [Certificate],
    at: i64,
    signatures: usize,
    /// The fault that was met with the most certificates in the path.
    nearest: Option<(usize, ChainError)>,
}

impl Search<'_> {
    /// Depth first, roots before intermediates; true when `path` ends in a root.
    fn extend(&mut self, path: &mut Vec<Certificate>) -> bool {
        let Some(last) = path.last().cloned() else { return false };
        if self.roots.contains(&last) {
            return true;
        }
        let (roots, intermediates) = (self.roots, self.intermediates);
        let candidates = roots.iter().chain(intermediates).filter(|one| may_have_issued(one, &last));
        let mut any = false;
        for candidate in candidates {
            if path.contains(candidate) {
                continue;
            }
            any = true;
            if let Err(error) = self.check_issuer(candidate, path, &last) {
                self.note(path.len(), error);
                continue;
            }
            path.push(candidate.clone());
            if self.extend(path) {
                return true;
            }
            path.pop();
        }
        if !any {
            let (subject, issuer) = (named(last.subject()), named(last.issuer()));
            self.note(path.len(), ChainError::UnknownIssuer { subject, issuer });
        }
        false
    }

    fn check_issuer(
        &mut self,
        issuer: &Certificate,
        path: &[Certificate],
        last: &Certificate,
    ) -> Result<(), ChainError> {
        let subject = || named(issuer.subject());
        let constraints = issuer.basic_constraints().filter(|constraints| constraints.ca);
        let constraints = constraints.ok_or_else(|| ChainError::NotCa { subject: subject() })?;
        // The leaf doesn't count, nor does a CA that issued itself a new certificate.
        let below = path.iter().skip(1).filter(|ca| !ca.is_self_issued()).count();
        if let Some(path_len) = constraints.path_len.filter(|path_len| below > usize::from(*path_len)) {
            return Err(ChainError::PathLength { subject: subject(), path_len, found: below });
        }
        check_usage(issuer, Usage::CertSign)?;
        check_each(issuer, self.at)?;
        check_names(issuer, path)?;
        if path.len() >= MAX_PATH_LENGTH || self.signatures >= MAX_SIGNATURES {
            return Err(ChainError::TooComplex { subject: named(path[0].subject()) });
        }
        self.signatures += 1;
        last.verify_signature(issuer).map_err(|_| ChainError::Signature { subject: named(last.subject()) })
    }

    fn note(&mut self, length: usize, error: ChainError) {
        if self.nearest.as_ref().is_none_or(|(nearest, _)| length > *nearest) {
            self.nearest = Some((length, error));
        }
    }
}

/// Names agree, and the key identifiers where both certificates have one.
fn may_have_issued(issuer: &Certificate, subject: &Certificate) -> bool {
    let same_key = match (subject.authority_key_identifier(), issuer.subject_key_identifier()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => true,
    };
    same_key && issuer.subject() == subject.issuer()
}

fn check_each(certificate: &Certificate, at: i64) -> Result<(), ChainError> {
    let subject = || named(certificate.subject());
    let extensions = certificate.extensions();
    let restricted = extensions.only_extended_key_usage.then_some(oid::EXTENDED_KEY_USAGE);
    if let Some(extension) = extensions.unknown_critical.or(restricted) {
        return Err(ChainError::UnknownCriticalExtension { subject: subject(), extension });
    }
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if at < not_before {
        return Err(ChainError::NotYetValid { subject: subject(), not_before, at });
    }
    if at > not_after {
        return Err(ChainError::Expired { subject: subject(), not_after, at });
    }
    Ok(())
}

/// RFC 5280, 6.1.3 (b) and (c): the leaf and every CA below that did not issue itself must have a permitted name.
fn check_names(issuer: &Certificate, path: &[Certificate]) -> Result<(), ChainError> {
    let Some(constraints) = &issuer.extensions().name_constraints else { return Ok(()) };
    let mut constrained = path.iter().enumerate().filter(|(i, below)| *i == 0 || !below.is_self_issued());
    match constrained.find(|(_, below)| !constraints.allow(below.subject())) {
        Some((_, below)) => Err(ChainError::NameConstraints {
            subject: named(below.subject()),
            issuer: named(issuer.subject()),
        }),
        None => Ok(()),
    }
}

fn check_usage(certificate: &Certificate, usage: Usage) -> Result<(), ChainError> {
    let (any_of, needed) = match usage {
        Usage::Signing => (KeyUsage::DIGITAL_SIGNATURE, "signing"),
        Usage::Encryption => (
            KeyUsage::KEY_ENCIPHERMENT.union(KeyUsage::DATA_ENCIPHERMENT).union(KeyUsage::KEY_AGREEMENT),
            "encryption",
        ),
        Usage::CertSign => (KeyUsage::KEY_CERT_SIGN, "issuing certificates"),
    };
    if !certificate.key_usage().is_some_and(|found| found.intersects(any_of)) {
        return Err(ChainError::KeyUsage { subject: named(certificate.subject()), needed });
    }
    if usage == Usage::CertSign && !certificate.is_ca() {
        return Err(ChainError::NotCa { subject: named(certificate.subject()) });
    }
    Ok(())
}

fn named(name: &DistinguishedName) -> String {
    name.to_string()
}
