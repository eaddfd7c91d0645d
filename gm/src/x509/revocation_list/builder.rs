//! Making lists.

use der::{
    Decode, Encode,
    asn1::{AnyRef, Uint},
};
use x509_cert::{
    certificate::Version,
    ext::{
        Extension,
        pkix::{CrlNumber, crl::BaseCrlNumber},
    },
};

use super::{
    super::{
        Certificate, SerialNumber,
        extension::{authority_key_identifier, extension},
        location,
        signed::{self, sm2_with_sm3},
        time::to_time,
    },
    AnyRevocationList, RevokedEntry, STRUCTURE, Scope, TBS,
    any::TbsCertList,
    entry::RevokedCertificate,
};
use crate::{Error, oid, sm2};

/// Builds a version 2 list with cRLNumber and authorityKeyIdentifier: complete, or a delta.
#[derive(Clone, Debug)]
pub struct RevocationListBuilder {
    this_update: i64,
    next_update: i64,
    number: u64,
    base_number: Option<u64>,
    scope: Scope,
    freshest_crl: Option<String>,
    entries: Vec<(SerialNumber, RevokedEntry)>,
}

impl RevocationListBuilder {
    /// A complete list made at `this_update`, the next due at `next_update` (Unix seconds). `number` must grow from
    /// list to list; complete lists and deltas share one sequence (RFC 5280, 5.2.3).
    pub fn new(this_update: i64, next_update: i64, number: u64) -> Self {
        Self {
            this_update,
            next_update,
            number,
            base_number: None,
            scope: Scope::default(),
            freshest_crl: None,
            entries: Vec::new(),
        }
    }

    /// Makes it a delta: the entries are the changes since the complete list of this number. Those that are no longer
    /// suspended are listed with [`RemoveFromCrl`](super::RevocationReason::RemoveFromCrl).
    #[must_use]
    pub fn delta_of(mut self, base_number: u64) -> Self {
        self.base_number = Some(base_number);
        self
    }

    /// Restricts it to some of the issuer's certificates.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Says in a complete list where deltas to it are published.
    #[must_use]
    pub fn freshest_crl(mut self, uri: &str) -> Self {
        self.freshest_crl = Some(uri.to_owned());
        self
    }

    /// Adds revoked certificates, in any order.
    #[must_use]
    pub fn entries(mut self, entries: &[(SerialNumber, RevokedEntry)]) -> Self {
        self.entries.extend_from_slice(entries);
        self
    }

    /// Signs it as `issuer`.
    ///
    /// # Errors
    /// [`Error::KeyMismatch`] when `key` is not the issuer's, [`Error::Invalid`] when an update time or an entry
    /// can't stand in a list, or a delta starts from a list after itself, [`Error::Randomness`].
    pub fn sign(&self, issuer: &Certificate, key: &sm2::PrivateKey) -> Result<AnyRevocationList, Error> {
        if issuer.public_key() != key.public_key() {
            return Err(Error::KeyMismatch { structure: "issuer's certificate" });
        }
        if self.base_number.is_some_and(|base| base > self.number) {
            return Err(Error::Invalid {
                structure: TBS,
                reason: "a delta must start from a list before it",
            });
        }
        let revoked = self.entries.iter().map(|(serial, entry)| RevokedCertificate::new(serial, entry));
        let revoked = revoked.collect::<Result<Vec<_>, Error>>()?;
        let list = TbsCertList {
            version: Version::V2,
            signature: sm2_with_sm3(),
            issuer: AnyRef::from_der(issuer.subject().as_der()).map_err(Error::encoding(TBS))?,
            this_update: to_time(TBS, self.this_update)?,
            next_update: to_time(TBS, self.next_update)?,
            revoked_certificates: if revoked.is_empty() { None } else { Some(revoked) },
            crl_extensions: Some(self.extensions(issuer)?),
        };
        let list = list.to_der().map_err(Error::encoding(TBS))?;
        AnyRevocationList::from_der(&signed::sign(STRUCTURE, &list, key)?)
    }

    fn extensions(&self, issuer: &Certificate) -> Result<Vec<Extension>, Error> {
        let number =
            |structure, number: u64| Uint::new(&number.to_be_bytes()).map_err(Error::encoding(structure));
        let own = CrlNumber(number("CRLNumber", self.number)?);
        let mut extensions = vec![extension("CRLNumber", oid::CRL_NUMBER, false, &own)?];
        if let Some(identifier) = issuer.subject_key_identifier() {
            extensions.push(authority_key_identifier(identifier)?);
        }
        if let Some(base) = self.base_number {
            let base = BaseCrlNumber(number("BaseCRLNumber", base)?);
            extensions.push(extension("BaseCRLNumber", oid::DELTA_CRL_INDICATOR, true, &base)?);
        }
        if !self.scope.is_everything() {
            extensions.push(self.scope.to_extension()?);
        }
        if let Some(uri) = &self.freshest_crl {
            extensions.push(location::freshest_crl(uri)?);
        }
        Ok(extensions)
    }
}
