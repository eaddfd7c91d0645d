//! Points in time, in whole milliseconds, written in one way only.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Milliseconds since 1970-01-01T00:00:00Z. In JSON an RFC 3339 text in UTC with exactly three decimals,
/// `2026-11-24T09:30:00.000Z`, so that equal times are equal bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, format = "date-time"))]
pub struct Timestamp(i64);

/// 9999-12-31T23:59:59.999Z, the last moment that the text form can say.
const LATEST_MILLIS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// A time from milliseconds since the Unix epoch, held within the years 1970 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, LATEST_MILLIS))
    }

    /// Milliseconds since the Unix epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub fn seconds(self) -> i64 {
        self.0 / 1000
    }

    /// This time and `seconds` more.
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self::from_millis(self.0 + i64::from(seconds) * 1000)
    }

    /// Milliseconds from `self` until `later`; zero where `later` has passed.
    pub fn millis_until(self, later: Timestamp) -> u64 {
        u64::try_from(later.0 - self.0).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(&format).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339)
            .map_err(|_| D::Error::custom("a time is written like 2026-11-24T09:30:00.000Z"))?;
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000)
            .map(Self::from_millis)
            .map_err(|_| D::Error::custom("a time lies between the years 1970 and 9999"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_three_decimals_and_read_back() {
        let time = Timestamp::from_millis(1_795_512_600_007);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2026-11-24T09:30:00.007Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
    }

    #[test]
    fn a_time_of_another_shape_is_refused() {
        assert!(serde_json::from_str::<Timestamp>("\"24.11.2026\"").is_err());
    }
}
