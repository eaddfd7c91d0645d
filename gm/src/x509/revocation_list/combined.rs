//! A complete list, brought up to date by a delta (RFC 5280, 5.2.4 and 6.3.3).

use super::{super::AnyCertificate, AnyRevocationList, RevocationReason, RevokedEntry, STRUCTURE};
use crate::Error;

/// A complete list and a delta to it, which together say what a complete list of the delta's time would.
#[derive(Clone, Copy, Debug)]
pub struct CombinedList<'a> {
    base: &'a AnyRevocationList,
    delta: &'a AnyRevocationList,
}

impl<'a> CombinedList<'a> {
    /// Puts both together. Their signatures must have been verified, with the same key.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless the first is complete and the second a delta, both are of one issuer, key and scope, and
    /// the delta tells all changes since the base: its base number is not above the base's number, and its own not
    /// below.
    pub fn new(base: &'a AnyRevocationList, delta: &'a AnyRevocationList) -> Result<Self, Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        let (None, Some(from)) = (base.base_number(), delta.base_number()) else {
            return invalid("a delta list must be put to a complete one");
        };
        if base.issuer() != delta.issuer() {
            return invalid("the delta is of another issuer than the complete list");
        }
        if base.authority_key_identifier() != delta.authority_key_identifier() {
            return invalid("the delta is signed with another key than the complete list");
        }
        if base.scope() != delta.scope() {
            return invalid("the delta covers other certificates than the complete list");
        }
        let (Some(base_number), Some(delta_number)) = (base.number(), delta.number()) else {
            return invalid("the complete list has no number, so that no delta can be put to it");
        };
        if in_order(base_number) < in_order(from) {
            return invalid(
                "the complete list is older than the one that the delta starts from; fetch it anew",
            );
        }
        if in_order(delta_number) < in_order(base_number) {
            return invalid("the delta is older than the complete list; fetch it anew, or leave it");
        }
        Ok(Self { base, delta })
    }

    /// What both say about this certificate; `None` when it is not revoked, or no longer suspended.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they don't speak of it.
    pub fn status(&self, certificate: &AnyCertificate) -> Result<Option<RevokedEntry>, Error> {
        self.base.require_cover(certificate)?;
        let serial = certificate.serial();
        match self.delta.entry(serial) {
            Some(RevokedEntry { reason: RevocationReason::RemoveFromCrl, .. }) => Ok(None),
            Some(entry) => Ok(Some(entry)),
            None => Ok(self.base.entry(serial)),
        }
    }

    /// When the delta was made, Unix seconds: how things stood then is known.
    pub fn this_update(&self) -> i64 {
        self.delta.this_update()
    }

    /// When the next list of either kind is due, Unix seconds.
    pub fn next_update(&self) -> i64 {
        self.delta.next_update().min(self.base.next_update())
    }

    /// The complete list.
    pub fn base(&self) -> &'a AnyRevocationList {
        self.base
    }

    /// The delta.
    pub fn delta(&self) -> &'a AnyRevocationList {
        self.delta
    }
}

/// Big-endian numbers without leading zeros, so that tuples compare as the numbers do.
fn in_order(number: &[u8]) -> (usize, &[u8]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    (number.len() - zeros, &number[zeros..])
}
