//! Distinguished names: how they are built, compared and shown.

use std::fmt;

use const_oid::ObjectIdentifier;
use der::{
    Decode, Encode, Tag, Tagged,
    asn1::{Any, SetOfVec},
};
use x509_cert::{attr::AttributeTypeAndValue, name::Name};

use crate::{Error, error::require_canonical, oid};

const STRUCTURE: &str = "Name";

/// The short names that `Display` writes: RFC 4514, 3, and from RFC 4519 and RFC 2985 those common in certificates.
const SHORT_NAMES: [(ObjectIdentifier, &str); 12] = [
    (oid::COMMON_NAME, "CN"),
    (ObjectIdentifier::new_unwrap("2.5.4.7"), "L"),
    (ObjectIdentifier::new_unwrap("2.5.4.8"), "ST"),
    (oid::ORGANIZATION, "O"),
    (oid::ORGANIZATIONAL_UNIT, "OU"),
    (oid::COUNTRY, "C"),
    (ObjectIdentifier::new_unwrap("2.5.4.9"), "STREET"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25"), "DC"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1"), "UID"),
    (oid::SUBJECT_SERIAL_NUMBER, "serialNumber"),
    (ObjectIdentifier::new_unwrap("2.5.4.97"), "organizationIdentifier"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1"), "emailAddress"),
];

/// ```text
/// Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }    -- RFC 5280, 4.1.2.4
/// ```
///
/// Equal when the DER is equal. Shown as RFC 4514 says: the most specific attribute first, special characters escaped.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct DistinguishedName {
    name: Name,
    der: Box<[u8]>,
}

impl DistinguishedName {
    /// Starts a name; attributes are added from the most general to the most specific.
    pub fn builder() -> DistinguishedNameBuilder {
        DistinguishedNameBuilder::default()
    }

