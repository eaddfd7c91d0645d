//! Processor time: on a machine that others use too, the clock on the wall says little.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time that this thread has used.
pub fn thread() -> Duration {
    duration(ClockId::ThreadCPUTime)
}

/// Processor time that all threads of this process have used.
pub fn process() -> Duration {
    duration(ClockId::ProcessCPUTime)
}

fn duration(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
