//! General messages and what stands in `generalInfo`.

use const_oid::ObjectIdentifier;
use der::asn1::Any;
use der::{Decode, Encode, Sequence, ValueOrd};

use super::message::directory_name;
use super::oid;

/// ```text
/// InfoTypeAndValue ::= SEQUENCE {                         -- RFC 9810, 5.3.19
///   infoType   INFO-TYPE-AND-VALUE.&id({SupportedInfoSet}),
///   infoValue  INFO-TYPE-AND-VALUE.&Type({SupportedInfoSet}{@infoType}) OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence, ValueOrd)]
pub(crate) struct InfoTypeAndValue {
    pub(crate) info_type: ObjectIdentifier,
    pub(crate) info_value: Option<Any>,
}

impl InfoTypeAndValue {
    /// A type without a value.
    pub(crate) const fn bare(info_type: ObjectIdentifier) -> Self {
        Self { info_type, info_value: None }
    }

    /// A type with a value.
    pub(crate) fn new(info_type: ObjectIdentifier, value: &impl Encode) -> der::Result<Self> {
        Ok(Self { info_type, info_value: Some(Any::from_der(&value.to_der()?)?) })
    }

    /// `id-it-implicitConfirm` with its NULL.
    pub(crate) fn implicit_confirm() -> Self {
        Self { info_type: oid::IT_IMPLICIT_CONFIRM, info_value: Some(Any::null()) }
    }

    /// `CertProfileValue ::= SEQUENCE SIZE (1..MAX) OF UTF8String`.
    pub(crate) fn certificate_profile(name: &str) -> der::Result<Self> {
        Self::new(oid::IT_CERT_PROFILE, &vec![name.to_owned()])
    }
}

/// ```text
/// CRLStatus ::= SEQUENCE { source CRLSource, thisUpdate Time OPTIONAL }
/// CRLSource ::= CHOICE { dpn [0] DistributionPointName, issuer [1] GeneralNames }       -- RFC 9810, 5.3.19.17
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence, ValueOrd)]
pub(crate) struct CrlStatus {
    source: Any,
}

impl CrlStatus {
    /// The list of this issuer, however old the one at hand is.
    pub(crate) fn of_issuer(issuer: &[u8]) -> der::Result<Self> {
        let names = vec![directory_name(issuer)?].to_der()?;
        Ok(Self { source: Any::from_der(&super::explicit(1, &names)?)? })
    }
}

/// ```text
/// RootCaKeyUpdateContent ::= SEQUENCE {                   -- RFC 9810, 5.3.19.15
///   newWithNew      CMPCertificate,
///   newWithOld  [0] CMPCertificate OPTIONAL,
///   oldWithNew  [1] CMPCertificate OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence, ValueOrd)]
pub(crate) struct RootCaKeyUpdate {
    pub(crate) new_with_new: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) new_with_old: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) old_with_new: Option<Any>,
}
