//! What the log says of a CA that is out of reach: a line when that begins, one each minute, one when it is over, however many
//! callers wait and try again meanwhile. Pure.

use yinqiao_protocol::Timestamp;

/// Milliseconds between two lines about the same.
const AGAIN_AFTER_MILLIS: u64 = 60_000;
/// After so many milliseconds without a failed call it is over when the CA answers something else.
const QUIET_MILLIS: u64 = 10_000;

/// Trouble of one kind with one CA.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    going_on: Option<GoingOn>,
}

#[derive(Debug)]
struct GoingOn {
    since: Timestamp,
    told: Timestamp,
    last: Timestamp,
    /// Failures since the last line.
    untold: u64,
}

/// A line for the log.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Line {
    /// It begins, or goes on.
    Fails {
        /// Since when.
        since: Timestamp,
        /// Failures that there was no line for.
        untold: u64,
    },
    /// It is over.
    Works {
        /// Since when it was there.
        since: Timestamp,
    },
}

impl Trouble {
    /// A call has failed.
    pub(super) fn fails(&mut self, now: Timestamp) -> Option<Line> {
        let Some(trouble) = &mut self.going_on else {
            self.going_on = Some(GoingOn { since: now, told: now, last: now, untold: 0 });
            return Some(Line::Fails { since: now, untold: 0 });
        };
        trouble.last = now;
        if trouble.told.millis_until(now) < AGAIN_AFTER_MILLIS {
            trouble.untold += 1;
            return None;
        }
        trouble.told = now;
        Some(Line::Fails { since: trouble.since, untold: std::mem::take(&mut trouble.untold) })
    }

    /// A call of the same kind has succeeded.
    pub(super) fn works(&mut self) -> Option<Line> {
        self.going_on.take().map(|trouble| Line::Works { since: trouble.since })
    }

    /// The CA has answered something else: that it is over when nobody has failed for a while.
    pub(super) fn answers(&mut self, now: Timestamp) -> Option<Line> {
        let quiet =
            self.going_on.as_ref().is_some_and(|trouble| trouble.last.millis_until(now) >= QUIET_MILLIS);
        if quiet { self.works() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = Timestamp::from_millis;

    #[test]
    fn a_hundred_callers_that_try_five_times_a_second_for_ten_minutes_make_eleven_lines() {
        let mut trouble = Trouble::default();
        let mut lines = Vec::new();
        for tick in 0..=3000 {
            for _caller in 0..100 {
                lines.extend(trouble.fails(AT(1_000 + tick * 200)));
            }
        }
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0], Line::Fails { since: AT(1_000), untold: 0 });
        assert_eq!(lines[1], Line::Fails { since: AT(1_000), untold: 29_999 });
        assert_eq!(trouble.works(), Some(Line::Works { since: AT(1_000) }));
        assert_eq!(trouble.works(), None);
        assert!(trouble.fails(AT(700_000)).is_some());
    }

    #[test]
    fn an_answer_to_something_else_ends_it_only_when_nobody_fails_any_more() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.answers(AT(0)), None);
        trouble.fails(AT(1_000));
        trouble.fails(AT(5_000));
        assert_eq!(trouble.answers(AT(14_999)), None);
        assert_eq!(trouble.answers(AT(15_000)), Some(Line::Works { since: AT(1_000) }));
    }
}
