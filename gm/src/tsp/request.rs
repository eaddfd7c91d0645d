//! What a client asks.

use const_oid::ObjectIdentifier;
use der::{Any, Decode, Encode, Sequence, asn1::Uint};

use super::{Error, MessageImprint, imprint::ImprintFields};
use crate::{Error as Primitive, error::require_canonical};

const STRUCTURE: &str = "TimeStampReq";
/// Longest nonce that is read; RFC 3161 speaks of 64 bits and sets no end.
const MAX_NONCE: usize = 64;

/// ```text
/// TimeStampReq ::= SEQUENCE {                             -- RFC 3161, 2.4.1
///   version         INTEGER { v1(1) },
///   messageImprint  MessageImprint,
///   reqPolicy       OBJECT IDENTIFIER OPTIONAL,
///   nonce           INTEGER OPTIONAL,
///   certReq         BOOLEAN DEFAULT FALSE,
///   extensions  [0] IMPLICIT Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
struct Fields {
    version: u8,
    imprint: ImprintFields,
    policy: Option<ObjectIdentifier>,
    nonce: Option<Uint>,
    #[asn1(default = "Default::default")]
    certificate_requested: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    extensions: Option<Vec<Any>>,
}

/// A request for a time stamp.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TimeStampRequest {
    der: Vec<u8>,
    imprint: MessageImprint,
    policy: Option<ObjectIdentifier>,
    nonce: Option<Vec<u8>>,
    certificate_requested: bool,
}

impl TimeStampRequest {
    /// Asks for a stamp of `imprint`, under a policy or whichever the authority has; with a nonce ([`generate_nonce`]),
    /// the token must repeat it; `certificate_requested` has the token carry the authority's certificate.
    ///
    /// # Errors
    /// [`Error::Primitive`] for a nonce of more than 64 bytes or none at all.
    pub fn build(
        imprint: &MessageImprint,
        policy: Option<ObjectIdentifier>,
        nonce: Option<&[u8]>,
        certificate_requested: bool,
    ) -> Result<Self, Error> {
        let encode = |imprint| {
            let nonce = nonce.map(Uint::new).transpose()?;
            Fields { version: 1, imprint, policy, nonce, certificate_requested, extensions: None }.to_der()
        };
        Self::from_der(&encode(imprint.to_fields()?).map_err(Primitive::encoding(STRUCTURE))?)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`Error::Primitive`] for anything but one DER structure, another version, or a nonce of more than 64 bytes;
    /// [`Error::ImprintHash`], [`Error::Extension`]. [`Error::failure`] says what to answer.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let fields = Fields::from_der(der).map_err(Primitive::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &fields, der)?;
        if fields.version != 1 {
            return Err(Primitive::Invalid { structure: STRUCTURE, reason: "version must be v1" }.into());
        }
        if fields.extensions.is_some() {
            return Err(Error::Extension);
        }
        Ok(Self {
            der: der.to_vec(),
            imprint: MessageImprint::from_fields(&fields.imprint)?,
            policy: fields.policy,
            nonce: read_nonce(STRUCTURE, fields.nonce.as_ref())?,
            certificate_requested: fields.certificate_requested,
        })
    }

    /// The DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What is to be stamped.
    pub fn imprint(&self) -> &MessageImprint {
        &self.imprint
    }

    /// The policy under which; `None` leaves it to the authority.
    pub fn policy(&self) -> Option<ObjectIdentifier> {
        self.policy
    }

    /// The number to repeat, big-endian without leading zeros.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// Whether the token shall carry the authority's certificate.
    pub fn certificate_requested(&self) -> bool {
        self.certificate_requested
    }
}

/// A nonce of 16 random bytes, the first of them not zero, so that it reads back as it is.
///
/// # Errors
/// [`Error::Primitive`] when there is no randomness.
pub fn generate_nonce() -> Result<[u8; 16], Error> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(Primitive::from)?;
    nonce[0] |= 1;
    Ok(nonce)
}

pub(super) fn read_nonce(structure: &'static str, nonce: Option<&Uint>) -> Result<Option<Vec<u8>>, Error> {
    let Some(nonce) = nonce else { return Ok(None) };
    let bytes = nonce.as_bytes();
    if bytes.len() > MAX_NONCE {
        let reason = "the nonce must be a number of at most 64 bytes";
        return Err(Primitive::Invalid { structure, reason }.into());
    }
    Ok(Some(bytes.to_vec()))
}
