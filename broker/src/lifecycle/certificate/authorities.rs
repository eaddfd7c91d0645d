//! What the life of certificates needs of CAs.

use std::future::Future;
use std::pin::Pin;

use yinqiao_ca_sdk::messages::{IdempotencyKey, RecoveredKey};
use yinqiao_gm::x509::Certificate;
use yinqiao_lifecycle::certificate::CaOperation;

use crate::adapter::{Authorities, AuthorityError, Patience};
use crate::clock;
use crate::directory::CertificateRecord;

/// What a CA's answer comes by.
pub type CaFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, AuthorityError>> + 'a>>;

/// CAs, as far as issued certificates need them.
pub trait CertificateAuthorities {
    /// Holds, releases or revokes a pair: once for each key.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    fn change<'a>(
        &'a self,
        record: &'a CertificateRecord,
        key: &'a IdempotencyKey,
        operation: CaOperation,
        patience: Patience,
    ) -> CaFuture<'a, ()>;

    /// Has a pair's encryption key enveloped for the key of a certificate request (PKCS#10, DER).
    ///
    /// # Errors
    /// See [`AuthorityError`].
    fn recover_key<'a>(
        &'a self,
        record: &'a CertificateRecord,
        key: &'a IdempotencyKey,
        certificate_request: &'a [u8],
    ) -> CaFuture<'a, RecoveredKey>;

    /// What came of the operation is stored where it belongs.
    ///
    /// # Errors
    /// When the store fails.
    fn conclude<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()>;

    /// The operation was refused; it may be asked for again under this key.
    ///
    /// # Errors
    /// When the store fails.
    fn forget<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()>;
}

impl CertificateAuthorities for Authorities {
    fn change<'a>(
        &'a self,
        record: &'a CertificateRecord,
        key: &'a IdempotencyKey,
        operation: CaOperation,
        patience: Patience,
    ) -> CaFuture<'a, ()> {
        Box::pin(async move {
            let authority = self.get(&record.certificate_authority)?;
            let certificate = read(record, record.signing_certificate.as_slice())?;
            let changed = authority.change(key, &certificate, operation, patience).await;
            if matches!(operation, CaOperation::Revoke(_))
                && matches!(changed, Err(AuthorityError::Refused { .. }))
            {
                // Perhaps because it is revoked already.
                authority.refresh().await?;
                if authority.trust().revoked_by_list(&certificate).is_some() {
                    return Ok(());
                }
            }
            changed
        })
    }

    fn recover_key<'a>(
        &'a self,
        record: &'a CertificateRecord,
        key: &'a IdempotencyKey,
        certificate_request: &'a [u8],
    ) -> CaFuture<'a, RecoveredKey> {
        Box::pin(async move {
            let authority = self.get(&record.certificate_authority)?;
            let encryption =
                record.encryption_certificate.as_ref().ok_or_else(|| AuthorityError::NotSupported {
                    authority: record.certificate_authority.clone(),
                    text: "it issued no encryption certificate with this one".to_owned(),
                })?;
            let encryption = read(record, encryption.as_slice())?;
            authority.recover_key(key, &encryption, certificate_request, Patience::NONE).await
        })
    }

    fn conclude<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()> {
        Box::pin(async move { Ok(self.journal().conclude(key, clock::now()).await?) })
    }

    fn forget<'a>(&'a self, key: &'a IdempotencyKey) -> CaFuture<'a, ()> {
        Box::pin(async move { Ok(self.journal().forget(key).await?) })
    }
}

fn read(record: &CertificateRecord, der: &[u8]) -> Result<Certificate, AuthorityError> {
    Certificate::from_der(der).map_err(|error| AuthorityError::Broken {
        authority: record.certificate_authority.clone(),
        text: format!("a certificate that it issued cannot be read: {error}"),
    })
}
