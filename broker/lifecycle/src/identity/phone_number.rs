//! Telephone numbers.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::Malformed;

/// A mobile number of mainland China, 11 digits, or one with a country code (ITU-T E.164), `+` and 8 to 15 digits.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// The digits, with the country code where it has one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With all but the first three and the last four characters hidden: `138****5678`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (start, end) = (self.0.get(..3).unwrap_or_default(), self.0.len().saturating_sub(4));
        let hidden = "*".repeat(end.saturating_sub(3));
        format!("{start}{hidden}{}", self.0.get(end..).unwrap_or_default())
    }
}

impl FromStr for PhoneNumber {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (plus, digits) = match text.strip_prefix('+') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        let mainland = !plus && digits.len() == 11 && digits.starts_with('1');
        let international = plus && (8..=15).contains(&digits.len()) && !digits.starts_with('0');
        if all_digits && (mainland || international) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed(
                "a telephone number has 11 digits and begins with 1, or it begins with + and the country code",
            ))
        }
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_masked() {
        assert_eq!("13812345678".parse::<PhoneNumber>().unwrap().masked(), "138****5678");
        assert_eq!("+85212345678".parse::<PhoneNumber>().unwrap().masked(), "+85*****5678");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "1381234567", "138123456789", "23812345678", "+0123456789", "+86 138", "138-1234-5678"]
        {
            assert!(text.parse::<PhoneNumber>().is_err(), "{text}");
        }
    }
}
