//! How often a PIN may be tried. Pure.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::Timestamp;

/// Wrong tries after which a key stays locked.
pub const MOST_WRONG_TRIES: u32 = 5;

/// Seconds to wait after the first, second, … wrong try.
const DELAYS: [u64; 4] = [0, 1, 2, 4];

/// The tries of one PIN since it was last right. A try counts as wrong before it is made; a right one clears the count.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tries {
    /// How many were wrong.
    wrong: u32,
    /// When the last one was made.
    last_at: Timestamp,
}

/// Why no try is allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotAllowed {
    /// In so many seconds it is.
    Wait {
        /// At least 1.
        seconds: u64,
    },
    /// Never again.
    Locked,
}

impl Tries {
    /// The count after a try at `now`, which stands until the try has proved right.
    ///
    /// # Errors
    /// When no try is allowed at `now`.
    pub fn counted(self, now: Timestamp) -> Result<Self, NotAllowed> {
        if self.is_locked() {
            return Err(NotAllowed::Locked);
        }
        let delay =
            (self.wrong as usize).checked_sub(1).and_then(|index| DELAYS.get(index)).copied().unwrap_or(0);
        // A clock that was set back makes the delay start anew, never end sooner.
        let waited = self.last_at.millis_until(now);
        match (delay * 1000).checked_sub(waited).filter(|millis| *millis > 0) {
            Some(millis) => Err(NotAllowed::Wait { seconds: millis.div_ceil(1000) }),
            None => Ok(Self { wrong: self.wrong + 1, last_at: now }),
        }
    }

    /// Whether no try is ever allowed again.
    pub fn is_locked(self) -> bool {
        self.wrong >= MOST_WRONG_TRIES
    }

    /// How many tries are left.
    pub fn left(self) -> u32 {
        MOST_WRONG_TRIES.saturating_sub(self.wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
    }

    #[test]
    fn the_delay_grows_and_the_fifth_wrong_try_locks() {
        let mut tries = Tries::default();
        let mut time = 0;
        for delay in [0, 0, 1, 2, 4] {
            if delay > 0 {
                assert_eq!(tries.counted(at(time)), Err(NotAllowed::Wait { seconds: delay }));
                let just_before = Timestamp::from_millis(at(time + delay as i64).millis() - 1);
                assert_eq!(tries.counted(just_before), Err(NotAllowed::Wait { seconds: 1 }));
            }
            time += delay as i64;
            tries = tries.counted(at(time)).unwrap();
        }
        assert_eq!((tries.left(), tries.counted(at(time + 1_000_000))), (0, Err(NotAllowed::Locked)));
    }

    #[test]
    fn a_clock_that_is_set_back_shortens_no_delay() {
        let tries = [0, 1].into_iter().fold(Tries::default(), |tries, time| tries.counted(at(time)).unwrap());
        assert_eq!(tries.counted(at(-1000)), Err(NotAllowed::Wait { seconds: 1 }));
    }
}
