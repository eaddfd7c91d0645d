use der::{
    Encode, Tag,
    asn1::{Any, SetOfVec},
};
use proptest::prelude::*;
use x509_cert::attr::AttributeTypeAndValue;

use super::super::DistinguishedName;
use crate::{Error, oid};

#[test]
fn a_name_is_shown_as_rfc_4514_says() {
    let name = DistinguishedName::builder()
        .country("CN")
        .organization("A, B + C; \"D\" \\ <E>")
        .organizational_unit(" #unit ")
        .serial_number("91110000100000000X")
        .common_name("#1\n")
        .build()
        .unwrap();
    assert_eq!(
        name.to_string(),
        "CN=\\#1\\0a,serialNumber=91110000100000000X,OU=\\ #unit\\ ,O=A\\, B \\+ C\\; \\\"D\\\" \\\\ \\<E\\>,C=CN"
    );
    assert_eq!(name.attribute(&oid::SUBJECT_SERIAL_NUMBER).unwrap(), "91110000100000000X");
}

fn single(attribute: const_oid::ObjectIdentifier, tag: Tag, value: &[u8]) -> DistinguishedName {
    let value = Any::new(tag, value).unwrap();
    let relative = SetOfVec::try_from(vec![AttributeTypeAndValue { oid: attribute, value }]).unwrap();
    DistinguishedName::from_der(&vec![relative].to_der().unwrap()).unwrap()
}

#[test]
fn chinese_in_a_bmp_string_is_read_and_an_unknown_attribute_shows_its_der() {
    let utf_16: Vec<u8> = "张三".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let name = single(oid::COMMON_NAME, Tag::BmpString, &utf_16);
    assert_eq!((name.to_string(), name.common_name()), ("CN=张三".to_owned(), Some("张三".to_owned())));
    let odd = single(oid::COMMON_NAME, Tag::Integer, &[5]);
    assert_eq!((odd.to_string().as_str(), odd.common_name()), ("2.5.4.3=#020105", None));
    let unknown = single(oid::IDENTITY_CODE, Tag::Utf8String, b"x");
    assert_eq!(unknown.to_string(), "1.2.156.10260.4.1.1=#0c0178");
}

#[test]
fn names_that_x_520_forbids_are_not_built() {
    let builder = DistinguishedName::builder;
    for bad in [
        builder(),
        builder().common_name(""),
        builder().common_name(&"长".repeat(65)),
        builder().country("cn"),
        builder().country("CHN"),
        builder().serial_number("号码"),
    ] {
        assert!(matches!(bad.build(), Err(Error::Invalid { .. })));
    }
    builder().common_name(&"长".repeat(64)).build().unwrap();
}

proptest! {
    #[test]
    fn names_read_back_from_their_der(organization in ".{1,64}", common_name in ".{1,64}") {
        let name = DistinguishedName::builder()
            .organization(&organization).common_name(&common_name).build().unwrap();
        prop_assert_eq!(&DistinguishedName::from_der(name.as_der()).unwrap(), &name);
        prop_assert_eq!(name.common_name().unwrap(), common_name);
        prop_assert!(!name.to_string().contains(char::is_control));
    }
}
