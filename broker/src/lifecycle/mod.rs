//! The life of certificates and seals around the sessions.

use yinqiao_ca_sdk::messages::IdempotencyKey;

use crate::http::problem::{ApiError, Kind};

pub mod cascade;
pub mod certificate;
pub mod enrolment;
pub mod job;
pub mod order;
pub mod recovery;
pub mod reminder;
pub mod retention;
pub mod revocation;
pub mod seal;
pub mod supervisor;

/// What a CA knows an operation by.
fn operation_key(text: impl Into<String>) -> Result<IdempotencyKey, ApiError> {
    IdempotencyKey::try_from(text.into()).map_err(|error| ApiError::new(Kind::Internal, error.to_string()))
}
