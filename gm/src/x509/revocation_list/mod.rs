//! Certificate revocation lists (RFC 5280, 5): complete ones, deltas, and those of some certificates only.

mod any;
mod builder;
mod combined;
mod entry;
mod scope;

use std::{fmt, ops::Deref};

pub use any::AnyRevocationList;
pub use builder::RevocationListBuilder;
pub use combined::CombinedList;
pub use entry::{RevocationReason, RevokedEntry};
pub use scope::{Covered, Scope};

use super::{Certificate, SerialNumber, signed::decode_pem};
use crate::{Error, sm2};

const STRUCTURE: &str = "CertificateList";
const TBS: &str = "TBSCertList";
const PEM_LABEL: &str = "X509 CRL";

/// A complete version 2 revocation list of all certificates of its issuer: who isn't on it is not revoked.
///
/// Delta lists, and lists of some certificates only, are refused; [`AnyRevocationList`] reads them. What else the list
/// says is read as from any list: it dereferences to [`AnyRevocationList`].
#[derive(Clone, Eq, PartialEq)]
pub struct CertificateRevocationList(AnyRevocationList);

impl CertificateRevocationList {
    /// Makes a list of `entries`, signed as `issuer`. `number` must grow from list to list.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when `key` is not the issuer's, [`Error::Invalid`] when an update time or an entry
    /// can't stand in a list, [`Error::Randomness`].
    pub fn build(
        issuer: &Certificate,
        key: &sm2::PrivateKey,
        this_update: i64,
        next_update: i64,
        number: u64,
        entries: &[(SerialNumber, RevokedEntry)],
    ) -> Result<Self, Error> {
        let builder = RevocationListBuilder::new(this_update, next_update, number).entries(entries);
        Self::try_from(builder.sign(issuer, key)?)
    }

    /// Reads a list; its signature is checked by [`verify_signature`](AnyRevocationList::verify_signature).
    ///
    /// # Errors
    /// As [`AnyRevocationList::from_der`], and [`Error::Invalid`] for a list that isn't complete.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        Self::try_from(AnyRevocationList::from_der(der)?)
    }

    /// Reads the PEM form, label `X509 CRL`.
    ///
    /// # Errors
    /// [`Error::Pem`], and as [`from_der`](Self::from_der).
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_der(&decode_pem(STRUCTURE, PEM_LABEL, pem)?)
    }

    /// The same list, as one among those of any kind.
    pub fn as_any(&self) -> &AnyRevocationList {
        &self.0
    }
}

impl TryFrom<AnyRevocationList> for CertificateRevocationList {
    type Error = Error;

    /// The list, when it is complete.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    fn try_from(list: AnyRevocationList) -> Result<Self, Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        if list.base_number().is_some() {
            return invalid("is a delta list; a complete one is needed");
        }
        if !list.scope().is_everything() {
            return invalid("covers some of its issuer's certificates only; a complete one is needed");
        }
        Ok(Self(list))
    }
}

impl From<CertificateRevocationList> for AnyRevocationList {
    fn from(list: CertificateRevocationList) -> Self {
        list.0
    }
}

impl Deref for CertificateRevocationList {
    type Target = AnyRevocationList;

    fn deref(&self) -> &AnyRevocationList {
        &self.0
    }
}

impl fmt::Debug for CertificateRevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRevocationList({}, {} entries)", self.issuer(), self.entries().len())
    }
}
