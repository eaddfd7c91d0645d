//! A path that was found, and what holds along it.

use const_oid::ObjectIdentifier;

use super::super::AnyCertificate;
use crate::oid;

/// A good path from a certificate to an anchor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path {
    certificates: Vec<AnyCertificate>,
    anchor: usize,
    policies: Policies,
}

/// The certificate policies that hold for every certificate below the anchor (RFC 5280, 6.1, with no policy required
/// and no mapping).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Policies {
    /// Whichever is wanted: all say anyPolicy.
    Any,
    /// These; none where one of the certificates has no policy, or their policies have nothing in common.
    Only(Vec<ObjectIdentifier>),
}

impl Path {
    /// `certificates` from the leaf to the anchor, which is the one at `anchor` among those given.
    pub(super) fn new(certificates: Vec<AnyCertificate>, anchor: usize) -> Self {
        // An anchor's own policies say nothing, unless it is the leaf too.
        let below = certificates.len().saturating_sub(1).max(1);
        let policies = certificates[..below].iter().rev().fold(Policies::Any, Policies::and_those_of);
        Self { certificates, anchor, policies }
    }

    /// The certificates: leaf first, anchor last. One certificate that is both stands alone.
    pub fn certificates(&self) -> &[AnyCertificate] {
        &self.certificates
    }

    /// Which of the anchors given it is, by its index.
    pub fn anchor_index(&self) -> usize {
        self.anchor
    }

    /// The policies that hold for all of it.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Each certificate below the anchor with its issuer, leaf first: what to ask about revocation, and whom.
    pub fn links(&self) -> impl Iterator<Item = (&AnyCertificate, &AnyCertificate)> {
        self.certificates.iter().zip(self.certificates.iter().skip(1))
    }
}

impl Policies {
    /// Whether this policy holds.
    pub fn contains(&self, policy: &ObjectIdentifier) -> bool {
        match self {
            Self::Any => true,
            Self::Only(policies) => policies.contains(policy),
        }
    }

    fn and_those_of(self, certificate: &AnyCertificate) -> Self {
        let claimed = certificate.certificate_policies();
        if claimed.contains(&oid::ANY_POLICY) {
            return self;
        }
        Self::Only(claimed.iter().filter(|policy| self.contains(policy)).copied().collect())
    }
}
