//! Limits of time and size of an adapter, as the catalogue has them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use yinqiao_ca_worker::Limits;

/// `[adapter.limits]`. What is left out is as [`Limits::default`] says. Times are written like `"15s"`, `"100ms"` or
/// `"1m 30s"`, sizes like `"8MiB"`, `"512KiB"` or a number of octets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntryLimits {
    /// Calls inside the plugin at once, where it allows more than one. 1 calls it one at a time, whatever it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Calls that wait for a free thread; more are refused with "try again later".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// From its start to opened, a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Span>,
    /// For what is inside to finish, and then for the plugin to close, a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<Span>,
    /// The longest reply, a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Octets>,
    /// The most address space of the worker, a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_space: Option<Octets>,
    /// The most open descriptors of the worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// The largest file that the plugin may write, a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Octets>,
    /// Before the first restart, a time; doubled each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_restart: Option<Span>,
    /// The longest time before a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_restart: Option<Span>,
}

impl EntryLimits {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn effective(&self) -> Limits {
        let mut limits = Limits::default();
        set(&mut limits.threads, self.threads);
        set(&mut limits.queue, self.queue);
        set(&mut limits.start, self.start.map(|span| span.0));
        set(&mut limits.close, self.close.map(|span| span.0));
        set(&mut limits.reply_octets, self.reply.map(|octets| octets.0));
        set(&mut limits.address_space, self.address_space.map(|octets| Some(octets.0)));
        set(&mut limits.open_files, self.open_files);
        set(&mut limits.file_octets, self.file.map(|octets| octets.0));
        set(&mut limits.first_restart, self.first_restart.map(|span| span.0));
        set(&mut limits.last_restart, self.last_restart.map(|span| span.0));
        limits
    }
}

fn set<T>(limit: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *limit = value;
    }
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_out_is_as_the_worker_has_it() {
        let limits: EntryLimits =
            toml::from_str("threads = 1\nreply = \"1MiB\"\nstart = \"1m 30s\"").unwrap();
        let (effective, default) = (limits.effective(), Limits::default());
        assert_eq!((effective.threads, effective.reply_octets), (1, 1 << 20));
        assert_eq!((effective.start, effective.queue), (Duration::from_secs(90), default.queue));
    }

    #[test]
    fn nothing_and_nonsense_are_no_limits() {
        let lines =
            ["start = \"0s\"", "start = 15", "reply = 0", "reply = \"8MB\"", "reply = \"-1\"", "speed = 1"];
        for line in lines {
            assert!(toml::from_str::<EntryLimits>(line).is_err(), "{line}");
        }
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
