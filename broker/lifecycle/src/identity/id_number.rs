//! 公民身份号码, the citizen's ID number (GB 11643-1999).

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::Malformed;

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// By the weighted sum modulo 11 (ISO 7064, MOD 11-2).
const CHECK: &[u8; 11] = b"10X98765432";

/// A number with a possible date of birth and the right check character. `Debug` shows nothing of it; it is zeroized when
/// dropped. As JSON it is written whole: only for the store, and for nobody but its owner.
#[derive(Clone, Eq, PartialEq)]
pub struct IdNumber(Zeroizing<String>);

impl IdNumber {
    /// All 18 characters, for the one place that has to send or compare them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first six and the last four characters: `110101********1234`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (region, serial) = (self.0.get(..6).unwrap_or_default(), self.0.get(14..).unwrap_or_default());
        format!("{region}********{serial}")
    }
}

impl FromStr for IdNumber {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed = Malformed(
            "an ID number has 17 digits with the date of birth in them and a check character, a digit or X, at its end: it \
             stands on the identity card (GB 11643)",
        );
        let (digits, check) = text.as_bytes().split_at_checked(17).ok_or(RULE)?;
        if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' || !has_date_of_birth(&digits[6..14]) {
            return Err(RULE);
        }
        let sum: u32 =
            digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        if check == [CHECK[sum as usize % 11]] {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(RULE)
        }
    }
}

/// Whether eight digits are a day of the Gregorian calendar, YYYYMMDD, from 1800 on.
fn has_date_of_birth(digits: &[u8]) -> bool {
    let number = |range: std::ops::Range<usize>| {
        digits[range].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    year >= 1800 && (1..=days).contains(&day)
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdNumber(…)")
    }
}

impl Serialize for IdNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for IdNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's annex.
    const EXAMPLE: &str = "11010519491231002X";

    #[test]
    fn the_example_of_the_standard_is_valid_and_shown_masked() {
        let number = EXAMPLE.parse::<IdNumber>().unwrap();
        assert_eq!(number.masked(), "110105********002X");
        assert_eq!(format!("{number:?}"), "IdNumber(…)");
    }

    #[test]
    fn any_changed_digit_is_noticed() {
        for position in 0..17 {
            for digit in b'0'..=b'9' {
                let mut changed = EXAMPLE.as_bytes().to_vec();
                changed[position] = digit;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(changed.parse::<IdNumber>().is_ok(), changed == EXAMPLE, "{changed}");
            }
        }
    }

    #[test]
    fn other_shapes_and_impossible_birthdays_are_refused() {
        let texts =
            ["", "11010519491231002x", "1101051949123100", "110105194902300025", "11010519491231002XX", "１"];
        for text in texts {
            assert!(text.parse::<IdNumber>().is_err(), "{text}");
        }
    }
}
