//! What a process uses of memory and processor time, and when that is too much.
//!
//! The rules are pure: samples come in, the reason for a kill comes out.

use std::time::Duration;
use std::{fs, io};

use rustix::param::{clock_ticks_per_second, page_size};

use super::settings::Limits;

/// How much idle time is looked at together.
const IDLE_WINDOW: Duration = Duration::from_secs(30);

/// What a process has used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Sample {
    /// Processor time of all its threads, in user and kernel mode.
    pub(super) cpu: Duration,
    /// Memory that is in RAM, in octets.
    pub(super) resident: u64,
}

impl Sample {
    /// Of a process that is not reaped yet, from `/proc/PID/stat` and `/proc/PID/statm` (proc(5)).
    pub(super) fn take(process_id: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{process_id}/stat"))?;
        let memory = fs::read_to_string(format!("/proc/{process_id}/statm"))?;
        Self::parse(&stat, &memory).ok_or_else(|| io::Error::other("/proc says what proc(5) does not"))
    }

    fn parse(stat: &str, memory: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold anything; the third is a letter.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        let user: u64 = fields.next()?.parse().ok()?;
        let kernel: u64 = fields.next()?.parse().ok()?;
        let pages: u64 = memory.split(' ').nth(1)?.parse().ok()?;
        let ticks = (user + kernel) as f64;
        Some(Self {
            cpu: Duration::from_secs_f64(ticks / clock_ticks_per_second() as f64),
            resident: pages * page_size() as u64,
        })
    }
}

/// Holds one process to its limits.
pub(super) struct Watch {
    resident_limit: Option<u64>,
    cpu_percent: Option<u32>,
    /// Time and processor time of the present window, of the intervals without a call.
    idle: Duration,
    idle_cpu: Duration,
    before: Option<(Duration, Duration)>,
}

impl Watch {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            resident_limit: limits.resident_memory,
            cpu_percent: limits.cpu_percent,
            idle: Duration::ZERO,
            idle_cpu: Duration::ZERO,
            before: None,
        }
    }

    /// Takes a sample at `now`; `idle` when no call was inside since the one before. Gives the reason to kill the
    /// process.
    pub(super) fn observe(&mut self, now: Duration, sample: Sample, idle: bool) -> Option<String> {
        if let Some(limit) = self.resident_limit
            && sample.resident > limit
        {
            let found = mebibytes(sample.resident);
            return Some(format!(
                "it holds {found} MiB of memory, more than its limit of {} MiB",
                mebibytes(limit)
            ));
        }
        let before = self.before.replace((now, sample.cpu));
        let (Some(limit), Some((then, cpu)), true) = (self.cpu_percent, before, idle) else { return None };
        self.idle += now.saturating_sub(then);
        self.idle_cpu += sample.cpu.saturating_sub(cpu);
        if self.idle < IDLE_WINDOW {
            return None;
        }
        let percent = 100.0 * self.idle_cpu.as_secs_f64() / self.idle.as_secs_f64();
        (self.idle, self.idle_cpu) = (Duration::ZERO, Duration::ZERO);
        (percent > f64::from(limit)).then(|| {
            format!(
                "it uses {percent:.0} % of a processor while no call is inside, more than its limit of {limit} %"
            )
        })
    }
}

fn mebibytes(octets: u64) -> u64 {
    octets >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::new(&Limits { resident_memory: Some(64 << 20), cpu_percent: Some(50), ..Limits::default() })
    }

    /// Seconds with so much processor time each; the reason, if one of them gives it.
    fn seconds(
        watch: &mut Watch,
        range: std::ops::RangeInclusive<u64>,
        cpu_ms: u64,
        idle: bool,
    ) -> Option<String> {
        range.into_iter().find_map(|second| {
            let cpu = Duration::from_millis(cpu_ms * second);
            watch.observe(Duration::from_secs(second), Sample { cpu, resident: 1 << 20 }, idle)
        })
    }

    #[test]
    fn the_samples_of_this_process_are_sensible() {
        let before = Sample::take(std::process::id()).unwrap();
        assert!(before.resident > 100 << 10 && before.resident < 64 << 30, "{before:?}");
        assert!(Sample::take(std::process::id()).unwrap().cpu >= before.cpu);
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0";
        let sample = Sample::parse(stat, "500 20 10 1 0 90 0\n").unwrap();
        let ticks = clock_ticks_per_second() as f64;
        assert_eq!(sample.cpu, Duration::from_secs_f64(200.0 / ticks));
        assert_eq!(sample.resident, 20 * page_size() as u64);
    }

    #[test]
    fn memory_over_the_limit_is_a_reason_and_the_limit_itself_is_not() {
        let sample = |resident| Sample { cpu: Duration::ZERO, resident };
        assert_eq!(watch().observe(Duration::ZERO, sample(64 << 20), false), None);
        let reason = watch().observe(Duration::ZERO, sample(80 << 20), false).unwrap();
        assert_eq!(reason, "it holds 80 MiB of memory, more than its limit of 64 MiB");
    }

    #[test]
    fn half_a_minute_of_spinning_without_a_call_is_a_reason_and_with_calls_it_is_work() {
        assert_eq!(seconds(&mut watch(), 0..=29, 900, true), None);
        let reason = seconds(&mut watch(), 0..=30, 900, true).unwrap();
        assert!(reason.contains("90 %") && reason.contains("50 %"), "{reason}");
        assert_eq!(seconds(&mut watch(), 0..=300, 900, false), None);
        assert_eq!(seconds(&mut watch(), 0..=300, 400, true), None);
    }

    #[test]
    fn idle_seconds_between_calls_add_up() {
        let mut watch = watch();
        let found = (0..=100_u64).find(|second| {
            let cpu = Duration::from_millis(900 * second);
            let sample = Sample { cpu, resident: 0 };
            watch.observe(Duration::from_secs(*second), sample, second % 2 == 0).is_some()
        });
        assert_eq!(found, Some(60));
    }
}
