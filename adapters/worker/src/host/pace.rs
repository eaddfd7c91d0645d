//! How fast a worker may send what nobody asked it for.
//!
//! Frames of the log and requests for secrets come whenever a worker likes. One that sends too many is read no further
//! until the second is over: it waits at its full socket, and costs the broker no more than this.

use std::time::Duration;

use tokio::time::Instant;

/// Frames a second.
const FRAMES: u32 = 20_000;
/// Their octets a second.
const OCTETS: usize = 8 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// Of one worker.
pub(super) struct Pace {
    second: Instant,
    frames: u32,
    octets: usize,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { second: now, frames: 0, octets: 0 }
    }

    /// A frame of so many octets has come.
    pub(super) fn count(&mut self, now: Instant, octets: usize) {
        if now.duration_since(self.second) >= SECOND {
            *self = Self::new(now);
        }
        self.frames = self.frames.saturating_add(1);
        self.octets = self.octets.saturating_add(octets);
    }

    /// When the next frame may be read, if not at once.
    pub(super) fn not_before(&self) -> Option<Instant> {
        (self.frames >= FRAMES || self.octets >= OCTETS).then(|| self.second + SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_frames_or_octets_of_a_second_wait_for_the_next_one() {
        let start = Instant::now();
        for (octets, frames) in [(30, FRAMES), (8000, (OCTETS / 8000) as u32 + 1)] {
            let mut pace = Pace::new(start);
            for _ in 1..frames {
                pace.count(start, octets);
            }
            assert_eq!(pace.not_before(), None);
            pace.count(start, octets);
            assert_eq!(pace.not_before(), Some(start + SECOND));
            pace.count(start + SECOND, octets);
            assert_eq!(pace.not_before(), None);
        }
    }
}
