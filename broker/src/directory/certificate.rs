//! Holders' certificate pairs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use yinqiao_gm::sm2::PublicKey;
use yinqiao_gm::x509::Certificate;
use yinqiao_protocol::holder::Holder;
use yinqiao_protocol::{Base64, Sm3Hex, Timestamp};

use super::{Directory, DirectoryError};
use crate::store::StoreError;

/// A signing and an encryption certificate of one holder on one phone. Stored under the SM3 of the signing
/// certificate's DER.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CertificateRecord {
    /// Whose.
    pub holder: Holder,
    /// Name of the adapter that issued them.
    pub certificate_authority: String,
    /// DER.
    pub signing_certificate: Base64,
    /// DER.
    pub encryption_certificate: Base64,
    /// The phone's own key, 04 ‖ x ‖ y, which signs claims.
    pub device_key: Base64,
    /// When they were issued.
    pub issued_at: Timestamp,
    /// Set as soon as a revocation is wanted, before the CA has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
}

/// A wanted or confirmed revocation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Revocation {
    /// When it was asked for.
    pub at: Timestamp,
    /// RFC 5280 reason in words.
    pub reason: String,
    /// Whether the CA has confirmed it.
    pub confirmed: bool,
}

/// A record with its certificates read.
#[derive(Debug)]
pub struct KnownCertificate {
    /// As stored.
    pub record: CertificateRecord,
    /// SM3 of the signing certificate's DER.
    pub sm3: Sm3Hex,
    /// The signing certificate.
    pub signing: Certificate,
    /// The encryption certificate.
    pub encryption: Certificate,
    /// The phone's own key.
    pub device_key: PublicKey,
    version: u64,
}

impl KnownCertificate {
    fn new(record: CertificateRecord, version: u64) -> Result<Self, StoreError> {
        let corrupt = |e: yinqiao_gm::Error| StoreError::Corrupt(format!("certificate record: {e}"));
        Ok(Self {
            sm3: Sm3Hex::of(record.signing_certificate.as_slice()),
            signing: Certificate::from_der(record.signing_certificate.as_slice()).map_err(corrupt)?,
            encryption: Certificate::from_der(record.encryption_certificate.as_slice()).map_err(corrupt)?,
            device_key: PublicKey::from_sec1(record.device_key.as_slice()).map_err(corrupt)?,
            record,
            version,
        })
    }
}

impl Directory {
    /// A certificate pair by the SM3 of its signing certificate.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn certificate(&self, sm3: &Sm3Hex) -> Result<Arc<KnownCertificate>, DirectoryError> {
        let read = async {
            let found = self
                .certificates
                .get(sm3.as_bytes())
                .await?
                .ok_or(DirectoryError::NotFound("certificate of this digest"))?;
            Ok(KnownCertificate::new(found.value, found.version)?)
        };
        self.certificate_cache.get_or_read(sm3, read).await
    }

    /// All certificate pairs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificates(&self) -> Result<Vec<CertificateRecord>, DirectoryError> {
        Ok(self.certificates.list(&[]).await?)
    }

    /// Notes a revocation, wanted or confirmed: the certificate answers no session from now on.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`], or a conflict with another change.
    pub async fn note_revocation(&self, sm3: &Sm3Hex, revocation: Revocation) -> Result<(), DirectoryError> {
        let known = self.certificate(sm3).await?;
        let record = CertificateRecord { revocation: Some(revocation), ..known.record.clone() };
        let result = self.certificates.put(sm3.as_bytes(), known.version, &record).await;
        self.certificate_cache.forget();
        Ok(result?)
    }
}
