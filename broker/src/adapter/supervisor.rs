//! The actor that keeps every CA's revocation list fresh and notes when it cannot.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tracing::{debug, error, warn};

use super::outage::Outages;
use super::{Authorities, Authority, AuthorityError};
use crate::clock;

/// How often revocation lists are fetched.
const REFRESH_EVERY: Duration = Duration::from_secs(15);
/// How often the broker notes that it is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(2);

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
            if let Err(problem) = outages.ends(authority.name(), now).await {
                error!(adapter = authority.name(), error = %problem, "the end of an outage could not be stored");
            }
        }
        Err(problem) => {
            warn!(adapter = authority.name(), error = %problem, "no revocation list");
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
