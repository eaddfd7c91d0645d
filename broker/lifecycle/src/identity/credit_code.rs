//! 统一社会信用代码, the unified social credit code of legal persons and other organisations (GB 32100-2015).

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::Malformed;

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// A code whose check character is right.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct CreditCode(String);

impl CreditCode {
    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 登记管理机关行政区划码, the six digits of the region where it is registered (characters 3 to 8).
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.get(2..8).unwrap_or_default()
    }
}

impl FromStr for CreditCode {
    type Err = Malformed;

    /// 18 characters of the standard's alphabet, the last one 31 minus the weighted sum of the others modulo 31 (clause
    /// 4.5).
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed = Malformed(
            "a unified social credit code has 18 characters of 0-9 and A-Z without I, O, S, V, Z, and a check character \
             at its end: it stands on the business licence (GB 32100)",
        );
        let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
        let values = text.bytes().map(value).collect::<Option<Vec<_>>>().ok_or(RULE)?;
        let [first @ .., check] = values.as_slice() else { return Err(RULE) };
        if first.len() != WEIGHTS.len() {
            return Err(RULE);
        }
        let sum: usize = first.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
        if (31 - sum % 31) % 31 == *check { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CreditCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_with_the_right_check_character_is_valid_and_names_its_region() {
        assert_eq!("91350100M000100Y43".parse::<CreditCode>().unwrap().region(), "350100");
    }

    #[test]
    fn a_code_with_any_other_check_character_is_not() {
        for other in "0125679ABCDEFGHJKLMNPQRTUWXY".chars() {
            assert!(format!("91350100M000100Y4{other}").parse::<CreditCode>().is_err(), "{other}");
        }
        assert!("91350100M000100Y4".parse::<CreditCode>().is_err());
        assert!("91350100I000100Y43".parse::<CreditCode>().is_err());
    }
}
