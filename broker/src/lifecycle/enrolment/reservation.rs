//! A code, and the order behind it, belong to the first request that brings them.

use uuid::Uuid;

use yinqiao_ca_sdk::Operation;
use yinqiao_protocol::statement::{Enrolment, SignedText};
use yinqiao_protocol::{Base64, Sm3Hex};

use super::code_not_valid;
use crate::adapter::journal::Journal;
use crate::clock;
use crate::directory::{Directory, DirectoryError, EnrolmentRecord, EnrolmentState, Versioned};
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::operation_key;
use crate::lifecycle::order;
use crate::records::Repository;
use crate::store::StoreError;

/// Where codes, orders and operations at CAs are.
#[derive(Clone, Copy)]
pub(in crate::lifecycle) struct Shelf<'a> {
    pub repository: &'a Repository,
    pub directory: &'a Directory,
    pub journal: &'a Journal,
}

impl Shelf<'_> {
    /// Binds the order, where there is one, and the code to this request.
    ///
    /// # Errors
    /// When one of them is another's, or over.
    pub(super) async fn bind(
        self,
        code: &Sm3Hex,
        request_sm3: Sm3Hex,
        enrolment: &Enrolment,
    ) -> Result<Versioned<EnrolmentRecord>, ApiError> {
        order::begin_download(self, code, request_sm3, enrolment).await?;
        self.bind_code(code, request_sm3, enrolment).await
    }

    /// The order's part is done: binds the code, and looks at the order again. It may have been set free in between, as that of a
    /// phone that went away: then it is taken once more, or, where it is another request's by now, the code is set free for that.
    pub(in crate::lifecycle) async fn bind_code(
        self,
        code: &Sm3Hex,
        request_sm3: Sm3Hex,
        enrolment: &Enrolment,
    ) -> Result<Versioned<EnrolmentRecord>, ApiError> {
        let bytes = Base64(enrolment.to_bytes().map_err(|e| ApiError::new(Kind::Internal, e.to_string()))?);
        let found = self.reserve(code, request_sm3, &bytes).await?;
        match order::begin_download(self, code, request_sm3, enrolment).await {
            Ok(()) => Ok(found),
            Err(refusal) => {
                self.release(code, found).await?;
                Err(refusal)
            }
        }
    }

    /// Binds the code to the first request that brings it.
    async fn reserve(
        self,
        code: &Sm3Hex,
        request_sm3: Sm3Hex,
        enrolment: &Base64,
    ) -> Result<Versioned<EnrolmentRecord>, ApiError> {
        loop {
            let mut found = self.directory.enrolment(code).await.map_err(|error| match error {
                DirectoryError::NotFound(_) => code_not_valid(),
                error => error.into(),
            })?;
            match &found.value.state {
                EnrolmentState::Requested { request_sm3: before, .. } if *before == request_sm3 => {
                    let found = self.without_void_key(code, found).await?;
                    if matches!(found.value.state, EnrolmentState::Requested { .. }) {
                        return Ok(found);
                    }
                }
                EnrolmentState::Requested { request_sm3: before, .. }
                | EnrolmentState::Rejected { request_sm3: before, .. }
                | EnrolmentState::Issued { request_sm3: before, .. } => {
                    return if *before == request_sm3 { Ok(found) } else { Err(code_not_valid()) };
                }
                EnrolmentState::Open if found.value.expires_at <= clock::now() => {
                    return Err(code_not_valid());
                }
                EnrolmentState::Open => {
                    found.value.state = EnrolmentState::Requested {
                        request_sm3,
                        idempotency_key: Uuid::new_v4().to_string(),
                        enrolment: found.value.order.map(|_| enrolment.clone()),
                    };
                    match self.directory.change_enrolment(code, found.version, &found.value).await {
                        Ok(()) | Err(StoreError::Conflict) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }

    /// Sets the code free, if the CA has certainly done nothing: nothing is ever done under the key of this request.
    async fn release(self, code: &Sm3Hex, found: Versioned<EnrolmentRecord>) -> Result<(), ApiError> {
        let EnrolmentState::Requested { idempotency_key, .. } = &found.value.state else { return Ok(()) };
        let key = operation_key(idempotency_key)?;
        if self.journal.abandon(&key, Operation::Issue, clock::now()).await? {
            self.reopen(code, found).await?;
        }
        Ok(())
    }

    /// The enrolment as it is to be gone on with: one whose key was made void, by a broker that died before it set the code free, is
    /// set free now.
    ///
    /// # Errors
    /// When the store fails, or another request is at it.
    pub(in crate::lifecycle) async fn without_void_key(
        self,
        code: &Sm3Hex,
        found: Versioned<EnrolmentRecord>,
    ) -> Result<Versioned<EnrolmentRecord>, ApiError> {
        let EnrolmentState::Requested { idempotency_key, .. } = &found.value.state else { return Ok(found) };
        match self.journal.is_void(&operation_key(idempotency_key)?).await? {
            true => self.reopen(code, found).await,
            false => Ok(found),
        }
    }

    async fn reopen(
        self,
        code: &Sm3Hex,
        found: Versioned<EnrolmentRecord>,
    ) -> Result<Versioned<EnrolmentRecord>, ApiError> {
        let value = EnrolmentRecord { state: EnrolmentState::Open, ..found.value };
        self.directory.change_enrolment(code, found.version, &value).await?;
        Ok(Versioned { version: found.version + 1, value })
    }
}

impl crate::broker::Broker {
    pub(in crate::lifecycle) fn shelf(&self) -> Shelf<'_> {
        Shelf {
            repository: &self.repository,
            directory: &self.directory,
            journal: self.authorities.journal(),
        }
    }
}
