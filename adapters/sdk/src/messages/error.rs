//! Why an adapter did not do it.

use std::fmt;

use serde::{Deserialize, Serialize};
use yinqiao_ca_abi::status;

use super::document::{DocumentError, Operation};

/// A class decides what the broker does; code and text are the vendor's, for operators.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{class}: {text}")]
pub struct AdapterError {
    /// What it means for the broker.
    pub class: ErrorClass,
    /// The CA's own code.
    pub vendor_code: Option<String>,
    /// The CA's own text, without secrets and personal data.
    pub text: String,
    /// Not before so many milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl AdapterError {
    /// An error without a vendor's code.
    pub fn new(class: ErrorClass, text: impl Into<String>) -> Self {
        Self { class, vendor_code: None, text: text.into(), retry_after_ms: None }
    }

    /// Nothing was done; the request will never work.
    pub fn permanent(text: impl Into<String>) -> Self {
        Self::new(ErrorClass::Permanent, text)
    }

    /// Nothing was done; the CA or the plugin is out of order.
    pub fn unhealthy(text: impl Into<String>) -> Self {
        Self::new(ErrorClass::Unhealthy, text)
    }

    /// The CA may have acted.
    pub fn unknown_outcome(text: impl Into<String>) -> Self {
        Self::new(ErrorClass::UnknownOutcome, text)
    }

    /// The operation is not offered.
    #[must_use]
    pub fn not_supported(operation: Operation) -> Self {
        Self::new(ErrorClass::NotSupported, format!("this CA does not offer the operation {operation}"))
    }

    /// With the CA's own code.
    #[must_use]
    pub fn with_vendor_code(mut self, code: impl Into<String>) -> Self {
        self.vendor_code = Some(code.into());
        self
    }

    /// From what crossed the boundary. A status that the contract does not know counts as `unknown`.
    #[must_use]
    pub fn from_status(status: i32, document: &[u8], unknown: ErrorClass) -> Self {
        let class = ErrorClass::from_status(status).unwrap_or(unknown);
        let document: ErrorDocument = serde_json::from_slice(document).unwrap_or_default();
        let text = document.text.unwrap_or_else(|| match ErrorClass::from_status(status) {
            Some(_) => "the adapter gave no text".to_owned(),
            None => format!("the adapter returned the status {status}, which the contract does not know"),
        });
        Self { class, vendor_code: document.vendor_code, text, retry_after_ms: document.retry_after_ms }
    }

    /// The document beside the status.
    #[must_use]
    pub fn to_document(&self) -> ErrorDocument {
        ErrorDocument {
            vendor_code: self.vendor_code.clone(),
            text: Some(self.text.clone()),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl From<DocumentError> for AdapterError {
    fn from(error: DocumentError) -> Self {
        Self::permanent(error.to_string())
    }
}

/// What an error means for the broker.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// Nothing was done; the CA refused the credentials.
    Authentication,
    /// Nothing was done; quota, rate or size.
    Limit,
    /// Not offered.
    NotSupported,
    /// Nothing was done; the request will never work.
    Permanent,
    /// Nothing was done; the same call may work later.
    Retryable,
    /// Nothing was done; the CA or the plugin is out of order.
    Unhealthy,
    /// The CA may have acted: look up, never submit again blindly.
    UnknownOutcome,
}

impl ErrorClass {
    /// The header's number.
    #[must_use]
    pub const fn status(self) -> i32 {
        match self {
            Self::Authentication => status::CA_AUTHENTICATION,
            Self::Limit => status::CA_LIMIT,
            Self::NotSupported => status::CA_NOT_SUPPORTED,
            Self::Permanent => status::CA_PERMANENT,
            Self::Retryable => status::CA_RETRYABLE,
            Self::Unhealthy => status::CA_UNHEALTHY,
            Self::UnknownOutcome => status::CA_UNKNOWN_OUTCOME,
        }
    }

    /// The class of a header's number; `None` for `CA_OK`, `CA_PENDING` and numbers that mean nothing.
    #[must_use]
    pub const fn from_status(status: i32) -> Option<Self> {
        Some(match status {
            status::CA_AUTHENTICATION => Self::Authentication,
            status::CA_LIMIT => Self::Limit,
            status::CA_NOT_SUPPORTED => Self::NotSupported,
            status::CA_PERMANENT => Self::Permanent,
            status::CA_RETRYABLE => Self::Retryable,
            status::CA_UNHEALTHY => Self::Unhealthy,
            status::CA_UNKNOWN_OUTCOME => Self::UnknownOutcome,
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => "authentication",
            Self::Limit => "limit",
            Self::NotSupported => "not supported",
            Self::Permanent => "permanent",
            Self::Retryable => "retryable",
            Self::Unhealthy => "unhealthy",
            Self::UnknownOutcome => "unknown outcome",
        })
    }
}

/// The document beside an error status.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorDocument {
    /// The CA's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_code: Option<String>,
    /// The CA's own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Not before so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}
