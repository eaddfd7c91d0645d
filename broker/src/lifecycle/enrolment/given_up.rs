//! An enrolment that is not wanted any more while its request is with the CA: whatever the CA has issued for it, or still issues, is
//! never handed out, and revoked.

use tracing::info;

use yinqiao_ca_sdk::Operation;
use yinqiao_ca_sdk::messages::IdempotencyKey;
use yinqiao_gm::x509::CertificateRequest;
use yinqiao_protocol::Sm3Hex;
use yinqiao_protocol::statement::{Enrolment, SignedText};

use super::{code_not_valid, issue_request, refused, under_way};
use crate::adapter::{AuthorityError, Patience, Withdrawal};
use crate::broker::Broker;
use crate::clock;
use crate::directory::{EnrolmentRecord, EnrolmentState, RefusedPairRecord, Versioned};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::operation_key;

/// What the enrolment's record says from then on.
const REASON: &str = "the request was given up before its certificate was there";

impl Broker {
    /// Ends an enrolment that no phone has begun with: its code is void.
    ///
    /// # Errors
    /// When a phone begins at this moment, or the store fails.
    pub(in crate::lifecycle) async fn give_up_unused_enrolment(
        &self,
        code_sm3: &Sm3Hex,
        mut found: Versioned<EnrolmentRecord>,
    ) -> Result<(), ApiError> {
        found.value.expires_at = found.value.expires_at.min(clock::now());
        Ok(self.directory.change_enrolment(code_sm3, found.version, &found.value).await?)
    }

    /// Ends an enrolment whose request may be with the CA, or finds out that this is not possible yet. Called again until it
    /// succeeds.
    ///
    /// # Errors
    /// When the CA cannot say what it has done, or the same request runs at this moment.
    pub(in crate::lifecycle) async fn give_up_enrolment(
        &self,
        code_sm3: &Sm3Hex,
        mut found: Versioned<EnrolmentRecord>,
    ) -> Result<(), ApiError> {
        let EnrolmentState::Requested { request_sm3, idempotency_key, enrolment } = &found.value.state else {
            return Err(code_not_valid());
        };
        let (request_sm3, key) = (*request_sm3, operation_key(idempotency_key)?);
        let enrolment = enrolment.as_ref().map(|bytes| bytes.0.clone()).unwrap_or_default();
        let name = &found.value.certificate_authority;
        let withdrawal = self.authorities.withdraw(name, &key, Operation::Issue).await;
        let refused = match withdrawal.map_err(under_way)? {
            Withdrawal::Withdrawn => None,
            Withdrawal::TooLate => self.pair_given_up(&found.value, &key, &enrolment).await?,
        };
        found.value.state = EnrolmentState::Rejected { request_sm3, reason: REASON.to_owned() };
        self.directory.reject_enrolment(code_sm3, found.version, &found.value, refused.as_ref()).await?;
        let issue = key.as_str();
        match &refused {
            None => info!(
                issue,
                "a request for certificates is given up: nothing was issued, and nothing will be"
            ),
            Some(refused) => {
                let (to_be_revoked, left_to_people) = (refused.certificates.len(), refused.left.len());
                info!(
                    issue,
                    to_be_revoked,
                    left_to_people,
                    "a request for certificates is given up that its CA had issued for"
                );
            }
        }
        if let Ok(authority) = self.authorities.get(&found.value.certificate_authority) {
            authority.conclude(&key).await?;
        }
        Ok(())
    }

    /// What the CA has issued for a request that was sent to it; nothing where it certainly issues none.
    async fn pair_given_up(
        &self,
        record: &EnrolmentRecord,
        key: &IdempotencyKey,
        enrolment: &[u8],
    ) -> Result<Option<RefusedPairRecord>, ApiError> {
        let authority = self.authorities.get(&record.certificate_authority).map_err(under_way)?;
        let internal = |text: String| ApiError::new(Kind::Internal, text);
        let enrolment = Enrolment::from_bytes(enrolment).map_err(|e| internal(e.to_string()))?;
        let request = CertificateRequest::from_der(enrolment.certificate_request.as_slice())
            .map_err(|e| internal(e.to_string()))?;
        match authority.issue(key, issue_request(record, &request), Patience::NONE).await {
            Ok(pair) => Ok(Some(refused::to_be_revoked(authority.name(), key, &request, &pair, REASON))),
            Err(failure @ (AuthorityError::Refused { .. } | AuthorityError::NotSupported { .. })) => {
                // The same request, which may wait beside this one, must not ask the CA again.
                let journal = self.authorities.journal();
                let over = journal.abandon(key, Operation::Issue, clock::now()).await?;
                if over { Ok(None) } else { Err(failure.into()) }
            }
            Err(failure) => Err(failure.into()),
        }
    }
}
