//! Whether a certificate leads to an anchor that is trusted (RFC 5280, 6.1; RFC 4158).
//!
//! There may be several anchors, several certificates of one issuer, cross certificates between CAs (数字证书互认:
//! CA A's certificate for CA B's key), and loops; one path may mix SM2, RSA and ECDSA. Checked along the path:
//! signatures, names and name constraints, validity of every certificate, the anchor's included, basicConstraints and
//! path length, key usage, and that no critical extension is unknown. keyUsage must be present, as GM/T 0015 demands
//! of every certificate and RFC 5280 of CAs'.
//!
//! Of the policies, the path tells which hold for all of it; policyMappings, policyConstraints and inhibitAnyPolicy are
//! not processed, and where they are critical, the path is refused. Name constraints are those on distinguished names;
//! others are refused where they are critical. Revocation is the caller's to check, certificate by certificate.
//!
//! The search is bounded in depth and in signatures verified, so that crafted certificates can't keep it busy.

mod checks;
mod error;
mod path;
mod search;

pub use error::ChainError;
pub use path::{Path, Policies};

use super::{AnyCertificate, Certificate};
use search::{Place, Search};

/// Certificates in the longest path that is looked for, root and leaf included.
pub const MAX_PATH_LENGTH: usize = 10;

/// What the leaf's key is wanted for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Usage {
    /// Signing documents and statements: digitalSignature.
    Signing,
    /// Receiving keys: keyEncipherment, dataEncipherment or keyAgreement.
    Encryption,
    /// Issuing certificates: a CA with keyCertSign.
    CertSign,
    /// Answering for a CA's certificates: digitalSignature, and the purpose OCSPSigning (RFC 6960, 4.2.2.2).
    OcspSigning,
    /// Stamping time: digitalSignature, and the purpose timeStamping, alone and critical (RFC 3161, 2.3).
    TimeStamping,
}

/// Finds a path from `leaf` to one of `anchors` that is good at `at` (Unix seconds).
///
/// `candidates` may hold anything, in any order: intermediates, cross certificates, strangers. `anchors` are trusted as
/// they stand, their own signature is not asked. A leaf that is itself an anchor is its own path. Where several paths
/// are good, the one is given that reaches an anchor by the candidates' order, anchors first.
///
/// # Errors
/// When no path is good, the fault of the one that came nearest to an anchor.
pub fn find_path(
    leaf: &AnyCertificate,
    candidates: &[AnyCertificate],
    anchors: &[AnyCertificate],
    at: i64,
    usage: Usage,
) -> Result<Path, ChainError> {
    let search = Search::new(leaf, candidates.iter().collect(), anchors.iter().collect(), at, usage);
    let (places, anchor) = search.run()?;
    let certificates = places.iter().map(|place| match *place {
        Place::Leaf => leaf.clone(),
        Place::Candidate(i) => candidates[i].clone(),
        Place::Anchor(i) => anchors[i].clone(),
    });
    Ok(Path::new(certificates.collect(), anchor))
}

/// As [`find_path`], among certificates with SM2 throughout, and gives the path's certificates: leaf first, root last.
///
/// # Errors
/// As [`find_path`].
pub fn verify(
    leaf: &Certificate,
    intermediates: &[Certificate],
    roots: &[Certificate],
    at: i64,
    usage: Usage,
) -> Result<Vec<Certificate>, ChainError> {
    let (candidates, anchors) = (intermediates.iter().map(Certificate::as_any), roots.iter());
    let anchors = anchors.map(Certificate::as_any).collect();
    let (places, _) = Search::new(leaf, candidates.collect(), anchors, at, usage).run()?;
    let certificates = places.iter().map(|place| match *place {
        Place::Leaf => leaf.clone(),
        Place::Candidate(i) => intermediates[i].clone(),
        Place::Anchor(i) => roots[i].clone(),
    });
    Ok(certificates.collect())
}