    /// Reads the DER of a `Name`.
    ///
    /// # Errors
    /// [`Error::Encoding`], [`Error::NotCanonical`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let name = Name::from_der(der).map_err(Error::encoding(STRUCTURE))?;
        require_canonical(STRUCTURE, &name, der)?;
        Ok(Self { name, der: der.into() })
    }

    /// The DER of the `Name`.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Whether there is no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    /// Whether this name stands in the subtree of `base`: begins with all of its relative names.
    pub(super) fn is_within(&self, base: &Name) -> bool {
        let (mut own, mut base) = (self.name.iter_rdn(), base.iter_rdn());
        base.all(|wanted| own.next() == Some(wanted))
    }

    /// The first CN.
    pub fn common_name(&self) -> Option<String> {
        self.attribute(&oid::COMMON_NAME)
    }

    /// The first O.
    pub fn organization(&self) -> Option<String> {
        self.attribute(&oid::ORGANIZATION)
    }

    /// All attributes, the most general first. One whose value is no text has none.
    pub fn attributes(&self) -> impl Iterator<Item = (ObjectIdentifier, Option<String>)> + '_ {
        self.name.iter().map(|found| (found.oid, text(&found.value)))
    }

    /// The first attribute of this type, when it is text.
    pub fn attribute(&self, attribute: &ObjectIdentifier) -> Option<String> {
        self.name.iter().find(|found| found.oid == *attribute).and_then(|found| text(&found.value))
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relative_names: Vec<_> = self.name.iter_rdn().collect();
        for (i, relative_name) in relative_names.iter().rev().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            for (j, attribute) in relative_name.iter().enumerate() {
                if j > 0 {
                    f.write_str("+")?;
                }
                write_attribute(f, attribute)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// RFC 4514, 2.3 and 2.4: an attribute without a short name, or whose value is no text, shows its DER.
fn write_attribute(f: &mut fmt::Formatter<'_>, attribute: &AttributeTypeAndValue) -> fmt::Result {
    let short_name = SHORT_NAMES.iter().find(|(oid, _)| *oid == attribute.oid);
    let (Some((_, short_name)), Some(text)) = (short_name, text(&attribute.value)) else {
        write!(f, "{}=#", attribute.oid)?;
        let der = attribute.value.to_der().map_err(|_| fmt::Error)?;
        return der.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
    };
    write!(f, "{short_name}=")?;
    let last = text.chars().count().saturating_sub(1);
    for (i, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
            ' ' if i == 0 || i == last => f.write_str("\\ ")?,
            '#' if i == 0 => f.write_str("\\#")?,
            control if control.is_control() => {
                let mut buffer = [0; 4];
                let encoded = control.encode_utf8(&mut buffer);
                encoded.bytes().try_for_each(|byte| write!(f, "\\{byte:02x}"))?;
            }
            character => write!(f, "{character}")?,
        }
    }
    Ok(())
}

/// The text of a `DirectoryString` or `IA5String`; older CAs write Chinese as BMPString.
fn text(value: &Any) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Tag::PrintableString | Tag::Ia5String | Tag::TeletexString if bytes.is_ascii() => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        Tag::BmpString if bytes.len().is_multiple_of(2) => {
            let units: Vec<_> =
                bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}

/// Builds a [`DistinguishedName`], one attribute after the other.
///
/// C and serialNumber become PrintableString, as X.520 demands, all others UTF8String.
#[derive(Clone, Debug, Default)]
pub struct DistinguishedNameBuilder {
    attributes: Vec<(ObjectIdentifier, Tag, String)>,
}

impl DistinguishedNameBuilder {
    /// C: two letters, `CN` for China.
    #[must_use]
    pub fn country(self, code: &str) -> Self {
        self.with(oid::COUNTRY, Tag::PrintableString, code)
    }

    /// O.
    #[must_use]
    pub fn organization(self, name: &str) -> Self {
        self.with(oid::ORGANIZATION, Tag::Utf8String, name)
    }

    /// OU.
    #[must_use]
    pub fn organizational_unit(self, name: &str) -> Self {
        self.with(oid::ORGANIZATIONAL_UNIT, Tag::Utf8String, name)
    }

    /// CN.
    #[must_use]
    pub fn common_name(self, name: &str) -> Self {
        self.with(oid::COMMON_NAME, Tag::Utf8String, name)
    }

    /// serialNumber: what tells two subjects of one name apart, such as a unified social credit code.
    #[must_use]
    pub fn serial_number(self, number: &str) -> Self {
        self.with(oid::SUBJECT_SERIAL_NUMBER, Tag::PrintableString, number)
    }

    fn with(mut self, attribute: ObjectIdentifier, tag: Tag, text: &str) -> Self {
        self.attributes.push((attribute, tag, text.to_owned()));
        self
    }

    /// The name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name without attributes, an empty or overlong one (64 characters, X.520), a country
    /// that isn't two letters, or a serialNumber with characters that a PrintableString doesn't have.
    pub fn build(self) -> Result<DistinguishedName, Error> {
        let invalid = |reason| Err(Error::Invalid { structure: STRUCTURE, reason });
        if self.attributes.is_empty() {
            return invalid("must have at least one attribute");
        }
        let mut relative_names = Vec::with_capacity(self.attributes.len());
        for (attribute, tag, text) in self.attributes {
            if !(1..=64).contains(&text.chars().count()) {
                return invalid("every attribute must have 1 to 64 characters");
            }
            if attribute == oid::COUNTRY && !(text.len() == 2 && text.bytes().all(|c| c.is_ascii_uppercase()))
            {
                return invalid("C must be two capital letters");
            }
            let printable = |c: u8| c.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&c);
            if tag == Tag::PrintableString && !text.bytes().all(printable) {
                return invalid("serialNumber must be letters, digits and '()+,-./:=? only");
            }
            let encode = || {
                let value = Any::new(tag, text.as_bytes())?;
                SetOfVec::try_from(vec![AttributeTypeAndValue { oid: attribute, value }])
            };
            relative_names.push(encode().map_err(Error::encoding(STRUCTURE))?);
        }
        let der = relative_names.to_der().map_err(Error::encoding(STRUCTURE))?;
        DistinguishedName::from_der(&der)
    }
}
