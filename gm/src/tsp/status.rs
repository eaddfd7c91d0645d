//! Whether an authority gave a token, and if not, why.

use std::fmt;

use der::{Sequence, asn1::BitString};

use super::Error;
use crate::Error as Primitive;

const STRUCTURE: &str = "PKIStatusInfo";

/// ```text
/// PKIStatus ::= INTEGER { ... }                           -- RFC 3161, 2.4.2
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PkiStatus {
    /// 0: the token is there.
    Granted,
    /// 1: the token is there, with changes to what was asked for.
    GrantedWithMods,
    /// 2: there is none.
    Rejection,
    /// 3: the request waits.
    Waiting,
    /// 4: the authority's certificate is about to be revoked.
    RevocationWarning,
    /// 5: it has been.
    RevocationNotification,
}

/// ```text
/// PKIFailureInfo ::= BIT STRING { ... }                   -- RFC 3161, 2.4.2
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FailureInfo {
    /// 0, badAlg: the hash algorithm is unknown or not accepted.
    BadAlgorithm,
    /// 2, badRequest: not permitted or not supported.
    BadRequest,
    /// 5, badDataFormat: the request can't be read.
    BadDataFormat,
    /// 14, timeNotAvailable: the authority's clock is out of order.
    TimeNotAvailable,
    /// 15, unacceptedPolicy.
    UnacceptedPolicy,
    /// 16, unacceptedExtension.
    UnacceptedExtension,
    /// 17, addInfoNotAvailable: something asked for beside the stamp isn't there.
    AdditionalInfoNotAvailable,
    /// 25, systemFailure.
    SystemFailure,
}

/// What an authority says beside the token, or instead of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusInfo {
    /// Whether there is a token.
    pub status: PkiStatus,
    /// What it says in words.
    pub text: Vec<String>,
    /// Why there is none.
    pub failures: Vec<FailureInfo>,
}

/// ```text
/// PKIStatusInfo ::= SEQUENCE {                            -- RFC 3161, 2.4.2
///   status        PKIStatus,
///   statusString  SEQUENCE OF UTF8String OPTIONAL,
///   failInfo      PKIFailureInfo OPTIONAL }
/// ```
#[derive(Sequence)]
pub(super) struct StatusFields {
    status: u8,
    text: Option<Vec<String>>,
    failures: Option<BitString>,
}

impl PkiStatus {
    const ALL: [Self; 6] = [
        Self::Granted,
        Self::GrantedWithMods,
        Self::Rejection,
        Self::Waiting,
        Self::RevocationWarning,
        Self::RevocationNotification,
    ];

    /// Whether a token comes with it.
    pub const fn is_granted(self) -> bool {
        matches!(self, Self::Granted | Self::GrantedWithMods)
    }
}

impl FailureInfo {
    const ALL: [Self; 8] = [
        Self::BadAlgorithm,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AdditionalInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// The number of its bit.
    pub const fn bit(self) -> usize {
        match self {
            Self::BadAlgorithm => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::AdditionalInfoNotAvailable => 17,
            Self::SystemFailure => 25,
        }
    }
}

impl StatusInfo {
    pub(super) fn from_fields(fields: StatusFields) -> Result<Self, Error> {
        let invalid = |reason| Primitive::Invalid { structure: STRUCTURE, reason };
        let status = PkiStatus::ALL.get(usize::from(fields.status));
        let bits = fields.failures.iter().flat_map(BitString::bits).enumerate();
        let bits = bits.filter(|(_, set)| *set).map(|(bit, _)| bit);
        let failure = |bit| FailureInfo::ALL.into_iter().find(|failure| failure.bit() == bit);
        Ok(Self {
            status: *status.ok_or(invalid("status must be 0 to 5"))?,
            text: fields.text.unwrap_or_default(),
            failures: bits
                .map(|bit| failure(bit).ok_or(invalid("failInfo has a bit that RFC 3161 doesn't know")))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn to_fields(&self) -> Result<StatusFields, Error> {
        let failures = match self.failures.iter().map(|failure| failure.bit()).max() {
            None => None,
            Some(last) => {
                // A named bit list ends with its last set bit (X.690, 11.2.2).
                let mut bytes = vec![0u8; last / 8 + 1];
                for failure in &self.failures {
                    bytes[failure.bit() / 8] |= 0x80 >> (failure.bit() % 8);
                }
                let unused = 7 - (last % 8) as u8;
                Some(BitString::new(unused, bytes).map_err(Primitive::encoding(STRUCTURE))?)
            }
        };
        let text = (!self.text.is_empty()).then(|| self.text.clone());
        Ok(StatusFields { status: self.status as u8, text, failures })
    }
}

impl fmt::Display for StatusInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.status)?;
        for failure in &self.failures {
            write!(f, ", {failure:?}")?;
        }
        for text in &self.text {
            // What the other side wrote goes into logs: on one line.
            write!(f, ", {text:?}")?;
        }
        Ok(())
    }
}
