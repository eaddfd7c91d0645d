//! Signed and enveloped messages: GM/T 0010-2012 (GB/T 35275-2017) and RFC 5652.
//!
//! Both standards share their structures; they differ in the arc of their object identifiers
//! ([`Arc`]). Yinqiao writes the arc that the relying party asks for and reads both.
//!
//! - [`SignedAttributes`]: the bytes a holder signs, built by whoever asks and parsed by whoever
//!   signs, so that a phone signs what it has read.
//! - [`assemble_detached`], [`SignedData`]: a signature beside its document.
//! - [`EnvelopedData`]: a small message for one or more recipients, in memory.
//! - [`EnvelopedDataWriter`], [`EnvelopedDataReader`]: the same bytes for documents of any size,
//!   in constant memory.
//!
//! Everything is read strictly: DER, no trailing bytes, known algorithms only. Two liberties are
//! taken because the software in use takes them: the elements of a `SET OF` may stand in any order
//! outside the signed attributes, and the outer layers of an enveloped message may have BER's
//! indefinite length.

mod arc;
mod assemble;
mod envelope_header;
mod envelope_reader;
mod envelope_writer;
mod enveloped_data;
mod error;
mod framing;
mod party;
mod recipient;
mod set;
mod signed_attributes;
mod signed_data;
mod signer_info;
mod verify;

pub use arc::{Arc, ContentKind};
pub use assemble::{
    UnsignedAttribute, assemble_attached, assemble_detached, assemble_detached_with_unsigned,
};
pub use envelope_reader::EnvelopedDataReader;
pub use envelope_writer::EnvelopedDataWriter;
pub use enveloped_data::EnvelopedData;
pub use error::{Error, SignerError};
pub use party::{IssuerAndSerialNumber, PartyId};
pub use recipient::Recipient;
pub use signed_attributes::SignedAttributes;
pub use signed_data::SignedData;
pub use verify::{Content, VerifiedSigner};

pub(crate) use set::SetOf;
pub(crate) use signed_attributes::{Attribute, single_value};
pub(crate) use signed_data::{EncapsulatedContentInfo, SignedContentInfo, SignedDataBody};
pub(crate) use signer_info::SignerInfo;
pub(crate) use verify::signed_bytes;
