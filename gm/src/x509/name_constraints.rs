//! The names that a CA's certificate allows below it (RFC 5280, 4.2.1.10).

use x509_cert::{
    ext::pkix::{self, constraints::name::GeneralSubtree, name::GeneralName},
    name::Name,
};

use super::{DistinguishedName, extension::decode};
use crate::Error;

/// Constraints on distinguished names. Those on other forms are refused where they are critical, since subjects'
/// alternative names are not read here, and left out where they aren't.
///
/// ```text
/// NameConstraints ::= SEQUENCE {
///   permittedSubtrees [0] IMPLICIT SEQUENCE OF GeneralSubtree OPTIONAL,
///   excludedSubtrees  [1] IMPLICIT SEQUENCE OF GeneralSubtree OPTIONAL }
/// GeneralSubtree ::= SEQUENCE {
///   base        GeneralName,
///   minimum [0] IMPLICIT INTEGER DEFAULT 0,
///   maximum [1] IMPLICIT INTEGER OPTIONAL }
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct NameConstraints {
    permitted: Option<Vec<Name>>,
    excluded: Vec<Name>,
}

impl NameConstraints {
    /// Reads the extension; `None` when it says something that is not understood here.
    pub(super) fn from_extension(value: &[u8], critical: bool) -> Result<Option<Self>, Error> {
        let value: pkix::NameConstraints = decode("NameConstraints", value)?;
        let subtrees = value.permitted_subtrees.iter().chain(&value.excluded_subtrees).flatten();
        let understood = subtrees.clone().all(|subtree| directory_name(subtree).is_some());
        let nothing_said = value.permitted_subtrees.is_none() && value.excluded_subtrees.is_none();
        if critical && (!understood || nothing_said) {
            return Ok(None);
        }
        let names = |subtrees: &[GeneralSubtree]| {
            subtrees.iter().filter_map(directory_name).cloned().collect::<Vec<_>>()
        };
        let permitted = value.permitted_subtrees.as_deref().map(names);
        Ok(Some(Self {
            // Only names of a form that is mentioned are restricted to it.
            permitted: permitted.filter(|permitted| !permitted.is_empty()),
            excluded: value.excluded_subtrees.as_deref().map(names).unwrap_or_default(),
        }))
    }

    /// Whether a subject below may have this name. The empty name is no directoryName and always allowed.
    pub(super) fn allow(&self, subject: &DistinguishedName) -> bool {
        if subject.is_empty() {
            return true;
        }
        let within = |base: &Name| subject.is_within(base);
        !self.excluded.iter().any(within)
            && self.permitted.as_ref().is_none_or(|permitted| permitted.iter().any(within))
    }
}

/// The base of a subtree of distinguished names, whole as RFC 5280 wants it: minimum 0 and no maximum.
fn directory_name(subtree: &GeneralSubtree) -> Option<&Name> {
    match &subtree.base {
        GeneralName::DirectoryName(name) if subtree.minimum == 0 && subtree.maximum.is_none() => Some(name),
        _ => None,
    }
}
