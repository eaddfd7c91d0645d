//! The actor that goes on with what a CA has begun and not finished.

use std::time::Duration;

use actix::prelude::*;
use actix_web::web;
use tracing::error;

use super::{certificate, order, recovery, reminder, retention};
use crate::broker::Broker;
use crate::clock;

/// How often CAs are asked.
const EVERY: Duration = Duration::from_secs(5);
/// After how many rounds what nobody asks for any more is removed: once an hour.
const PRUNE_EACH: u32 = 720;

/// The actor.
pub struct LifecycleSupervisor {
    broker: web::Data<Broker>,
    rounds: u32,
}

impl LifecycleSupervisor {
    /// For this broker.
    pub fn new(broker: web::Data<Broker>) -> Self {
        Self { broker, rounds: 0 }
    }

    /// One round after the other: a CA that answers slowly is not asked twice at once.
    fn next_round(&mut self, context: &mut Context<Self>) {
        let broker = self.broker.clone();
        self.rounds = self.rounds.wrapping_add(1);
        let prune = self.rounds.is_multiple_of(PRUNE_EACH);
        let round = async move {
            if prune && let Err(reason) = broker.authorities.journal().prune(clock::now()).await {
                error!(%reason, "used-up keys of CAs could not be removed");
            }
            if prune && let Err(reason) = retention::forget(&broker.repository).await {
                error!(%reason, "what nobody asks for any more could not be removed");
            }
            if let Err(reason) = reminder::remind(&broker.repository).await {
                error!(%reason, "reminders could not be written");
            }
            if let Err(reason) = recovery::expire_late(&broker.repository).await {
                error!(%reason, "late key recoveries could not be ended");
            }
            if let Err(reason) = order::expire_late(&broker.repository).await {
                error!(%reason, "late orders could not be ended");
            }
            if prune
                && let Err(reason) =
                    certificate::look_for_revocations(&broker.repository, &broker.authorities).await
            {
                error!(%reason, "revocations by CAs could not be looked for");
            }
            if let Err(reason) = broker.revoke_refused_pairs().await {
                error!(reason = reason.problem().detail, "pairs that were refused could not be gone on with");
            }
            if let Err(reason) = broker.finish_seals().await {
                error!(reason = reason.problem().detail, "seals under way could not be gone on with");
            }
        };
        let again = |(), _: &mut Self, context: &mut Context<Self>| {
            context.run_later(EVERY, |supervisor, context| supervisor.next_round(context));
        };
        context.spawn(round.into_actor(self).map(again));
    }
}

impl Actor for LifecycleSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_later(EVERY, |supervisor, context| supervisor.next_round(context));
    }
}
