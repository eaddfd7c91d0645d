//! From a certificate to a root that the configuration trusts (RFC 5280, 6, without policies and name constraints: a
//! critical extension that is not understood ends a path).

use der::Decode;
use der::asn1::ObjectIdentifier;
use yinqiao_gm::oid;
use yinqiao_gm::x509::{AnyCertificate, KeyUsage};

/// Longest path, leaf and root included.
const LONGEST: usize = 8;
/// Signatures that one search verifies at most, whatever certificates a peer sends.
const BUDGET: usize = 64;

/// Critical extensions whose meaning is kept to, or that restrict nothing that is decided here: alternative names are
/// not matched, policies are not asked for.
const UNDERSTOOD: [ObjectIdentifier; 6] = [
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::KEY_USAGE,
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    oid::BASIC_CONSTRAINTS,
    ObjectIdentifier::new_unwrap("2.5.29.32"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
];

/// Why there is no path.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PathError {
    /// The leaf itself.
    #[error("the certificate of {0} is not valid at this time")]
    Expired(String),
    /// The leaf itself.
    #[error("the certificate of {0} has a critical extension that is not understood")]
    NotUnderstood(String),
    /// No chain of valid signatures reaches a root.
    #[error("the certificate of {0} leads to none of the configured roots")]
    NoPath(String),
}

/// Searches the path: the certificates from the leaf's issuer to the root, both included. `at` in Unix seconds.
///
/// # Errors
/// As [`PathError`] says.
pub(crate) fn verify(
    leaf: &AnyCertificate,
    intermediates: &[AnyCertificate],
    roots: &[AnyCertificate],
    at: i64,
) -> Result<Vec<AnyCertificate>, PathError> {
    if !leaf.is_valid_at(at) {
        return Err(PathError::Expired(leaf.subject().to_string()));
    }
    if !is_understood(leaf) {
        return Err(PathError::NotUnderstood(leaf.subject().to_string()));
    }
    let mut search = Search { intermediates, roots, at, budget: BUDGET, path: Vec::new() };
    if search.climb(leaf) {
        Ok(search.path.into_iter().cloned().collect())
    } else {
        Err(PathError::NoPath(leaf.subject().to_string()))
    }
}

/// Whether a certificate that does not restrict its key, or allows this, may be used so.
pub(crate) fn allows(certificate: &AnyCertificate, usage: KeyUsage) -> bool {
    certificate.key_usage().is_none_or(|allowed| allowed.contains(usage))
}

struct Search<'a> {
    intermediates: &'a [AnyCertificate],
    roots: &'a [AnyCertificate],
    at: i64,
    budget: usize,
    path: Vec<&'a AnyCertificate>,
}

impl Search<'_> {
    fn climb(&mut self, below: &AnyCertificate) -> bool {
        for root in self.roots {
            if self.issues(root, below) {
                self.path.push(root);
                return true;
            }
        }
        if self.path.len() + 2 >= LONGEST {
            return false;
        }
        for candidate in self.intermediates {
            if self.path.contains(&candidate) || !self.issues(candidate, below) {
                continue;
            }
            self.path.push(candidate);
            if self.climb(candidate) {
                return true;
            }
            self.path.pop();
        }
        false
    }

    /// Whether `issuer` may have issued, and did issue, `below`; the path holds the CAs between `below` and the leaf.
    fn issues(&mut self, issuer: &AnyCertificate, below: &AnyCertificate) -> bool {
        let cas_below = self.path.iter().filter(|ca| !ca.is_self_issued()).count();
        let longest = issuer.basic_constraints().and_then(|constraints| constraints.path_len);
        let may = issuer.subject() == below.issuer()
            && issuer.is_ca()
            && allows(issuer, KeyUsage::KEY_CERT_SIGN)
            && issuer.is_valid_at(self.at)
            && is_understood(issuer)
            && longest.is_none_or(|longest| cas_below <= usize::from(longest));
        if !may || self.budget == 0 {
            return false;
        }
        self.budget -= 1;
        below.verify_signature(issuer).is_ok()
    }
}

fn is_understood(certificate: &AnyCertificate) -> bool {
    let Ok(read) = x509_cert::Certificate::from_der(certificate.der()) else { return false };
    let extensions = read.tbs_certificate().extensions().map(Vec::as_slice).unwrap_or_default();
    extensions.iter().all(|extension| !extension.critical || UNDERSTOOD.contains(&extension.extn_id))
}
