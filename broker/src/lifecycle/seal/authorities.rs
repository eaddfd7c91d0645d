//! What seals need of CAs.

use yinqiao_ca_sdk::messages::{IdempotencyKey, IssuedSeal, Operation, SealIssueRequest};

use super::issued::fits;
use crate::adapter::{Authorities, Patience, Withdrawal};
use crate::clock;
use crate::lifecycle::certificate::CaFuture;

/// What a CA hands out.
pub enum Handed {
    /// What was asked for.
    Fit(IssuedSeal),
    /// Something else: it is of no use, and has to be revoked.
    Unfit {
        /// It.
        issued: IssuedSeal,
        /// What does not fit.
        text: String,
    },
}

/// CAs, as far as seals need them. Each operation is done once for each key.
pub trait SealAuthorities {
    /// Whether a CA of this name is there, and makes seals as far as is known now.
    fn makes_seals(&self, name: &str) -> Option<bool>;

    /// Has a seal reviewed and made.
    ///
    /// # Errors
    /// See [`crate::adapter::AuthorityError`].
    fn make<'a>(
        &'a self,
        name: &'a str,
        key: &'a IdempotencyKey,
        request: &'a SealIssueRequest,
    ) -> CaFuture<'a, Handed>;

    /// Has a request forgotten that may not be answered yet.
    ///
    /// # Errors
    /// See [`crate::adapter::AuthorityError`].
    fn withdraw<'a>(&'a self, name: &'a str, key: &'a IdempotencyKey) -> CaFuture<'a, Withdrawal>;

    /// Has a seal revoked.
    ///
    /// # Errors
    /// See [`crate::adapter::AuthorityError`].
    fn revoke<'a>(
        &'a self,
        name: &'a str,
        key: &'a IdempotencyKey,
        seal_id: &'a str,
        reason: &'a str,
    ) -> CaFuture<'a, ()>;

    /// What came of the operation is stored where it belongs.
    ///
    /// # Errors
    /// When the store fails.
    fn conclude<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()>;
}

impl SealAuthorities for Authorities {
    fn makes_seals(&self, name: &str) -> Option<bool> {
        self.get(name).ok().map(|authority| authority.makes_seals() != Some(false))
    }

    fn make<'a>(
        &'a self,
        name: &'a str,
        key: &'a IdempotencyKey,
        request: &'a SealIssueRequest,
    ) -> CaFuture<'a, Handed> {
        Box::pin(async move {
            let authority = self.get(name)?;
            let issued = authority.issue_seal(key, request.clone(), Patience::NONE).await?;
            Ok(match fits(&authority, request, &issued) {
                Ok(()) => Handed::Fit(issued),
                Err(text) => Handed::Unfit { issued, text },
            })
        })
    }

    fn withdraw<'a>(&'a self, name: &'a str, key: &'a IdempotencyKey) -> CaFuture<'a, Withdrawal> {
        Box::pin(Authorities::withdraw(self, name, key, Operation::SealIssue))
    }

    fn revoke<'a>(
        &'a self,
        name: &'a str,
        key: &'a IdempotencyKey,
        seal_id: &'a str,
        reason: &'a str,
    ) -> CaFuture<'a, ()> {
        Box::pin(async move { self.get(name)?.revoke_seal(key, seal_id, reason, Patience::NONE).await })
    }

    fn conclude<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()> {
        Box::pin(async move { Ok(self.journal().conclude(key, clock::now()).await?) })
    }
}
