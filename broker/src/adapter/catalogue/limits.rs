//! Limits of time and size of an adapter, as the catalogue has them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use yinqiao_ca_worker::Limits;

use super::units::{Bound, Octets, Span};

/// `[adapter.limits]`. What is left out is as [`Limits::default`] says. Times are written like `"15s"`, `"100ms"` or
/// `"1m 30s"`, sizes like `"8MiB"`, `"512KiB"` or a number of octets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntryLimits {
    /// Worker processes of the plugin, each with its own copy of it. More of them make calls of a serial plugin run at
    /// the same time, and let a crash take fewer calls along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Calls inside one process at once, where the plugin allows more than one. 1 calls it one at a time, whatever it
    /// says.
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
    /// The most address space of one process, a size or `"none"`: reserved memory, not used memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_space: Option<Bound<Octets>>,
    /// The most data of one process, a size or `"none"`: heap, private memory and stacks. Beyond it the plugin's
    /// allocations fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_memory: Option<Bound<Octets>>,
    /// The most memory of one process that is in RAM, a size or `"none"`; a process above it is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_memory: Option<Bound<Octets>>,
    /// The most processor time of one process while no call is inside, in percent of one processor, or `"none"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<Bound<u32>>,
    /// The most open descriptors of one process.
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
    /// Failures in a row that open the circuit breaker: from then on calls end at once, with nothing sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_failures: Option<u32>,
    /// How long the breaker is open before it asks for the plugin's health, a time; doubled after each answer that is
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_pause: Option<Span>,
    /// The longest time between two such questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_longest_pause: Option<Span>,
    /// How long such a question may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Span>,
}

impl EntryLimits {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// All limits: those that are set, and the worker's own for the others.
    pub fn effective(&self) -> Limits {
        let mut limits = Limits::default();
        set(&mut limits.processes, self.processes);
        set(&mut limits.threads, self.threads);
        set(&mut limits.queue, self.queue);
        set(&mut limits.start, time(self.start));
        set(&mut limits.close, time(self.close));
        set(&mut limits.reply_octets, size(self.reply));
        set(&mut limits.address_space, self.address_space.map(|bound| size(bound.limit())));
        set(&mut limits.data_memory, self.data_memory.map(|bound| size(bound.limit())));
        set(&mut limits.resident_memory, self.resident_memory.map(|bound| size(bound.limit())));
        set(&mut limits.cpu_percent, self.cpu_percent.map(Bound::limit));
        set(&mut limits.open_files, self.open_files);
        set(&mut limits.file_octets, size(self.file));
        set(&mut limits.first_restart, time(self.first_restart));
        set(&mut limits.last_restart, time(self.last_restart));
        set(&mut limits.breaker_failures, self.breaker_failures);
        set(&mut limits.breaker_pause, time(self.breaker_pause));
        set(&mut limits.breaker_longest_pause, time(self.breaker_longest_pause));
        set(&mut limits.probe, time(self.probe));
        limits
    }
}

fn set<T>(limit: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *limit = value;
    }
}

fn time(span: Option<Span>) -> Option<Duration> {
    span.map(|span| span.0)
}

fn size(octets: Option<Octets>) -> Option<u64> {
    octets.map(|octets| octets.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_the_worker_has_it() {
        let text = "threads = 1\nreply = \"1MiB\"\nstart = \"1m 30s\"\naddress_space = \"none\"";
        let limits: EntryLimits = toml::from_str(text).unwrap();
        let (effective, default) = (limits.effective(), Limits::default());
        assert_eq!((effective.threads, effective.reply_octets), (1, 1 << 20));
        assert_eq!((effective.start, effective.queue), (Duration::from_secs(90), default.queue));
        assert_eq!((effective.address_space, effective.resident_memory), (None, default.resident_memory));
    }

    #[test]
    fn nothing_and_nonsense_are_no_limits() {
        let lines =
            ["start = \"0s\"", "start = 15", "reply = 0", "reply = \"8MB\"", "reply = \"-1\"", "speed = 1"];
        for line in lines {
            assert!(toml::from_str::<EntryLimits>(line).is_err(), "{line}");
        }
    }
}
