//! A client of any certificate authority that speaks CMP, as a plugin: version 2 and 3 of the protocol (RFC 9810) in
//! the lightweight profile (RFC 9483), requests in CRMF (RFC 4211) or PKCS#10, over HTTP (RFC 9811).
//!
//! | module | what |
//! | --- | --- |
//! | `adapter` | what the plugin offers |
//! | `configuration` | what the operator sets, and its schema |
//! | `change` | a transaction's states, from the idempotency key to the reply |
//! | `enrol`, `certificate` | asking for a certificate; examining, confirming or rejecting it |
//! | `revoke`, `general` | revocation and suspension; questions that change nothing |
//! | `dialogue` | one message and its answer, with every check |
//! | `protection` | MAC and signature; who may have made the answer's |
//! | `http` | the transfer, and whether the CA can have seen a request that failed |
//! | `journal` | what was begun, sent, put off, granted and finished, in files |
//! | `fault` | from a CA's refusal to the contract's classes |
//! | `asn1`, `x509`, `hash` | the formats |
//!
//! README.md says how to configure it.

mod adapter;
mod asn1;
mod certificate;
mod change;
mod configuration;
mod dialogue;
mod enrol;
mod fault;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod general;
mod hash;
mod http;
mod journal;
mod protection;
mod revoke;
mod x509;

pub use adapter::{CmpClient, Instance};
pub use configuration::{MAC_SECRET, RA_KEY};

yinqiao_ca_sdk::export_adapter!(CmpClient);

#[cfg(test)]
mod tests;
