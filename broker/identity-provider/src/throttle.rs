//! How often something may be tried.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use yinqiao_protocol::Timestamp;

/// Keys that are remembered at most; above it those whose tries are all too old to count are forgotten.
const SWEEP_ABOVE: usize = 10_000;

/// So many tries in any span of so many seconds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Tries.
    pub tries: u32,
    /// Seconds.
    pub within: u32,
}

impl Rate {
    /// `tries` in any `within` seconds.
    #[must_use]
    pub const fn new(tries: u32, within: u32) -> Self {
        Self { tries, within }
    }
}

/// Nothing may be tried for so many seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wait {
    /// Seconds, at least 1.
    pub seconds: u32,
}

/// Counts tries by key. A try is counted before its outcome is known, and given back when it succeeded, so that many at once
/// cannot get past the limit.
#[derive(Debug)]
pub struct Throttle<K> {
    rate: Rate,
    tries: HashMap<K, VecDeque<Timestamp>>,
}

impl<K: Clone + Eq + Hash> Throttle<K> {
    /// Nothing was tried yet.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, tries: HashMap::new() }
    }

    /// Counts one more try.
    ///
    /// # Errors
    /// How long to wait, when there were too many; then this one is not counted.
    pub fn take(&mut self, key: &K, now: Timestamp) -> Result<(), Wait> {
        let rate = self.rate;
        let past = |at: &Timestamp| at.plus_seconds(rate.within) <= now;
        if self.tries.len() > SWEEP_ABOVE {
            self.tries.retain(|_, tries| tries.back().is_some_and(|last| !past(last)));
        }
        let tries = self.tries.entry(key.clone()).or_default();
        while tries.front().is_some_and(past) {
            tries.pop_front();
        }
        if tries.len() < rate.tries as usize {
            tries.push_back(now);
            return Ok(());
        }
        let free = tries.front().map_or(now, |first| first.plus_seconds(rate.within));
        let seconds = now.millis_until(free).div_ceil(1000).max(1);
        Err(Wait { seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
    }

    /// The last try of this key succeeded and does not count.
    pub fn give_back(&mut self, key: &K) {
        if let Some(tries) = self.tries.get_mut(key) {
            tries.pop_back();
        }
    }

    /// No try of this key counts any more.
    pub fn forget(&mut self, key: &K) {
        self.tries.remove(key);
    }
}

/// Where a request comes from, as far as throttling goes: an IPv4 address, or the /64 network of an IPv6 address, for one
/// subscriber has all addresses of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_try_above_the_limit_waits_until_the_first_one_is_too_old() {
        let mut throttle = Throttle::new(Rate::new(2, 60));
        assert_eq!(throttle.take(&"a", at(0)), Ok(()));
        assert_eq!(throttle.take(&"a", at(10)), Ok(()));
        assert_eq!(throttle.take(&"a", at(20)), Err(Wait { seconds: 40 }));
        assert_eq!(throttle.take(&"b", at(20)), Ok(()));
        assert_eq!(throttle.take(&"a", at(60)), Ok(()));
    }

    #[test]
    fn a_try_that_is_given_back_does_not_count() {
        let mut throttle = Throttle::new(Rate::new(1, 60));
        for second in 0..10 {
            assert_eq!(throttle.take(&"a", at(second)), Ok(()));
            throttle.give_back(&"a");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_and_both_forms_of_an_ipv4_address_count_together() {
        let origin = |text: &str| Origin::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:2"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    }

    proptest! {
        #[test]
        fn in_no_span_are_there_more_tries_than_allowed(
            tries in 1_u32..5, within in 1_u32..30, steps in prop::collection::vec(0_i64..10, 1..80),
        ) {
            let mut throttle = Throttle::new(Rate::new(tries, within));
            let (mut now, mut taken) = (0, Vec::new());
            for step in steps {
                now += step;
                match throttle.take(&(), at(now)) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let mut later = Throttle { rate: throttle.rate, tries: throttle.tries.clone() };
                        prop_assert!(later.take(&(), at(now + i64::from(wait.seconds))).is_ok());
                    }
                }
            }
            for first in &taken {
                let span = *first..*first + i64::from(within);
                prop_assert!(taken.iter().filter(|at| span.contains(at)).count() <= tries as usize);
            }
        }
    }
}
