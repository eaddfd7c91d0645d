//! A complete software certificate authority with key management, as a plugin: the embedded default.
//!
//! A root, an issuing CA, a seal maker, an OCSP responder and a timestamp authority are made at the first open; their
//! keys, and the encryption keys that are kept for recovery, lie encrypted in files of mode 0600. Every change is one file
//! that is there whole or not at all, so that a kill at any instant loses nothing that was answered and leaves nothing
//! half-done. What needs a person waits in `reviews/` for operators, who decide with the command line [`cli`].
//!
//! ```text
//! DIRECTORY/
//!   authority.json         certificates and encrypted keys of root, issuing CA and seal maker
//!   ocsp.json              those of the OCSP responder
//!   timestamp.json         those of the timestamp authority
//!   vault.json             which master key the keys are encrypted under
//!   operators.json         the operators of the configuration, for the command line to see
//!   crl.json               the last revocation list, its number and its delta
//!   operations/            one record per idempotency key: request's digest, reply, escrowed key, consents
//!   reviews/               per token: what operators are to decide
//!   decisions/             per token and operator: a signed decision
//!   certificates/          per serial number: the operation that issued it, its role, its partner
//!   revocations/           per serial number: since when and why it is revoked or held
//!   seals/                 per seal id: the operation that made it
//!   seal-revocations/      per seal id: since when
//!   locks/                 files to lock, without content
//!   tmp/                   files that are being written
//! ```
//!
//! Configuration: [`Configuration`]. Secret: [`MASTER_KEY`]. Several processes may work in one directory at once.

mod adapter;
mod authority;
pub mod cli;
mod configuration;
mod delegate;
mod issue;
mod key_pair;
mod keyring;
mod ocsp;
mod operation;
mod record;
mod register;
mod rekeying;
mod review;
mod revocation;
mod revocation_list;
mod roster;
mod seal;
mod store;
mod subject;
mod timestamp;
mod vault;

pub use adapter::{Instance, SoftwareCa};
pub use configuration::{
    AttributeType, CertificateProfile, Certificates, Configuration, HolderClass, SubjectAttribute,
};
pub use vault::MASTER_KEY;

yinqiao_ca_sdk::export_adapter!(SoftwareCa);

#[cfg(test)]
mod tests;
