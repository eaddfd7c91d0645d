//! The JSON Schema of the configuration.

use serde_json::{Value, json};

use super::Configuration;

impl Configuration {
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
                "delta_crl_hours": {"type": "integer", "minimum": 1, "maximum": 720},
                "delta_crl_url": {"type": "string", "format": "uri"},
                "ocsp_url": {"type": "string", "format": "uri"},
                "ocsp_minutes": {"type": "integer", "minimum": 1, "maximum": 10_080, "default": 60},
                "issuer_url": {"type": "string", "format": "uri"},
                "timestamp_policy": object_identifier("2.5.29.32.0"),
                "profiles": {"type": "array", "items": profile(), "default": []},
                "seal_review": {"type": "boolean", "default": false},
                "operators": {"type": "array", "items": operator(), "default": []},
                "recovery_consents": {"type": "integer", "minimum": 2, "default": 2},
                "review_days": {"type": "integer", "minimum": 1, "maximum": 365, "default": 30},
                "issue_delay_ms": {
                    "type": "integer", "minimum": 0, "maximum": 600_000, "default": 0,
                    "description": "for load and fault tests",
                },
            },
        })
    }
}

fn object_identifier(default: &str) -> Value {
    json!({"type": "string", "pattern": "^[0-2](\\.(0|[1-9][0-9]*))+$", "default": default})
}

fn operator() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "public_key"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 60},
            "public_key": {
                "type": "string", "contentEncoding": "base64",
                "description": "SubjectPublicKeyInfo of an SM2 key, DER",
            },
        },
    })
}

fn profile() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
            "text": {"type": "string", "default": ""},
            "holders": {
                "type": "array", "minItems": 1, "items": {"enum": ["person", "legal_person", "enterprise"]},
                "default": ["person", "legal_person", "enterprise"],
            },
            "certificates": {"enum": ["pair", "signing"], "default": "pair"},
            "validity_days": {"type": "integer", "minimum": 1, "maximum": 3650},
            "longest_validity_days": {"type": "integer", "minimum": 1, "maximum": 3650, "default": 3650},
            "policies": {"type": "array", "items": {"type": "string"}, "default": []},
            "extended_key_usages": {"type": "array", "items": {"type": "string"}, "default": []},
            "crl_url": {"type": "string", "format": "uri"},
            "ocsp_url": {"type": "string", "format": "uri"},
            "issuer_url": {"type": "string", "format": "uri"},
            "subject": {
                "type": "array", "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["attribute", "value"],
                    "properties": {
                        "attribute": {"enum": ["C", "O", "OU", "CN", "serialNumber"]},
                        "value": {"type": "string", "minLength": 1},
                    },
                },
            },
            "identity_code": {"type": "boolean", "default": true},
            "review": {"type": "boolean", "default": false},
        },
    })
}
