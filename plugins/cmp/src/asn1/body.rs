//! `PKIBody`: a CHOICE of 27 explicitly tagged contents.

use der::asn1::AnyRef;
use der::{Decode, Encode, Tag, TagNumber, Tagged};

/// The tags of `PKIBody` (RFC 9810, 5.1.2) that a client sends or reads.
pub(crate) mod tag {
    pub(crate) const IR: u32 = 0;
    pub(crate) const IP: u32 = 1;
    pub(crate) const CR: u32 = 2;
    pub(crate) const CP: u32 = 3;
    pub(crate) const P10CR: u32 = 4;
    pub(crate) const KUR: u32 = 7;
    pub(crate) const KUP: u32 = 8;
    pub(crate) const RR: u32 = 11;
    pub(crate) const RP: u32 = 12;
    pub(crate) const PKICONF: u32 = 19;
    pub(crate) const GENM: u32 = 21;
    pub(crate) const GENP: u32 = 22;
    pub(crate) const ERROR: u32 = 23;
    pub(crate) const CERT_CONF: u32 = 24;
    pub(crate) const POLL_REQ: u32 = 25;
    pub(crate) const POLL_REP: u32 = 26;
}

/// What a body is called in errors.
pub(crate) const fn body_name(number: u32) -> &'static str {
    match number {
        tag::IR => "ir",
        tag::IP => "ip",
        tag::CR => "cr",
        tag::CP => "cp",
        tag::P10CR => "p10cr",
        tag::KUR => "kur",
        tag::KUP => "kup",
        tag::RR => "rr",
        tag::RP => "rp",
        tag::PKICONF => "pkiconf",
        tag::GENM => "genm",
        tag::GENP => "genp",
        tag::ERROR => "error",
        tag::CERT_CONF => "certConf",
        tag::POLL_REQ => "pollReq",
        tag::POLL_REP => "pollRep",
        _ => "a body that no client expects",
    }
}

/// A body: its tag and the DER inside.
///
/// ```text
/// PKIBody ::= CHOICE { ir [0] CertReqMessages, ip [1] CertRepMessage, ... pollRep [26] PollRepContent }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Body {
    pub(crate) number: u32,
    pub(crate) content: Vec<u8>,
}

impl Body {
    /// A body with this content.
    pub(crate) fn new(number: u32, content: &impl Encode) -> der::Result<Self> {
        Ok(Self { number, content: content.to_der()? })
    }

    /// The DER of the CHOICE.
    pub(crate) fn to_der(&self) -> der::Result<Vec<u8>> {
        explicit(self.number, &self.content)
    }

    /// Reads the CHOICE.
    pub(crate) fn from_any(any: AnyRef<'_>) -> der::Result<Self> {
        match any.tag() {
            Tag::ContextSpecific { constructed: true, number } => {
                Ok(Self { number: number.value(), content: any.value().to_vec() })
            }
            other => Err(other.unexpected_error(None).into()),
        }
    }

    /// Reads the content.
    pub(crate) fn read<'a, T: Decode<'a, Error = der::Error>>(&'a self) -> der::Result<T> {
        T::from_der(&self.content)
    }
}

/// `[number] EXPLICIT` around a DER value.
pub(crate) fn explicit(number: u32, der: &[u8]) -> der::Result<Vec<u8>> {
    AnyRef::new(Tag::ContextSpecific { constructed: true, number: TagNumber(number) }, der)?.to_der()
}

/// A SEQUENCE around DER values.
pub(crate) fn sequence(parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    AnyRef::new(Tag::Sequence, &parts.concat())?.to_der()
}
