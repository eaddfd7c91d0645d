//! Electronic seals and seal signatures: GB/T 38540-2020 and its relatives.
//!
//! | [`SealVersion`] | standard | here |
//! | --- | --- | --- |
//! | `Gmt0031V1` | GM/T 0031-2014 | read, verified |
//! | `Gbt38540V4` | GB/T 38540-2020 | made, read, verified |
//! | `Gmt0031V5` | GM/T 0031-2025 | read, verified; signatures with such a seal are made too |
//!
//! A seal ([`SesSeal`]) is a picture with a list of those who may use it, signed by its maker. A seal
//! signature ([`SesSignature`]) binds a seal to a document's digest, signed by one of those.
//!
//! - [`SealDescription`], [`assemble_seal`], [`make_seal`]: making a seal.
//! - [`TbsSign`]: the bytes a holder signs, built by whoever asks and parsed by whoever signs.
//! - [`assemble_signature`]: the seal signature out of these bytes and the signature over them.
//! - [`verify_signature`]: every check of GB/T 38540, each with its own result.
//!
//! Everything is read strictly: DER, no trailing bytes, SM2 with SM3 only.

mod error;
mod legacy;
mod maker;
mod report;
mod ses_seal;
mod ses_signature;
mod structure;
mod tbs_sign;
mod verify;

pub use error::Error;
pub use maker::{SealDescription, assemble_seal, make_seal};
pub use report::{Check, CheckResult, Failure, Outcome, SealReport};
pub use ses_seal::{CertificateDigest, Extension, Picture, SealVersion, SesSeal, SignerList};
pub use ses_signature::{SesSignature, assemble_signature};
pub use tbs_sign::TbsSign;
pub use verify::{CertificateStatus, StatusCallback, VerifyPolicy, verify_der, verify_signature};
