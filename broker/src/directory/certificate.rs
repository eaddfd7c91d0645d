//! Holders' certificate pairs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use yinqiao_gm::sm2::PublicKey;
use yinqiao_gm::x509::Certificate;
use yinqiao_lifecycle::certificate::{Facts, Standing, Status};
use yinqiao_protocol::holder::Holder;
use yinqiao_protocol::task::serial_text;
use yinqiao_protocol::{Base64, OrderId, Sm3Hex, Timestamp, UserId};

use super::cache::Cache;
use super::stored_certificate::Stored;
use super::{Directory, DirectoryError};
use crate::records::Observer;
use crate::store::{Collection, StoreError};

/// A signing certificate of one holder on one phone, mostly with an encryption certificate. Stored under the SM3 of the signing
/// certificate's DER.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Stored")]
pub struct CertificateRecord {
    /// Whose.
    pub holder: Holder,
    /// Name of the adapter that issued them.
    pub certificate_authority: String,
    /// DER.
    pub signing_certificate: Base64,
    /// DER; none where the CA issued a signing certificate alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_certificate: Option<Base64>,
    /// The phone's own key, 04 ‖ x ‖ y, which signs claims.
    pub device_key: Base64,
    /// What decisions need to know of it.
    pub facts: Facts,
    /// How it stands: wanted and confirmed suspension and revocation.
    pub standing: Standing,
}

/// A pair as it comes from a CA, with whose it is.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    /// Whom it names.
    pub holder: Holder,
    /// The user that it belongs to, where it is known.
    pub user: Option<UserId>,
    /// The order that it comes from.
    pub order: Option<OrderId>,
    /// Name of the adapter that issued it.
    pub certificate_authority: String,
    /// DER.
    pub signing_certificate: Base64,
    /// DER; none where the CA issued a signing certificate alone.
    pub encryption_certificate: Option<Base64>,
    /// The phone's own key, 04 ‖ x ‖ y.
    pub device_key: Base64,
    /// When it was issued.
    pub issued_at: Timestamp,
}

impl CertificateRecord {
    /// The record of a fresh pair.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn new(new: NewCertificate) -> Result<Self, yinqiao_gm::Error> {
        let signing = Certificate::from_der(new.signing_certificate.as_slice())?;
        let encryption = new.encryption_certificate.as_ref().map(|der| Certificate::from_der(der.as_slice()));
        let encryption = encryption.transpose()?;
        let code = new.holder.enterprise.as_ref().map(|enterprise| &enterprise.unified_social_credit_code);
        let not_after = encryption.iter().fold(signing.not_after(), |end, other| end.min(other.not_after()));
        Ok(Self {
            facts: Facts {
                sm3: Sm3Hex::of(new.signing_certificate.as_slice()),
                user: new.user,
                enterprise: code.and_then(|code| code.parse().ok()),
                order: new.order,
                signing_serial: serial_text(&signing),
                encryption_serial: encryption.as_ref().map(serial_text).unwrap_or_default(),
                issued_at: new.issued_at,
                not_after: Timestamp::from_millis(not_after.saturating_mul(1000)),
            },
            standing: Standing::default(),
            holder: new.holder,
            certificate_authority: new.certificate_authority,
            signing_certificate: new.signing_certificate,
            encryption_certificate: new.encryption_certificate,
            device_key: new.device_key,
        })
    }

    /// What is in force.
    pub fn status(&self, now: Timestamp) -> Status {
        self.standing.status(&self.facts, now)
    }

    /// The same pair, standing otherwise.
    #[must_use]
    pub fn standing_so(&self, standing: Standing) -> Self {
        Self { standing, ..self.clone() }
    }
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
    /// The encryption certificate, where there is one.
    pub encryption: Option<Certificate>,
    /// The phone's own key.
    pub device_key: PublicKey,
}

impl KnownCertificate {
    pub(crate) fn new(record: CertificateRecord) -> Result<Self, StoreError> {
        let corrupt = |e: yinqiao_gm::Error| StoreError::Corrupt(format!("certificate record: {e}"));
        Ok(Self {
            sm3: Sm3Hex::of(record.signing_certificate.as_slice()),
            signing: Certificate::from_der(record.signing_certificate.as_slice()).map_err(corrupt)?,
            encryption: record
                .encryption_certificate
                .as_ref()
                .map(|der| Certificate::from_der(der.as_slice()))
                .transpose()
                .map_err(corrupt)?,
            device_key: PublicKey::from_sec1(record.device_key.as_slice()).map_err(corrupt)?,
            record,
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
            Ok(KnownCertificate::new(found.value)?)
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

    /// Hears of changes, so that a certificate that is blocked is blocked at once.
    pub fn observer(&self) -> Arc<dyn Observer> {
        self.certificate_cache.clone()
    }
}

impl Observer for Cache<KnownCertificate> {
    fn committed(&self, changed: &[(Collection, Vec<u8>)]) {
        for (_, key) in changed.iter().filter(|(collection, _)| *collection == Collection::Certificate) {
            if let Ok(sm3) = <[u8; 32]>::try_from(key.as_slice()) {
                self.forget_one(&Sm3Hex(sm3.into()));
            }
        }
    }
}
