//! The ASN.1 of GM/T 0031-2014, version 1: read and verified, never made.

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, GeneralizedTime, Ia5String, OctetString, UtcTime};
use der::{DateTime, Decode, Encode, Sequence};
use x509_cert::time::Time;

use super::Error;
use super::structure::{self, ExtensionData, PictureInfo, SealHeader};

/// ```text
/// SESeal ::= SEQUENCE {
///     esealInfo  SES_SealInfo,
///     signInfo   SES_SignInfo }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct Seal {
    pub(super) info: SealInfo,
    pub(super) sign_info: SignInfo,
}

/// ```text
/// SES_SignInfo ::= SEQUENCE {
///     cert                OCTET STRING,       -- the seal maker's certificate
///     signatureAlgorithm  OBJECT IDENTIFIER,
///     signData            BIT STRING }        -- DER of SM2Signature, over the DER of SealToSign
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct SignInfo {
    pub(super) certificate: OctetString,
    pub(super) signature_algorithm: ObjectIdentifier,
    pub(super) sign_data: BitString,
}

/// ```text
/// SES_SealInfo ::= SEQUENCE {
///     header    SES_Header,
///     esID      IA5String,
///     property  SES_ESPropertyInfo,
///     picture   SES_ESPictureInfo,
///     extDatas  [0] EXPLICIT ExtensionDatas OPTIONAL }
/// ```
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
/// SES_ESPropertyInfo ::= SEQUENCE {
///     type        INTEGER,                    -- 1 organisation, 2 person
///     name        UTF8String,
///     certList    SEQUENCE OF OCTET STRING,
///     createDate  UTCTime,                    -- GeneralizedTime in some vendors' seals
///     validStart  UTCTime,
///     validEnd    UTCTime }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct Property {
    pub(super) kind: i64,
    pub(super) name: String,
    pub(super) certificates: Vec<OctetString>,
    pub(super) created: Time,
    pub(super) valid_from: Time,
    pub(super) valid_until: Time,
}

/// What the maker of a version 1 seal signs.
///
/// ```text
/// SealToSign ::= SEQUENCE {
///     esealInfo           SES_SealInfo,
///     cert                OCTET STRING,
///     signatureAlgorithm  OBJECT IDENTIFIER }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct SealToSign {
    info: SealInfo,
    certificate: OctetString,
    signature_algorithm: ObjectIdentifier,
}

/// ```text
/// SES_Signature ::= SEQUENCE {
///     toSign     TBS_Sign,
///     signature  BIT STRING }                 -- DER of SM2Signature, over the DER of toSign
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct Signature {
    pub(super) to_sign: ToSign,
    pub(super) signature: BitString,
}

/// ```text
/// TBS_Sign ::= SEQUENCE {
///     version             INTEGER,
///     eseal               SESeal,
///     timeInfo            BIT STRING,
///     dataHash            BIT STRING,
///     propertyInfo        IA5String,
///     cert                OCTET STRING,       -- the signer's certificate
///     signatureAlgorithm  OBJECT IDENTIFIER }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct ToSign {
    pub(super) version: u32,
    pub(super) seal: Seal,
    pub(super) time: BitString,
    pub(super) data_hash: BitString,
    pub(super) property_info: Ia5String,
    pub(super) certificate: OctetString,
    pub(super) signature_algorithm: ObjectIdentifier,
}

impl Seal {
    /// The bytes under the maker's signature.
    pub(super) fn signed_bytes(&self) -> Result<Vec<u8>, Error> {
        let to_sign = SealToSign {
            info: self.info.clone(),
            certificate: self.sign_info.certificate.clone(),
            signature_algorithm: self.sign_info.signature_algorithm,
        };
        Ok(to_sign.to_der()?)
    }
}

/// The signing time inside timeInfo, in Unix seconds.
///
/// The 2014 standard leaves the bits' meaning open. Three forms are in use: the DER of a UTCTime or
/// GeneralizedTime, and the text `2019-09-02 09:54:20`, which carries no zone and is read as China's
/// (UTC+8), where its writers are.
pub(super) fn signing_time(time: &BitString) -> Result<i64, Error> {
    let bytes = structure::octets(time, "timeInfo")?;
    if let Ok(time) = UtcTime::from_der(bytes) {
        return Ok(structure::unix_seconds(time.to_unix_duration()));
    }
    if let Ok(time) = GeneralizedTime::from_der(bytes) {
        return Ok(structure::unix_seconds(time.to_unix_duration()));
    }
    local_text(bytes).ok_or(Error::Malformed {
        what: "timeInfo",
        reason: "neither the DER of a time nor a text like 2019-09-02 09:54:20",
    })
}

fn local_text(bytes: &[u8]) -> Option<i64> {
    const CHINA_AHEAD_OF_UTC: i64 = 8 * 3600;
    let shape = b"0000-00-00 00:00:00";
    let shaped = bytes.len() == shape.len()
        && bytes.iter().zip(shape).all(|(byte, expected)| match expected {
            b'0' => byte.is_ascii_digit(),
            separator => byte == separator,
        });
    if !shaped {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<u16> {
        bytes
            .get(from..to)?
            .iter()
            .try_fold(0u16, |number, digit| number.checked_mul(10)?.checked_add(u16::from(digit - b'0')))
    };
    let small = |from: usize| number(from, from + 2).and_then(|number| u8::try_from(number).ok());
    let local =
        DateTime::new(number(0, 4)?, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?).ok()?;
    Some(structure::unix_seconds(local.unix_duration()) - CHINA_AHEAD_OF_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time_of(bytes: &[u8]) -> Result<i64, Error> {
        signing_time(&BitString::from_bytes(bytes).unwrap())
    }

    #[test]
    fn the_three_forms_of_a_signing_time_are_read() {
        assert_eq!(time_of(b"\x17\x0d190902015420Z").unwrap(), 1_567_389_260);
        assert_eq!(time_of(b"\x18\x0f20190902015420Z").unwrap(), 1_567_389_260);
        assert_eq!(time_of(b"2019-09-02 09:54:20").unwrap(), 1_567_389_260);
    }

    #[test]
    fn other_texts_are_no_signing_time() {
        for text in ["", "2019-09-02", "2019-09-02T09:54:20", "2019-13-02 09:54:20", "2019-09-02 09:54:2x"] {
            assert!(time_of(text.as_bytes()).is_err(), "{text}");
        }
    }
}
