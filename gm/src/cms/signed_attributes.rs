//! The signed attributes: what a holder's key signs when a document is signed.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use der::asn1::{GeneralizedTime, OctetString, UtcTime};
use der::{Any, Decode, Encode, Sequence, Tag};

use super::set::SetOf;
use super::{Arc, ContentKind, Error, SignerError};
use crate::{oid, sm3};

/// The three signed attributes of a Yinqiao signature.
///
/// ```text
/// SignedAttributes ::= SET SIZE (1..MAX) OF Attribute
///     contentType    1.2.840.113549.1.9.3   OBJECT IDENTIFIER, data of the message's arc
///     signingTime    1.2.840.113549.1.9.5   Time
///     messageDigest  1.2.840.113549.1.9.4   OCTET STRING, SM3 of the document
/// ```
///
/// The SM2 signature's message is the DER of this SET (tag 31), hashed with Z of the signer
/// (RFC 5652 clause 5.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignedAttributes {
    /// The arc of the content type.
    pub arc: Arc,
    /// SM3 of the document.
    pub content_digest: sm3::Digest,
    /// When the signer says to have signed, in Unix seconds.
    pub signing_time: i64,
}

/// ```text
/// Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(crate) struct Attribute {
    pub(crate) kind: ObjectIdentifier,
    pub(crate) values: SetOf<Any>,
}

/// What verification needs of the signed attributes that other software made.
pub(super) struct ForeignAttributes {
    pub(super) content_type: ObjectIdentifier,
    pub(super) message_digest: Vec<u8>,
    pub(super) signing_time: Option<i64>,
}

/// 2050-01-01T00:00:00Z: from here on a time is a GeneralizedTime (RFC 5652 clause 11.3).
const FIRST_GENERALIZED_TIME: i64 = 2_524_608_000;

impl SignedAttributes {
    /// The DER to sign: contentType, messageDigest and signingTime (Unix seconds) in a SET.
    ///
    /// # Errors
    /// [`Error::Time`] if the time lies before 1970 or after 9999.
    pub fn build(arc: Arc, content_digest: &sm3::Digest, signing_time: i64) -> Result<Vec<u8>, Error> {
        let attributes = SetOf::sorted(vec![
            Attribute::single(oid::CONTENT_TYPE, &arc.content_type(ContentKind::Data))?,
            Attribute::single(oid::MESSAGE_DIGEST, &OctetString::new(content_digest.as_bytes().as_slice())?)?,
            Attribute { kind: oid::SIGNING_TIME, values: SetOf::sorted(vec![time(signing_time)?])? },
        ])?;
        Ok(attributes.to_der()?)
    }

    /// Reads what [`build`](Self::build) makes, and nothing else: exactly these three attributes
    /// with one value each, in DER.
    ///
    /// # Errors
    /// [`Error::Asn1`] or [`Error::Malformed`] for anything else.
    pub fn parse(der: &[u8]) -> Result<Self, Error> {
        let malformed = |reason| Error::Malformed { what: "SignedAttributes", reason };
        let attributes = SetOf::<Attribute>::from_der(der)?;
        if attributes.as_slice().len() != 3 {
            return Err(malformed("not exactly contentType, messageDigest and signingTime"));
        }
        let found = ForeignAttributes::read(&attributes).map_err(|error| match error {
            SignerError::SignedAttributes(reason) => malformed(reason),
            _ => malformed("an attribute can't be read"),
        })?;
        let parsed = Self {
            arc: Arc::of(found.content_type, ContentKind::Data)?,
            content_digest: sm3::Digest::from_slice(&found.message_digest)
                .map_err(|_| malformed("messageDigest is not an SM3 digest"))?,
            signing_time: found.signing_time.ok_or(malformed("signingTime is missing"))?,
        };
        if Self::build(parsed.arc, &parsed.content_digest, parsed.signing_time)? != der {
            return Err(malformed("not the DER of its content"));
        }
        Ok(parsed)
    }
}

impl Attribute {
    pub(crate) fn single(
        kind: ObjectIdentifier,
        value: &(impl der::EncodeValue + der::Tagged),
    ) -> der::Result<Self> {
        Ok(Self { kind, values: SetOf::sorted(vec![Any::encode_from(value)?])? })
    }
}

impl ForeignAttributes {
    /// Reads contentType, messageDigest and, if there, signingTime; other attributes are covered by
    /// the signature and say nothing to us.
    pub(super) fn read(attributes: &SetOf<Attribute>) -> Result<Self, SignerError> {
        let content_type = single_value(attributes, oid::CONTENT_TYPE)?
            .ok_or(SignerError::SignedAttributes("contentType is missing"))?
            .decode_as::<ObjectIdentifier>()
            .map_err(|_| SignerError::SignedAttributes("contentType is not an object identifier"))?;
        let message_digest = single_value(attributes, oid::MESSAGE_DIGEST)?
            .ok_or(SignerError::SignedAttributes("messageDigest is missing"))?
            .decode_as::<OctetString>()
            .map_err(|_| SignerError::SignedAttributes("messageDigest is not an octet string"))?
            .into_bytes()
            .into_vec();
        let signing_time = single_value(attributes, oid::SIGNING_TIME)?
            .map(|value| {
                unix_seconds(value).ok_or(SignerError::SignedAttributes("signingTime is not a time"))
            })
            .transpose()?;
        Ok(Self { content_type, message_digest, signing_time })
    }
}

