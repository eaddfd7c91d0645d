//! The actor that goes on with what a CA has begun and not finished.

use std::time::Duration;

use actix::prelude::*;
use actix_web::web;
use tracing::error;

use crate::broker::Broker;

/// How often CAs are asked.
const EVERY: Duration = Duration::from_secs(5);

/// The actor.
pub struct LifecycleSupervisor {
    broker: web::Data<Broker>,
}

impl LifecycleSupervisor {
    /// For this broker.
    pub fn new(broker: web::Data<Broker>) -> Self {
        Self { broker }
    }

    /// One round after the other: a CA that answers slowly is not asked twice at once.
    fn next_round(&self, context: &mut Context<Self>) {
        let broker = self.broker.clone();
        let round = async move {
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
