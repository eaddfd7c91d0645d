//! How the catalogue writes times and sizes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time, more than zero, written like `15s`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("a time is more than zero and written like \"15s\" or \"100ms\"");
        let text = String::deserialize(deserializer).map_err(|_| wrong())?;
        match humantime::parse_duration(&text) {
            Ok(span) if !span.is_zero() => Ok(Self(span)),
            _ => Err(wrong()),
        }
    }
}

/// A size, more than zero, written like `8MiB` or as a number of octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Octets(pub u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, size)| self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Octets {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let unit = UNITS.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
        let (number, size) = unit.unwrap_or((text, 1));
        let number: u64 = number.trim_end().parse().map_err(|_| ())?;
        number.checked_mul(size).filter(|octets| *octets > 0).map(Self).ok_or(())
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let wrong = || D::Error::custom("a size is more than zero and written like \"8MiB\", or in octets");
        match Written::deserialize(deserializer).map_err(|_| wrong())? {
            Written::Number(0) => Err(wrong()),
            Written::Number(octets) => Ok(Self(octets)),
            Written::Text(text) => text.parse().map_err(|()| wrong()),
        }
    }
}

/// A limit that can be lifted by the word `none`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bound<T> {
    /// There is no limit.
    None,
    /// The limit.
    At(T),
}

impl<T> Bound<T> {
    /// The limit, where there is one.
    pub fn limit(self) -> Option<T> {
        match self {
            Self::None => None,
            Self::At(limit) => Some(limit),
        }
    }
}

impl<T: Serialize> Serialize for Bound<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::At(limit) => limit.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Bound<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value == "none" {
            return Ok(Self::None);
        }
        serde_json::from_value(value)
            .map(Self::At)
            .map_err(|reason| D::Error::custom(format!("{reason}, or \"none\" for no limit")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_limit_is_a_word_and_a_limit_a_value() {
        assert_eq!(serde_json::from_str::<Bound<u32>>("\"none\"").unwrap(), Bound::None);
        assert_eq!(serde_json::from_str::<Bound<u32>>("50").unwrap(), Bound::At(50));
        assert_eq!(serde_json::from_str::<Bound<Octets>>("\"1KiB\"").unwrap(), Bound::At(Octets(1024)));
        assert!(serde_json::from_str::<Bound<Octets>>("\"nothing\"").is_err());
        assert_eq!(serde_json::to_string(&Bound::<u32>::None).unwrap(), "\"none\"");
    }

    proptest! {
        #[test]
        fn a_size_is_read_back_as_it_was_written(octets in 1_u64..) {
            prop_assert_eq!(Octets(octets).to_string().parse(), Ok(Octets(octets)));
        }

        #[test]
        fn a_time_is_read_back_as_it_was_written(millis in 1_u64..1 << 40) {
            let span = Span(Duration::from_millis(millis));
            let text = serde_json::to_string(&span).unwrap();
            prop_assert_eq!(serde_json::from_str::<Span>(&text).unwrap(), span);
        }
    }
}
