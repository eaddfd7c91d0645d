//! The actor that keeps every CA's revocation list fresh and notes when it cannot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use tracing::{debug, error};

use yinqiao_ca_worker::BreakerState;
use yinqiao_protocol::Timestamp;

use super::outage::Outages;
use super::{Authorities, Authority, AuthorityError};
use crate::clock;

/// How often revocation lists are fetched.
const REFRESH_EVERY: Duration = Duration::from_secs(15);
/// How often the broker notes that it is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(2);

/// How often circuit breakers are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Since when each adapter's calls end at once. One broker runs in a process; locked for a look or a change.
static BREAKERS: Mutex<Breakers> = Mutex::new(Breakers(BTreeMap::new()));

/// By adapter, since when its circuit breaker is not closed.
struct Breakers(BTreeMap<String, Timestamp>);

/// The actor.
pub struct AdapterSupervisor {
    authorities: Arc<Authorities>,
    outages: Arc<Outages>,
}

impl AdapterSupervisor {
    /// For these CAs.
    pub fn new(authorities: Arc<Authorities>, outages: Arc<Outages>) -> Self {
        Self { authorities, outages }
    }
}

impl Breakers {
    /// Takes what is seen at `now`. What is not seen any more does not run.
    fn see(&mut self, open: &BTreeMap<String, bool>, now: Timestamp) {
        self.0.retain(|name, _| open.get(name) == Some(&true));
        for (name, _) in open.iter().filter(|(_, open)| **open) {
            self.0.entry(name.clone()).or_insert(now);
        }
    }
}

/// Looks at all circuit breakers.
pub fn watch_breakers(authorities: &Authorities, now: Timestamp) {
    let is_open = |authority: &Arc<Authority>| {
        let breaker = authority.handle().map(|handle| handle.health().breaker.state);
        (authority.name().to_owned(), breaker.is_ok_and(|state| state != BreakerState::Closed))
    };
    let open = authorities.all().iter().map(is_open).collect();
    BREAKERS.lock().unwrap_or_else(PoisonError::into_inner).see(&open, now);
}

/// Since when calls of this adapter end at once, as its circuit breaker was seen; `None` while it is closed.
pub fn calls_end_at_once_since(adapter: &str) -> Option<Timestamp> {
    BREAKERS.lock().unwrap_or_else(PoisonError::into_inner).0.get(adapter).copied()
}

/// Fetches a CA's revocation list, and notes from when until when there was none.
pub async fn refresh(authority: &Authority, outages: &Outages) {
    note(authority, outages, authority.refresh().await).await;
}

/// Notes what came of fetching a CA's revocation list.
pub(super) async fn note(authority: &Authority, outages: &Outages, refreshed: Result<(), AuthorityError>) {
    let now = clock::now();
    match refreshed {
        Ok(()) => {
            debug!(adapter = authority.name(), "revocation list fetched");
            authority.list_comes();
            let entry = authority.entry();
            if entry.accept_new_root {
                // It was good for once, and the roots have been looked at.
                authority.set_entry(entry.settled());
            }
            if let Err(problem) = outages.ends(authority.name(), now).await {
                error!(adapter = authority.name(), error = %problem, "the end of an outage could not be stored");
            }
        }
        Err(problem) => {
            authority.list_fails(&problem);
            if !authority.trust().has_fresh_list(now) {
                outages.begins(authority.name(), authority.trust().without_list_since(now));
            }
        }
    }
}

impl Actor for AdapterSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(REFRESH_EVERY, |supervisor, context| {
            let authorities = Arc::clone(&supervisor.authorities);
            let again = async move { authorities.start_those_that_do_not_run().await };
            context.spawn(again.into_actor(supervisor));
            for authority in supervisor.authorities.all() {
                let outages = Arc::clone(&supervisor.outages);
                context.spawn(async move { refresh(&authority, &outages).await }.into_actor(supervisor));
            }
        });
        context.run_interval(WATCH_EVERY, |supervisor, _| {
            watch_breakers(&supervisor.authorities, clock::now());
        });
        context.run_interval(ALIVE_EVERY, |supervisor, context| {
            let outages = Arc::clone(&supervisor.outages);
            let alive = async move {
                if let Err(problem) = outages.still_alive(clock::now()).await {
                    error!(error = %problem, "the broker's sign of life could not be stored");
                }
            };
            context.spawn(alive.into_actor(supervisor));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_is_open_since_it_was_first_seen_so_and_not_any_more_when_it_is_closed_or_gone() {
        let at = Timestamp::from_millis;
        let seen = |open: &[(&str, bool)]| -> BTreeMap<String, bool> {
            open.iter().map(|(name, open)| ((*name).to_owned(), *open)).collect()
        };
        let mut breakers = Breakers(BTreeMap::new());
        breakers.see(&seen(&[("a", true), ("b", false)]), at(1));
        breakers.see(&seen(&[("a", true), ("b", true)]), at(2));
        assert_eq!((breakers.0.get("a"), breakers.0.get("b")), (Some(&at(1)), Some(&at(2))));
        breakers.see(&seen(&[("a", false)]), at(3));
        assert!(breakers.0.is_empty());
        breakers.see(&seen(&[("a", true)]), at(4));
        assert_eq!(breakers.0.get("a"), Some(&at(4)));
    }
}
