//! The ASN.1 of GB/T 38540-2020 (version 4), which GM/T 0031-2025 (version 5) shares.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, GeneralizedTime, Ia5String, OctetString, PrintableString};
use der::{Any, Encode, Sequence};

use super::Error;
use crate::error::require_canonical;
use crate::oid;

/// ```text
/// SESeal ::= SEQUENCE {
///     eSealInfo    SES_SealInfo,
///     cert         OCTET STRING,              -- the seal maker's certificate
///     signAlgID    OBJECT IDENTIFIER,
///     signedValue  BIT STRING,                -- DER of SM2Signature, over the DER of eSealInfo
///     timeStamp    [0] EXPLICIT BIT STRING OPTIONAL }     -- version 5 only
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct Seal {
    pub(super) info: SealInfo,
    pub(super) certificate: OctetString,
    pub(super) signature_algorithm: ObjectIdentifier,
    pub(super) signed_value: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true", optional = "true")]
    pub(super) time_stamp: Option<BitString>,
}

/// ```text
/// SES_SealInfo ::= SEQUENCE {
///     header    SES_Header,
///     esID      IA5String,
///     property  SES_ESPropertyInfo,
///     picture   SES_ESPictureInfo,
///     extDatas  [0] EXPLICIT ExtensionDatas OPTIONAL }
/// ExtensionDatas ::= SEQUENCE SIZE (0..MAX) OF ExtData
/// ```
///
/// ofdrw writes extDatas without its tag into seals: such a seal has `untagged_extensions`.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct SealInfo {
    pub(super) header: SealHeader,
    pub(super) id: Ia5String,
    pub(super) property: Property,
    pub(super) picture: PictureInfo,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true", optional = "true")]
    pub(super) extensions: Option<Vec<ExtensionData>>,
    #[asn1(optional = "true")]
    pub(super) untagged_extensions: Option<Vec<ExtensionData>>,
}

/// ```text
/// SES_Header ::= SEQUENCE {
///     ID       IA5String ("ES"),
///     version  INTEGER,
///     Vid      IA5String }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct SealHeader {
    pub(super) identifier: Ia5String,
    pub(super) version: u32,
    pub(super) vendor_id: Ia5String,
}

/// ```text
/// SES_ESPropertyInfo ::= SEQUENCE {
///     type          INTEGER,
///     name          UTF8String,
///     certListType  INTEGER,                  -- 1 certificates, 2 digests of certificates
///     certList      SES_CertList,
///     createDate    GeneralizedTime,
///     validStart    GeneralizedTime,
///     validEnd      GeneralizedTime }
/// SES_CertList ::= CHOICE {                   -- both untagged: certListType tells
///     certs           SEQUENCE OF OCTET STRING,
///     certDigestList  SEQUENCE OF CertDigestObj }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct Property {
    pub(super) kind: i64,
    pub(super) name: String,
    pub(super) list_type: u8,
    pub(super) list: Any,
    pub(super) created: GeneralizedTime,
    pub(super) valid_from: GeneralizedTime,
    pub(super) valid_until: GeneralizedTime,
}

/// ```text
/// CertDigestObj ::= SEQUENCE {
///     type   PrintableString,                 -- a name of the maker's choice
///     value  OCTET STRING }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct CertificateDigestObject {
    pub(super) kind: PrintableString,
    pub(super) value: OctetString,
}

/// ```text
/// SES_ESPictureInfo ::= SEQUENCE {
///     type    IA5String,
///     data    OCTET STRING,
///     width   INTEGER,                        -- millimetres
///     height  INTEGER }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct PictureInfo {
    pub(super) kind: Ia5String,
    pub(super) data: OctetString,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// ```text
/// ExtData ::= SEQUENCE {
///     extnID     OBJECT IDENTIFIER,
///     critical   BOOLEAN DEFAULT FALSE,       -- ofdrw writes FALSE, which DER wouldn't
///     extnValue  OCTET STRING }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct ExtensionData {
    pub(super) id: ObjectIdentifier,
    #[asn1(optional = "true")]
    pub(super) critical: Option<bool>,
    pub(super) value: OctetString,
}

/// ```text
/// SES_Signature ::= SEQUENCE {
///     toSign          TBS_Sign,
///     cert            OCTET STRING,           -- the signer's certificate
///     signatureAlgID  OBJECT IDENTIFIER,
///     signature       BIT STRING,             -- DER of SM2Signature, over the DER of toSign
///     timeStamp       [0] EXPLICIT BIT STRING OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct Signature {
    pub(super) to_sign: ToSign,
    pub(super) certificate: OctetString,
    pub(super) signature_algorithm: ObjectIdentifier,
    pub(super) signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true", optional = "true")]
    pub(super) time_stamp: Option<BitString>,
}

/// ```text
/// TBS_Sign ::= SEQUENCE {
///     version       INTEGER,                  -- the seal's
///     eseal         SESeal,
///     timeInfo      GeneralizedTime,
///     dataHash      BIT STRING,               -- SM3 of what is sealed
///     propertyInfo  IA5String,                -- in an OFD: the signature file's path
///     extDatas      [0] EXPLICIT ExtensionDatas OPTIONAL }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct ToSign {
    pub(super) version: u32,
    pub(super) seal: Seal,
    pub(super) time: GeneralizedTime,
    pub(super) data_hash: BitString,
    pub(super) property_info: Ia5String,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true", optional = "true")]
    pub(super) extensions: Option<Vec<ExtensionData>>,
}

/// Decodes, and refuses what encodes otherwise than it came.
pub(super) fn decode<T>(der: &[u8], what: &'static str) -> Result<T, Error>
where
    T: for<'a> der::Decode<'a, Error = der::Error> + Encode,
{
    let decoded = T::from_der(der)?;
    require_canonical(what, &decoded, der)?;
    Ok(decoded)
}

/// The octets of a BIT STRING that has whole octets.
pub(super) fn octets<'a>(bits: &'a BitString, what: &'static str) -> Result<&'a [u8], Error> {
    bits.as_bytes().ok_or(Error::Malformed { what, reason: "a BIT STRING does not end at a whole octet" })
}

/// SM2 with SM3 (.501), or SM2-1 (.301.1), which names the same operation.
pub(super) fn require_sm2(found: ObjectIdentifier, what: &'static str) -> Result<(), Error> {
    if [oid::SM2_WITH_SM3, oid::SM2_SIGN].contains(&found) {
        Ok(())
    } else {
        Err(Error::SignatureAlgorithm { what, found })
    }
}

/// Seconds to GeneralizedTime.
pub(super) fn generalized_time(seconds: i64) -> Result<GeneralizedTime, Error> {
    let out_of_range = Error::Time { seconds };
    match u64::try_from(seconds) {
        Ok(since_1970) => {
            GeneralizedTime::from_unix_duration(Duration::from_secs(since_1970)).map_err(|_| out_of_range)
        }
        Err(_) => Err(out_of_range),
    }
}

/// ASN.1 time to seconds. The years end at 9999, so they always fit.
pub(super) fn unix_seconds(since_1970: Duration) -> i64 {
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}
