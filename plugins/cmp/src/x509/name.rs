//! Distinguished names in DER: from text, to text, and what stands in them.

use std::str::FromStr;

use der::asn1::{Any, SetOfVec};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::Name;
use yinqiao_gm::oid;
use yinqiao_gm::x509::DistinguishedName;

/// The name without attributes, which a client without a certificate calls itself (RFC 9483, 3.1).
pub(crate) const NULL_DN: [u8; 2] = [0x30, 0];

/// Reads RFC 4514 text (`CN=...,O=...,C=...`).
pub(crate) fn parse(text: &str) -> der::Result<Vec<u8>> {
    Name::from_str(text)?.to_der()
}

/// RFC 4514 text, for operators.
pub(crate) fn text(der: &[u8]) -> String {
    DistinguishedName::from_der(der)
        .map_or_else(|_| "a name that cannot be shown".to_owned(), |name| name.to_string())
}

/// Whether two names are the same, attribute for attribute, whichever string type each is written in.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one == other || matches!((attributes(one), attributes(other)), (Some(one), Some(other)) if one == other)
}

/// The texts of all attributes.
pub(crate) fn values(der: &[u8]) -> Vec<String> {
    attributes(der).unwrap_or_default().into_iter().flatten().map(|(_, value)| value).collect()
}

/// Per relative name its attributes as (type, text), sorted; None when the DER is no name.
fn attributes(der: &[u8]) -> Option<Vec<Vec<(String, String)>>> {
    let name = Name::from_der(der).ok()?;
    let relative_names = name.iter_rdn().map(|relative| {
        let mut attributes: Vec<_> = relative
            .iter()
            .map(|attribute| (attribute.oid.to_string(), value_text(&attribute.value)))
            .collect();
        attributes.sort();
        attributes
    });
    Some(relative_names.collect())
}

fn value_text(value: &Any) -> String {
    let octets = value.value();
    match value.tag() {
        Tag::BmpString => {
            let units: Vec<_> =
                octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::TeletexString => {
            String::from_utf8_lossy(octets).into_owned()
        }
        _ => hex::encode(octets),
    }
}

/// Which attribute a subject gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
pub(crate) enum Attribute {
    C,
    ST,
    L,
    O,
    OU,
    CN,
    #[serde(rename = "serialNumber")]
    SerialNumber,
    #[serde(rename = "organizationIdentifier")]
    OrganizationIdentifier,
}

/// Writes a name, from the most general attribute to the most specific: C and serialNumber as PrintableString, as X.520
/// demands, all others as UTF8String.
pub(crate) fn build(attributes: &[(Attribute, String)]) -> der::Result<Vec<u8>> {
    let mut relative_names = Vec::new();
    for (attribute, text) in attributes {
        let (oid, tag) = match attribute {
            Attribute::C => (oid::COUNTRY, Tag::PrintableString),
            Attribute::ST => (der::asn1::ObjectIdentifier::new_unwrap("2.5.4.8"), Tag::Utf8String),
            Attribute::L => (der::asn1::ObjectIdentifier::new_unwrap("2.5.4.7"), Tag::Utf8String),
            Attribute::O => (oid::ORGANIZATION, Tag::Utf8String),
            Attribute::OU => (oid::ORGANIZATIONAL_UNIT, Tag::Utf8String),
            Attribute::CN => (oid::COMMON_NAME, Tag::Utf8String),
            Attribute::SerialNumber => (oid::SUBJECT_SERIAL_NUMBER, Tag::PrintableString),
            Attribute::OrganizationIdentifier => {
                (der::asn1::ObjectIdentifier::new_unwrap("2.5.4.97"), Tag::Utf8String)
            }
        };
        let value = Any::new(tag, text.as_bytes())?;
        relative_names.push(SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])?);
    }
    relative_names.to_der()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_whatever_string_type_they_are_in() {
        let utf8 = build(&[(Attribute::CN, "测试".to_owned()), (Attribute::C, "CN".to_owned())]).unwrap();
        let bmp = {
            let units: Vec<u8> = "测试".encode_utf16().flat_map(u16::to_be_bytes).collect();
            let value = Any::new(Tag::BmpString, units).unwrap();
            let cn =
                SetOfVec::try_from(vec![AttributeTypeAndValue { oid: oid::COMMON_NAME, value }]).unwrap();
            let value = Any::new(Tag::PrintableString, *b"CN").unwrap();
            let c = SetOfVec::try_from(vec![AttributeTypeAndValue { oid: oid::COUNTRY, value }]).unwrap();
            vec![cn, c].to_der().unwrap()
        };
        assert!(same(&utf8, &bmp));
        assert!(!same(&utf8, &parse("CN=other,C=CN").unwrap()));
        assert!(!same(&utf8, b"not a name"));
        assert_eq!(values(&bmp), ["测试", "CN"]);
    }

    #[test]
    fn text_names_the_most_specific_attribute_first() {
        let name = parse("CN=RA,O=Example,C=CN").unwrap();
        assert_eq!(text(&name), "CN=RA,O=Example,C=CN");
    }
}
