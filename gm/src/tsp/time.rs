//! Times more precise than a second.

use std::fmt;

use der::{Any, Tag, Tagged, asn1::GeneralizedTime};

use super::Error;
use crate::{Error as Primitive, x509::time};

const STRUCTURE: &str = "genTime";

/// A time with a fraction of a second.
///
/// ```text
/// genTime ::= GeneralizedTime      -- YYYYMMDDhhmmss[.s...]Z, fraction without trailing zeros (RFC 3161, 2.4.2)
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PreciseTime {
    /// Whole seconds, Unix time.
    pub seconds: i64,
    /// Billionths of a second more, below a billion.
    pub nanoseconds: u32,
}

impl PreciseTime {
    /// A whole second.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0 }
    }

    pub(super) fn from_any(any: &Any) -> Result<Self, Error> {
        let invalid = |reason| Primitive::Invalid { structure: STRUCTURE, reason };
        let text = match any.tag() {
            Tag::GeneralizedTime => std::str::from_utf8(any.value()).ok(),
            _ => None,
        };
        let text = text.and_then(|text| text.strip_suffix('Z'));
        let text = text.ok_or(invalid("must be a GeneralizedTime that ends in Z"))?;
        let (whole, fraction) = match text.split_once('.') {
            None => (text, ""),
            Some((_, fraction)) if fraction.is_empty() || fraction.ends_with('0') => {
                return Err(invalid("a fraction must not be empty or end in zero").into());
            }
            Some(parts) => parts,
        };
        if fraction.len() > 9 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(invalid("a fraction must have at most nine digits").into());
        }
        let whole = Any::new(Tag::GeneralizedTime, format!("{whole}Z").into_bytes())
            .and_then(|any| any.decode_as::<GeneralizedTime>())
            .map_err(Primitive::encoding(STRUCTURE))?;
        let nanoseconds =
            format!("{fraction:0<9}").parse().map_err(|_| invalid("a fraction must be a number"))?;
        Ok(Self { seconds: time::from_generalized(&whole), nanoseconds })
    }

    pub(super) fn to_any(self) -> Result<Any, Error> {
        if self.nanoseconds >= 1_000_000_000 {
            let reason = "nanoseconds must be below a billion";
            return Err(Primitive::Invalid { structure: STRUCTURE, reason }.into());
        }
        let encode = |whole: GeneralizedTime| {
            let whole = Any::encode_from(&whole)?;
            if self.nanoseconds == 0 {
                return Ok(whole);
            }
            let fraction = format!("{:09}", self.nanoseconds);
            let (seconds, zone) = whole.value().split_at(14);
            let text = [seconds, b".", fraction.trim_end_matches('0').as_bytes(), zone].concat();
            Any::new(Tag::GeneralizedTime, text)
        };
        Ok(encode(time::to_generalized(STRUCTURE, self.seconds)?).map_err(Primitive::encoding(STRUCTURE))?)
    }
}

impl fmt::Display for PreciseTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds, self.nanoseconds)
    }
}
