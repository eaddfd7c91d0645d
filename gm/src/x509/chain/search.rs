//! The search for a path: depth first, from the leaf up.

use super::{
    super::AnyCertificate,
    ChainError, MAX_PATH_LENGTH, Usage,
    checks::{check_issuer, check_leaf, named},
};

/// Signatures that one search verifies at most, so that crafted certificates can't keep it busy.
pub(super) const MAX_SIGNATURES: usize = 64;

/// Where a certificate of a path comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Leaf,
    /// By its index among the candidates.
    Candidate(usize),
    /// By its index among the anchors.
    Anchor(usize),
}

pub(super) struct Search<'a> {
    candidates: Vec<&'a AnyCertificate>,
    anchors: Vec<&'a AnyCertificate>,
    at: i64,
    usage: Usage,
    path: Vec<(Place, &'a AnyCertificate)>,
    signatures: usize,
    /// The fault that was met with the most certificates in the path.
    nearest: Option<(usize, ChainError)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        leaf: &'a AnyCertificate,
        candidates: Vec<&'a AnyCertificate>,
        anchors: Vec<&'a AnyCertificate>,
        at: i64,
        usage: Usage,
    ) -> Self {
        let path = vec![(Place::Leaf, leaf)];
        Self { candidates, anchors, at, usage, path, signatures: 0, nearest: None }
    }

    /// The path's places, leaf first, and the index of the anchor that ends it.
    pub(super) fn run(mut self) -> Result<(Vec<Place>, usize), ChainError> {
        let (_, leaf) = self.path[0];
        check_leaf(leaf, self.usage, self.at)?;
        if let Some(anchor) = self.extend() {
            return Ok((self.path.into_iter().map(|(place, _)| place).collect(), anchor));
        }
        Err(self.nearest.map_or_else(|| unknown_issuer(leaf), |(_, error)| error))
    }

    /// Looks for whoever issued the last certificate of the path, anchors first; `Some` when the path ends in one.
    fn extend(&mut self) -> Option<usize> {
        let last = self.path.last()?.1;
        if let Some(anchor) = self.anchors.iter().position(|anchor| *anchor == last) {
            return Some(anchor);
        }
        let anchors = self.anchors.iter().enumerate().map(|(i, one)| (Place::Anchor(i), *one));
        let candidates = self.candidates.iter().enumerate().map(|(i, one)| (Place::Candidate(i), *one));
        let mut issuers: Vec<_> =
            anchors.chain(candidates).filter(|(_, one)| may_have_issued(one, last)).collect();
        // Those that the key identifier names, before those that can't be told apart.
        issuers.sort_by_key(|(place, one)| {
            (!matches!(place, Place::Anchor(_)), one.subject_key_identifier().is_none())
        });
        let mut any = false;
        for (place, issuer) in issuers {
            // A path ends in its anchor, so only candidates can lead in circles.
            let met = |(_, below): &(Place, &AnyCertificate)| same_entity(below, issuer);
            if matches!(place, Place::Candidate(_)) && self.path.iter().any(met) {
                continue;
            }
            any = true;
            if let Err(error) = self.check(issuer, last) {
                self.note(error);
                continue;
            }
            self.path.push((place, issuer));
            if let Some(anchor) = self.extend() {
                return Some(anchor);
            }
            self.path.pop();
        }
        if !any {
            self.note(unknown_issuer(last));
        }
        None
    }

    fn check(&mut self, issuer: &AnyCertificate, last: &AnyCertificate) -> Result<(), ChainError> {
        let below: Vec<_> = self.path.iter().map(|(_, certificate)| *certificate).collect();
        check_issuer(issuer, &below, self.usage, self.at)?;
        if self.path.len() >= MAX_PATH_LENGTH || self.signatures >= MAX_SIGNATURES {
            return Err(ChainError::TooComplex { subject: named(self.path[0].1) });
        }
        self.signatures += 1;
        last.verify_signature(issuer).map_err(|_| ChainError::Signature { subject: named(last) })
    }

    fn note(&mut self, error: ChainError) {
        let length = self.path.len();
        if self.nearest.as_ref().is_none_or(|(nearest, _)| length > *nearest) {
            self.nearest = Some((length, error));
        }
    }
}

/// Names agree, and the key identifiers where both certificates have one.
fn may_have_issued(issuer: &AnyCertificate, subject: &AnyCertificate) -> bool {
    let same_key = match (subject.authority_key_identifier(), issuer.subject_key_identifier()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => true,
    };
    same_key && issuer.subject() == subject.issuer()
}

/// One name with one key is met once in a path, however many certificates it has (RFC 4158, 2.4.1): cross certificates
/// lead in circles otherwise.
fn same_entity(one: &AnyCertificate, other: &AnyCertificate) -> bool {
    one.subject() == other.subject() && one.any_public_key() == other.any_public_key()
}

fn unknown_issuer(certificate: &AnyCertificate) -> ChainError {
    ChainError::UnknownIssuer { subject: named(certificate), issuer: certificate.issuer().to_string() }
}