/// The only value of the only attribute of this kind; `None` if there is no such attribute.
pub(crate) fn single_value(
    attributes: &SetOf<Attribute>,
    kind: ObjectIdentifier,
) -> Result<Option<&Any>, SignerError> {
    let mut of_kind = attributes.as_slice().iter().filter(|attribute| attribute.kind == kind);
    let Some(attribute) = of_kind.next() else {
        return Ok(None);
    };
    match (attribute.values.as_slice(), of_kind.next()) {
        ([value], None) => Ok(Some(value)),
        _ => Err(SignerError::SignedAttributes("an attribute occurs twice or has not exactly one value")),
    }
}

/// `Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }`
fn time(seconds: i64) -> Result<Any, Error> {
    let out_of_range = Error::Time { seconds };
    let since_1970 = match u64::try_from(seconds) {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => return Err(out_of_range),
    };
    let encoded = if seconds < FIRST_GENERALIZED_TIME {
        UtcTime::from_unix_duration(since_1970).and_then(|time| Any::encode_from(&time))
    } else {
        GeneralizedTime::from_unix_duration(since_1970).and_then(|time| Any::encode_from(&time))
    };
    encoded.map_err(|_| out_of_range)
}

fn unix_seconds(value: &Any) -> Option<i64> {
    let since_1970 = match der::Tagged::tag(value) {
        Tag::UtcTime => value.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        Tag::GeneralizedTime => value.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
        _ => return None,
    };
    i64::try_from(since_1970.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: i64 = 1_790_000_000;

    fn built() -> Vec<u8> {
        SignedAttributes::build(Arc::Gmt0010, &sm3::digest(b"bid"), TIME).unwrap()
    }

    #[test]
    fn what_is_built_parses_to_the_same_content_in_both_arcs() {
        for arc in [Arc::Gmt0010, Arc::Rfc5652] {
            for signing_time in [0, TIME, FIRST_GENERALIZED_TIME - 1, FIRST_GENERALIZED_TIME, 253_402_300_799]
            {
                let expected = SignedAttributes { arc, content_digest: sm3::digest(b"bid"), signing_time };
                let der = SignedAttributes::build(arc, &expected.content_digest, signing_time).unwrap();
                assert_eq!(der[0], 0x31);
                assert_eq!(SignedAttributes::parse(&der).unwrap(), expected);
            }
        }
    }

    #[test]
    fn the_years_to_2049_are_utc_time_and_the_later_ones_generalized_time() {
        let digest = sm3::digest(b"bid");
        let last = SignedAttributes::build(Arc::Rfc5652, &digest, FIRST_GENERALIZED_TIME - 1).unwrap();
        let first = SignedAttributes::build(Arc::Rfc5652, &digest, FIRST_GENERALIZED_TIME).unwrap();
        assert!(last.windows(13).any(|bytes| bytes == b"491231235959Z"));
        assert!(first.windows(15).any(|bytes| bytes == b"20500101000000Z"));
    }

    #[test]
    fn a_time_outside_1970_to_9999_is_refused() {
        for seconds in [-1, 253_402_300_800, i64::MAX, i64::MIN] {
            assert!(matches!(
                SignedAttributes::build(Arc::Rfc5652, &sm3::digest(b""), seconds),
                Err(Error::Time { .. })
            ));
        }
    }

    #[test]
    fn attributes_out_of_order_are_refused() {
        let mut attributes = SetOf::<Attribute>::from_der(&built()).unwrap().into_vec();
        attributes.reverse();
        let mut der = Vec::new();
        for attribute in attributes {
            der.extend(attribute.to_der().unwrap());
        }
        let shuffled = Any::new(Tag::Set, der).unwrap().to_der().unwrap();
        assert!(matches!(SignedAttributes::parse(&shuffled), Err(Error::Malformed { .. })));
    }

    #[test]
    fn a_fourth_attribute_a_missing_one_and_a_second_value_are_refused() {
        let attributes = SetOf::<Attribute>::from_der(&built()).unwrap().into_vec();
        let other = Attribute::single(oid::TIME_STAMP_TOKEN, &der::asn1::Null).unwrap();

        let four = SetOf::sorted([attributes.clone(), vec![other.clone()]].concat()).unwrap();
        let two = SetOf::sorted(attributes[1..].to_vec()).unwrap();
        let replaced = SetOf::sorted([attributes[1..].to_vec(), vec![other]].concat()).unwrap();
        let mut doubled = attributes;
        let value = doubled[0].values.as_slice()[0].clone();
        doubled[0].values = SetOf::sorted(vec![value.clone(), value]).unwrap();
        let doubled = SetOf::sorted(doubled).unwrap();

        for set in [four, two, replaced, doubled] {
            assert!(matches!(SignedAttributes::parse(&set.to_der().unwrap()), Err(Error::Malformed { .. })));
        }
    }

    #[test]
    fn a_trailing_byte_and_every_truncation_are_refused() {
        let der = built();
        assert!(SignedAttributes::parse(&[der.clone(), vec![0]].concat()).is_err());
        for length in 0..der.len() {
            assert!(SignedAttributes::parse(&der[..length]).is_err());
        }
    }
}
