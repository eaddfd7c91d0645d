//! Certificates, requests and revocation lists with SM2 keys and SM2-with-SM3 signatures (RFC 5280, RFC 2986,
//! GM/T 0015).
//!
//! Everything read here has an SM2 public key and is signed under the default signer's ID. Names are compared by
//! their DER: RFC 5280, 4.1.2.6 has a CA's name encoded in the certificates that it issues as in its own.

mod builder;
mod certificate;
pub mod chain;
mod extension;
mod identity_code;
mod name;
mod request;
mod revocation_list;
mod serial_number;
mod signed;
#[cfg(test)]
mod tests;
mod time;

pub use builder::{CertificateBuilder, Profile};
pub use certificate::{Certificate, IssuerAndSerial};
pub use extension::{BasicConstraints, KeyUsage};
pub use identity_code::IdentityCode;
pub use name::{DistinguishedName, DistinguishedNameBuilder};
pub use request::CertificateRequest;
pub use revocation_list::{CertificateRevocationList, RevocationReason, RevokedEntry};
pub use serial_number::SerialNumber;
