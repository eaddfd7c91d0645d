//! The JSON Schema of the configuration, which the adapter describes itself with.

use serde_json::{Value, json};

/// The schema, each member with its meaning.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["url", "directory", "protection", "ca_certificates", "profiles"],
        "properties": {
            "url": {
                "type": "string", "format": "uri", "pattern": "^https?://",
                "description": "the CMP server with its path, such as http://ca.example/.well-known/cmp",
            },
            "directory": {
                "type": "string",
                "description": "the journal of transactions, an absolute path; made when it is missing, never to be deleted",
            },
            "protection": {"oneOf": [mac(), signature()]},
            "trusted_certificates": {
                "type": "string",
                "description": "PEM: the server's own certificate, or root and intermediate CAs above it; for protection by signature",
            },
            "server_name": {
                "type": "string",
                "description": "the subject of the server's certificate, as in CN=CMP,O=CA,C=CN; without it the certificate must itself be among trusted_certificates or be marked id-kp-cmcCA or id-kp-cmcRA",
            },
            "recipient": {
                "type": "string", "description": "the recipient in headers; absent: the issuing CA's name",
            },
            "ca_certificates": {
                "type": "string",
                "description": "PEM: the issuing CA first, then what leads to the root, the root included; issued certificates must lead to it",
            },
            "tls_trusted_certificates": {
                "type": "string",
                "description": "PEM: roots for an https url; absent: the web's public CAs",
            },
            "profiles": {
                "type": "object", "minProperties": 1,
                "additionalProperties": profile(&["ir", "cr", "p10cr"]),
                "description": "by product; a request without a product takes \"person\" or \"enterprise\" by its holder, else \"default\"",
            },
            "update": profile(&["kur", "p10cr"]),
            "suspension": {
                "type": "boolean", "default": false,
                "description": "the CA takes revocation requests with certificateHold and removeFromCRL",
            },
            "implicit_confirmation": {
                "type": "boolean", "default": false,
                "description": "ask the CA to do without certConf; a wrong certificate can then not be rejected",
            },
            "accept_unprotected_errors": {
                "type": "boolean", "default": false,
                "description": "believe rejections that are not protected; anybody on the way can then forge one",
            },
            "crl": {
                "enum": ["none", "status_list", "current"], "default": "none",
                "description": "how the revocation list is asked for: id-it-crlStatusList or id-it-currentCRL",
            },
            "ask_ca_certificates": {
                "type": "boolean", "default": false, "description": "ask for id-it-caCerts beside the configured ones",
            },
            "ask_root_update": {
                "type": "boolean", "default": false, "description": "ask for id-it-rootCaCert: the next root",
            },
            "health": {
                "enum": ["general_message", "local"], "default": "general_message",
                "description": "whether the health check asks the CA or only looks at journal and credentials",
            },
            "message_timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 600, "default": 30},
            "reply_limit_kib": {"type": "integer", "minimum": 16, "maximum": 65_536, "default": 1024},
            "time_tolerance_seconds": {
                "type": "integer", "minimum": 1, "maximum": 86_400, "default": 300,
                "description": "how far the CA's clock may be off",
            },
            "poll": {
                "type": "object", "additionalProperties": false,
                "properties": {
                    "shortest_seconds": {"type": "integer", "minimum": 0, "maximum": 86_400, "default": 5},
                    "longest_seconds": {"type": "integer", "minimum": 1, "maximum": 604_800, "default": 3600},
                    "give_up_hours": {"type": "integer", "minimum": 1, "maximum": 8_760, "default": 720},
                },
                "description": "bounds of the CA's checkAfter, and when a waiting request is told to expire",
            },
        },
    })
}

fn mac() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind"],
        "properties": {
            "kind": {"const": "mac"},
            "algorithm": {"enum": ["password_based_mac", "pbmac1"], "default": "password_based_mac"},
            "hash": {"enum": ["sha256", "sha384", "sha512", "sm3"], "default": "sha256"},
            "iterations": {"type": "integer", "minimum": 100, "maximum": 100_000, "default": 10_000},
            "sender": {"type": "string", "description": "the sender in headers; absent: the empty name"},
            "reference": {"type": "string", "description": "names the secret to the CA: senderKID"},
        },
    })
}

fn signature() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "certificates"],
        "properties": {
            "kind": {"const": "signature"},
            "certificates": {
                "type": "string",
                "description": "PEM: the registration authority's certificate first, then its chain",
            },
        },
    })
}

fn profile(requests: &[&str]) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["request"],
        "properties": {
            "request": {"enum": requests, "description": "which message asks for the certificate"},
            "certificate_profile": {"type": "string", "description": "the CA's name of its profile: id-it-certProfile"},
            "subject": {
                "type": "array", "minItems": 1,
                "items": {
                    "type": "object", "additionalProperties": false, "required": ["attribute"],
                    "properties": {
                        "attribute": {
                            "enum": ["C", "ST", "L", "O", "OU", "CN", "serialNumber", "organizationIdentifier"],
                        },
                        "text": {"type": "string"},
                        "from": {"enum": ["name", "organization", "identity_code", "unified_social_credit_code"]},
                    },
                },
                "description": "from general to specific; absent: O=organization, CN=name. A part whose member the holder lacks is left out",
            },
            "identity_code_extension": {
                "type": "boolean", "default": false,
                "description": "ask for the extension 1.2.156.10260.4.1.1 (GM/T 0015) with the holder's identity code",
            },
            "ca_validity": {
                "type": "boolean", "default": false,
                "description": "leave the validity to the CA; a p10cr needs it, since it cannot carry one",
            },
            "check_holder": {
                "type": "boolean", "default": true,
                "description": "refuse a certificate whose subject does not hold the holder's name",
            },
        },
    })
}
