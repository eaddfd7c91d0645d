//! Times in certificates and revocation lists, as whole seconds since 1970-01-01T00:00:00Z.

use std::time::Duration;

use der::{
    DateTime,
    asn1::{GeneralizedTime, UtcTime},
};
use x509_cert::time::Time;

use crate::Error;

/// `UTCTime` through 2049, `GeneralizedTime` from 2050 on (RFC 5280, 4.1.2.5).
pub(super) fn to_time(structure: &'static str, unix_seconds: i64) -> Result<Time, Error> {
    let out_of_range = Error::Invalid { structure, reason: "a time must be in the years 1970 to 9999" };
    let seconds = u64::try_from(unix_seconds).map_err(|_| out_of_range)?;
    DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map(Time::from)
        .map_err(Error::encoding(structure))
}

/// Refuses a `GeneralizedTime` before 2050.
pub(super) fn from_time(structure: &'static str, time: &Time) -> Result<i64, Error> {
    if matches!(time, Time::GeneralTime(_)) && time.to_date_time().year() <= UtcTime::MAX_YEAR {
        return Err(Error::Invalid { structure, reason: "a time before 2050 must be UTCTime" });
    }
    // Years up to 9999 fit an i64 by far.
    Ok(time.to_unix_duration().as_secs() as i64)
}

/// A `GeneralizedTime` in whole seconds, as OCSP has them (RFC 6960, 4.2.2.1), of any year.
pub(crate) fn to_generalized(structure: &'static str, unix_seconds: i64) -> Result<GeneralizedTime, Error> {
    let out_of_range = Error::Invalid { structure, reason: "a time must be in the years 1970 to 9999" };
    let seconds = u64::try_from(unix_seconds).map_err(|_| out_of_range)?;
    GeneralizedTime::from_unix_duration(Duration::from_secs(seconds)).map_err(Error::encoding(structure))
}

pub(crate) fn from_generalized(time: &GeneralizedTime) -> i64 {
    // Years up to 9999 fit an i64 by far.
    time.to_unix_duration().as_secs() as i64
}
