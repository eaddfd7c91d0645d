//! What a reply means: the adapter's word, held to the contract, and its errors, without the secrets it was given.

use serde::de::DeserializeOwned;
use yinqiao_ca_abi::status;
use yinqiao_ca_sdk::messages::{AdapterError, ErrorClass};
use yinqiao_ca_sdk::{Operation, Reply};

use super::call::Submitted;
use super::connection::RawReply;
use super::shared::Shared;
use crate::nesting::{DEPTH_LIMIT, nesting_is_within};

/// What a reply to submit or poll means.
pub(super) fn submitted(
    shared: &Shared,
    operation: Operation,
    raw: RawReply,
) -> Result<Submitted, AdapterError> {
    let unknown = if operation.changes() { ErrorClass::UnknownOutcome } else { ErrorClass::Unhealthy };
    let RawReply { status, document } = raw;
    match status {
        status::CA_OK => {
            within_depth(&document, unknown).and_then(|()| match Reply::parse(operation, &document) {
                Ok(reply) => Ok(Submitted::Done { reply: Box::new(reply), document }),
                Err(error) => Err(AdapterError::new(unknown, error.to_string())),
            })
        }
        status::CA_PENDING => read(&document, unknown).map(Submitted::Pending),
        status => Err(vendors(shared, status, &document, unknown)),
    }
}

/// What a reply to the other functions means.
pub(super) fn answered<T: DeserializeOwned>(shared: &Shared, raw: RawReply) -> Result<T, AdapterError> {
    match raw.status {
        status::CA_OK => read(&raw.document, ErrorClass::Unhealthy),
        status => Err(vendors(shared, status, &raw.document, ErrorClass::Unhealthy)),
    }
}

/// The adapter's error, with the secrets it was given masked.
fn vendors(shared: &Shared, status: i32, document: &[u8], unknown: ErrorClass) -> AdapterError {
    let mut error = AdapterError::from_status(status, document, unknown);
    error.text = shared.output.masked(&error.text);
    error.vendor_code = error.vendor_code.map(|code| shared.output.masked(&code));
    error
}

fn read<T: DeserializeOwned>(document: &[u8], unknown: ErrorClass) -> Result<T, AdapterError> {
    within_depth(document, unknown)?;
    serde_json::from_slice(document)
        .map_err(|error| AdapterError::new(unknown, format!("the adapter's reply is not valid: {error}")))
}

fn within_depth(document: &[u8], unknown: ErrorClass) -> Result<(), AdapterError> {
    if nesting_is_within(document, DEPTH_LIMIT) {
        return Ok(());
    }
    Err(AdapterError::new(unknown, format!("the adapter's reply is nested more than {DEPTH_LIMIT} deep")))
}
