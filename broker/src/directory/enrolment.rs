//! Enrolments: an operator names a holder and gets a one-time code; a phone brings the code and a certificate request.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::holder::Holder;
use yinqiao_protocol::phone::Enrolled;
use yinqiao_protocol::{Base64, OrderId, Sm3Hex, Timestamp, Token, UserId};

use super::{CertificateRecord, Directory, DirectoryError, RefusedPairRecord, Versioned};
use crate::records::index_changes;
use crate::store::{RecordChange, StoreError};

/// An enrolment, stored under the SM3 of its code.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EnrolmentRecord {
    /// Whom the certificates will name.
    pub holder: Holder,
    /// Name of the adapter that issues.
    pub certificate_authority: String,
    /// Adapters that issue where that one is out of reach and has certainly done nothing, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// What the CA calls the product, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Whether the CA may issue a signing certificate alone. Where it may not, a pair without an encryption certificate is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signing_only: bool,
    /// The order that it downloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// The user whose order that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Days that the certificates will be valid.
    pub validity_days: u32,
    /// The code is void then.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: EnrolmentState,
}

/// Where an enrolment stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EnrolmentState {
    /// No phone has brought the code.
    Open,
    /// A phone has; its request is with the CA. Only the same request is taken now.
    Requested {
        /// SM3 of the phone's enrolment bytes.
        request_sm3: Sm3Hex,
        /// What the CA knows the issue by.
        idempotency_key: String,
        /// Bytes of the phone's [`Enrolment`](yinqiao_protocol::statement::Enrolment), for an order: the broker goes on with
        /// it when the phone is away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enrolment: Option<Base64>,
    },
    /// What the CA issued is not what was asked for. The same request gets the same refusal; the CA is to revoke what it issued.
    Rejected {
        /// SM3 of the phone's enrolment bytes.
        request_sm3: Sm3Hex,
        /// What is wrong with it.
        reason: String,
    },
    /// Done. The same request gets the same answer until the code expires.
    Issued {
        /// SM3 of the phone's enrolment bytes.
        request_sm3: Sm3Hex,
        /// What the phone was given.
        enrolled: Box<Enrolled>,
    },
}

impl Directory {
    /// Stores a new enrolment under a new code, which is shown once.
    ///
    /// # Errors
    /// When the store or the randomness fails.
    pub async fn add_enrolment(&self, record: &EnrolmentRecord) -> Result<Token, DirectoryError> {
        let code = Token::random().map_err(|e| DirectoryError::Invalid(format!("no randomness: {e}")))?;
        self.enrolments.put(code.digest().as_bytes(), 0, record).await?;
        Ok(code)
    }

    /// An enrolment by its code.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`].
    pub async fn enrolment(&self, code: &Sm3Hex) -> Result<Versioned<EnrolmentRecord>, DirectoryError> {
        self.enrolments
            .get(code.as_bytes())
            .await?
            .ok_or(DirectoryError::NotFound("enrolment with this code"))
    }

    /// Stores an enrolment's new state.
    ///
    /// # Errors
    /// A conflict when another request was first.
    pub async fn change_enrolment(
        &self,
        code: &Sm3Hex,
        expected: u64,
        record: &EnrolmentRecord,
    ) -> Result<(), StoreError> {
        self.enrolments.put(code.as_bytes(), expected, record).await
    }

    /// The same as a change that is to be stored with others in one step.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn enrolment_change(
        &self,
        code: &Sm3Hex,
        expected: u64,
        record: &EnrolmentRecord,
    ) -> Result<RecordChange, StoreError> {
        self.enrolments.to_change(code.as_bytes(), expected, Some(record))
    }

    /// Stores that what was issued is refused, and what the CA is to revoke, in one step.
    ///
    /// # Errors
    /// A conflict when another request was first.
    pub async fn reject_enrolment(
        &self,
        code: &Sm3Hex,
        expected: u64,
        record: &EnrolmentRecord,
        refused: Option<&RefusedPairRecord>,
    ) -> Result<(), StoreError> {
        let mut changes = vec![self.enrolments.to_change(code.as_bytes(), expected, Some(record))?];
        if let Some(refused) = refused {
            changes.push(self.refused_pairs.to_change(
                refused.idempotency_key.as_bytes(),
                0,
                Some(refused),
            )?);
        }
        self.records.change(changes).await
    }

    /// Stores an issued certificate pair and the enrolment's end in one step.
    ///
    /// # Errors
    /// A conflict when another request was first.
    pub async fn conclude_enrolment(
        &self,
        code: &Sm3Hex,
        expected: u64,
        record: &EnrolmentRecord,
        certificate: &CertificateRecord,
    ) -> Result<(), StoreError> {
        let certificate_sm3 = Sm3Hex::of(certificate.signing_certificate.as_slice());
        let mut changes = vec![
            self.enrolments.to_change(code.as_bytes(), expected, Some(record))?,
            self.certificates.to_change(certificate_sm3.as_bytes(), 0, Some(certificate))?,
        ];
        changes.extend(index_changes(None, Some(certificate)));
        self.records.change(changes).await
    }
}
