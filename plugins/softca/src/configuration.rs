//! What the operator sets.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};
use yinqiao_ca_sdk::AdapterError;

/// The configuration document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Where everything is kept; an absolute path. Made when it is missing.
    pub directory: PathBuf,
    /// The CA's name, 1 to 40 characters: "NAME Root CA", "NAME CA", "NAME Seal Maker". It cannot be changed later.
    pub name: String,
    /// How long a certificate is valid when the request does not say, in days.
    #[serde(default = "default_validity_days")]
    pub validity_days: u32,
    /// Where the revocation list is published; it becomes part of each certificate.
    #[serde(default)]
    pub crl_url: Option<String>,
    /// From one revocation list to its next update, in hours.
    #[serde(default = "default_crl_hours")]
    pub crl_hours: u32,
    /// For load and fault tests: every issue of a certificate pair sleeps so many milliseconds before its record is
    /// stored, and again before it is answered.
    #[serde(default)]
    pub issue_delay_ms: u64,
}

const fn default_validity_days() -> u32 {
    365
}

const fn default_crl_hours() -> u32 {
    24
}

impl Configuration {
    /// Reads the document.
    ///
    /// # Errors
    /// Permanent, with the member that is wrong.
    pub fn read(document: &Value) -> Result<Self, AdapterError> {
        let configuration = Self::deserialize(document)
            .map_err(|error| AdapterError::permanent(format!("the configuration is not valid: {error}")))?;
        let wrong =
            |what: &str| Err(AdapterError::permanent(format!("the configuration is not valid: {what}")));
        if !configuration.directory.is_absolute() {
            return wrong("directory must be an absolute path");
        }
        if !(1..=40).contains(&configuration.name.chars().count()) {
            return wrong("name must have 1 to 40 characters");
        }
        if !(1..=3650).contains(&configuration.validity_days) {
            return wrong("validity_days must be 1 to 3650");
        }
        if !(1..=720).contains(&configuration.crl_hours) {
            return wrong("crl_hours must be 1 to 720");
        }
        if configuration.issue_delay_ms > 600_000 {
            return wrong("issue_delay_ms must be at most 600000");
        }
        Ok(configuration)
    }

    /// The JSON Schema of the document.
    pub(crate) fn schema() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "required": ["directory", "name"],
            "properties": {
                "directory": {"type": "string", "description": "where everything is kept; an absolute path"},
                "name": {"type": "string", "minLength": 1, "maxLength": 40},
                "validity_days": {"type": "integer", "minimum": 1, "maximum": 3650, "default": 365},
                "crl_url": {"type": "string", "format": "uri"},
                "crl_hours": {"type": "integer", "minimum": 1, "maximum": 720, "default": 24},
                "issue_delay_ms": {
                    "type": "integer", "minimum": 0, "maximum": 600_000, "default": 0,
                    "description": "for load and fault tests",
                },
            },
        })
    }
}
