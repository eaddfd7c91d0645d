//! The identity code of a person in a certificate.

use std::fmt;

use der::{
    Decode, Encode, Tag, TagNumber,
    asn1::{AnyRef, ContextSpecificRef},
};

use crate::Error;

const STRUCTURE: &str = "IdentityCode";

/// ```text
/// IdentityCode ::= CHOICE {                               -- GM/T 0015, extension 1.2.156.10260.4.1.1
///   residenterCardNumber       [0] PrintableString,
///   militaryOfficerCardNumber  [1] UTF8String,
///   passportNumber             [2] PrintableString }
/// ```
///
/// The standard does not say whether the tags are explicit; both are read, and explicit ones written.
/// `Debug` does not show the number, which is personal data.
#[derive(Clone, Eq, PartialEq)]
pub enum IdentityCode {
    /// Resident identity card (居民身份证).
    ResidentCard(String),
    /// Military officer's card (军官证).
    MilitaryOfficerCard(String),
    /// Passport.
    Passport(String),
}

impl IdentityCode {
    /// Reads the extension's value.
    ///
    /// # Errors
    /// [`Error::Encoding`] unless it is one of the three.
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let any = AnyRef::from_der(der).map_err(Error::encoding(STRUCTURE))?;
        let Tag::ContextSpecific { constructed, number } = der::Tagged::tag(&any) else {
            return Err(Error::Invalid { structure: STRUCTURE, reason: "must be tagged [0], [1] or [2]" });
        };
        let variant: fn(String) -> Self = match number.value() {
            0 => Self::ResidentCard,
            1 => Self::MilitaryOfficerCard,
            2 => Self::Passport,
            _ => {
                return Err(Error::Invalid {
                    structure: STRUCTURE,
                    reason: "must be tagged [0], [1] or [2]",
                });
            }
        };
        let text = if constructed {
            let inner = AnyRef::from_der(any.value()).map_err(Error::encoding(STRUCTURE))?;
            if der::Tagged::tag(&inner) != Self::string_tag(number.value()) {
                return Err(Error::Invalid { structure: STRUCTURE, reason: "has another string type" });
            }
            inner.value()
        } else {
            any.value()
        };
        let text = std::str::from_utf8(text)
            .map_err(|_| Error::Invalid { structure: STRUCTURE, reason: "must be text" })?;
        Ok(variant(text.to_owned()))
    }

    /// The extension's value.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        let number = match self {
            Self::ResidentCard(_) => 0,
            Self::MilitaryOfficerCard(_) => 1,
            Self::Passport(_) => 2,
        };
        let encode = || {
            let value = AnyRef::new(Self::string_tag(number), self.number().as_bytes())?;
            let tag_mode = der::TagMode::Explicit;
            ContextSpecificRef { tag_number: TagNumber(number), tag_mode, value: &value }.to_der()
        };
        encode().map_err(Error::encoding(STRUCTURE))
    }

    /// The number on the card or in the passport.
    pub fn number(&self) -> &str {
        match self {
            Self::ResidentCard(number) | Self::MilitaryOfficerCard(number) | Self::Passport(number) => number,
        }
    }

    const fn string_tag(number: u32) -> Tag {
        if number == 1 { Tag::Utf8String } else { Tag::PrintableString }
    }
}

impl fmt::Debug for IdentityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResidentCard(_) => "ResidentCard(..)",
            Self::MilitaryOfficerCard(_) => "MilitaryOfficerCard(..)",
            Self::Passport(_) => "Passport(..)",
        })
    }
}
