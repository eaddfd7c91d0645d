//! What an authority states.

use const_oid::ObjectIdentifier;
use der::{Any, Decode, Encode, Sequence, asn1::Uint};
use x509_cert::ext::{Extension, pkix::name::GeneralName};

use super::{Error, MessageImprint, PreciseTime, imprint::ImprintFields, request::read_nonce};
use crate::{
    Error as Primitive,
    error::require_canonical,
    x509::{DistinguishedName, SerialNumber},
};

const STRUCTURE: &str = "TSTInfo";

/// ```text
/// TSTInfo ::= SEQUENCE {                                  -- RFC 3161, 2.4.2
///   version         INTEGER { v1(1) },
///   policy          OBJECT IDENTIFIER,
///   messageImprint  MessageImprint,
///   serialNumber    INTEGER,
///   genTime         GeneralizedTime,
///   accuracy        Accuracy OPTIONAL,
///   ordering        BOOLEAN DEFAULT FALSE,
///   nonce           INTEGER OPTIONAL,
///   tsa         [0] EXPLICIT GeneralName OPTIONAL,
///   extensions  [1] IMPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TstInfo {
    /// The policy under which the authority stamps.
    pub policy: ObjectIdentifier,
    /// What is stamped.
    pub imprint: MessageImprint,
    /// The stamp's number, each given once by an authority.
    pub serial: SerialNumber,
    /// When.
    pub time: PreciseTime,
    /// How far that may be off; `None` when the authority doesn't say.
    pub accuracy: Option<Accuracy>,
    /// Whether stamps of this authority can be put in order by their times alone.
    pub ordering: bool,
    /// The request's number, big-endian.
    pub nonce: Option<Vec<u8>>,
    /// The authority's name, when it says.
    pub authority: Option<DistinguishedName>,
}

/// ```text
/// Accuracy ::= SEQUENCE {                                 -- RFC 3161, 2.4.2
///   seconds     INTEGER OPTIONAL,
///   millis  [0] IMPLICIT INTEGER (1..999) OPTIONAL,
///   micros  [1] IMPLICIT INTEGER (1..999) OPTIONAL }
/// ```
///
/// A part that is zero is left out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Accuracy {
    /// Whole seconds.
    pub seconds: u32,
    /// Thousandths more, below a thousand.
    pub millis: u16,
    /// Millionths more, below a thousand.
    pub micros: u16,
}

#[derive(Sequence)]
struct Fields {
    version: u8,
    policy: ObjectIdentifier,
    imprint: ImprintFields,
    serial: Uint,
    time: Any,
    accuracy: Option<AccuracyFields>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    nonce: Option<Uint>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    authority: Option<GeneralName>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct AccuracyFields {
    seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    micros: Option<u16>,
}

impl TstInfo {
    pub(super) fn from_der(der: &[u8]) -> Result<Self, Error> {
        let fields = Fields::from_der(der).map_err(Primitive::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &fields, der)?;
        let invalid = |reason| Primitive::Invalid { structure: STRUCTURE, reason };
        if fields.version != 1 {
            return Err(invalid("version must be v1").into());
        }
        if fields.extensions.iter().flatten().any(|extension| extension.critical) {
            return Err(invalid("has a critical extension that is not understood").into());
        }
        let authority = match fields.authority {
            Some(GeneralName::DirectoryName(name)) => {
                Some(DistinguishedName::from_der(&name.to_der().map_err(Primitive::encoding("Name"))?)?)
            }
            _ => None,
        };
        Ok(Self {
            policy: fields.policy,
            imprint: MessageImprint::from_fields(&fields.imprint)?,
            serial: SerialNumber::from_bytes(fields.serial.as_bytes())?,
            time: PreciseTime::from_any(&fields.time)?,
            accuracy: fields.accuracy.map(Accuracy::from_fields).transpose()?,
            ordering: fields.ordering,
            nonce: read_nonce(STRUCTURE, fields.nonce.as_ref())?,
            authority,
        })
    }

    pub(super) fn to_der(&self) -> Result<Vec<u8>, Error> {
        let (imprint, time) = (self.imprint.to_fields()?, self.time.to_any()?);
        let accuracy = self.accuracy.map(Accuracy::to_fields).transpose()?;
        let encode = || {
            let name = |name: &DistinguishedName| {
                x509_cert::name::Name::from_der(name.as_der()).map(GeneralName::DirectoryName)
            };
            let fields = Fields {
                version: 1,
                policy: self.policy,
                imprint,
                serial: Uint::new(self.serial.as_bytes())?,
                time,
                accuracy,
                ordering: self.ordering,
                nonce: self.nonce.as_deref().map(Uint::new).transpose()?,
                authority: self.authority.as_ref().map(name).transpose()?,
                extensions: None,
            };
            fields.to_der()
        };
        Ok(encode().map_err(Primitive::encoding(STRUCTURE))?)
    }
}

impl Accuracy {
    fn from_fields(fields: AccuracyFields) -> Result<Self, Error> {
        let parts = [fields.millis, fields.micros];
        if parts.iter().flatten().any(|part| !(1..=999).contains(part)) {
            return Err(OUT_OF_RANGE.into());
        }
        let [millis, micros] = parts.map(Option::unwrap_or_default);
        Ok(Self { seconds: fields.seconds.unwrap_or_default(), millis, micros })
    }

    fn to_fields(self) -> Result<AccuracyFields, Error> {
        if self.millis > 999 || self.micros > 999 {
            return Err(OUT_OF_RANGE.into());
        }
        Ok(AccuracyFields {
            seconds: Some(self.seconds).filter(|seconds| *seconds > 0),
            millis: Some(self.millis).filter(|millis| *millis > 0),
            micros: Some(self.micros).filter(|micros| *micros > 0),
        })
    }
}

const OUT_OF_RANGE: Primitive = Primitive::Invalid {
    structure: "Accuracy",
    reason: "millis and micros must be 1 to 999 where they stand",
};
