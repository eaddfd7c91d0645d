//! Certificates, requests and revocation lists (RFC 5280, RFC 2986, GM/T 0015).
//!
//! What is made here has an SM2 key and an SM2-with-SM3 signature under the default signer's ID, and so has what
//! [`Certificate`] reads. Other CAs' certificates are [`AnyCertificate`]s: they may also have RSA or ECDSA keys and
//! signatures, which can be verified and not made. Names are compared by their DER: RFC 5280, 4.1.2.6 has a CA's name
//! encoded in the certificates that it issues as in its own.

mod any_certificate;
mod builder;
mod certificate;
pub mod chain;
mod extension;
mod identity_code;
mod location;
mod name;
mod name_constraints;
mod public_key;
mod request;
mod revocation_list;
mod serial_number;
mod signature_algorithm;
pub(crate) mod signed;
#[cfg(test)]
mod tests;
pub(crate) mod time;

pub use any_certificate::{AnyCertificate, IssuerAndSerial};
pub use builder::{CertificateBuilder, Profile};
pub use certificate::Certificate;
pub use extension::{BasicConstraints, KeyUsage};
pub use identity_code::IdentityCode;
pub use location::AccessLocations;
pub use name::{DistinguishedName, DistinguishedNameBuilder};
pub use public_key::{EcdsaPublicKey, PublicKey, RsaPublicKey};
pub use request::CertificateRequest;
pub use revocation_list::{
    AnyRevocationList, CertificateRevocationList, CombinedList, Covered, RevocationListBuilder,
    RevocationReason, RevokedEntry, Scope,
};
pub use serial_number::SerialNumber;
pub use signature_algorithm::SignatureAlgorithm;
