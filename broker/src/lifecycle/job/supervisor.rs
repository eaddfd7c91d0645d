//! The actor that sees to it that each job is attempted when it is due, by an actor of its own.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use actix::prelude::*;
use actix_web::web;
use tracing::error;

use yinqiao_lifecycle::Job;
use yinqiao_protocol::Timestamp;

use super::attempt::attempt;
use crate::broker::Broker;
use crate::store::StoreError;

/// How often it looks whether something is due.
const EVERY: Duration = Duration::from_millis(200);
/// Jobs at once.
const MOST: usize = 64;
/// Jobs read at once from the store.
const PAGE: usize = 500;

/// Keeps the time of all jobs.
pub struct JobSupervisor {
    broker: web::Data<Broker>,
    /// In the order in which they are due.
    queue: BTreeSet<(Timestamp, Vec<u8>)>,
    /// When each of the queue is due.
    due: HashMap<Vec<u8>, Timestamp>,
    running: HashSet<Vec<u8>>,
}

impl JobSupervisor {
    /// For this broker.
    pub fn new(broker: web::Data<Broker>) -> Self {
        Self { broker, queue: BTreeSet::new(), due: HashMap::new(), running: HashSet::new() }
    }

    /// Takes the jobs' times from the store; one that is gone is forgotten. Until it has them, nothing else is looked at: an
    /// older answer must not come after a newer one.
    fn look_at(&mut self, names: Vec<Vec<u8>>, context: &mut Context<Self>) {
        let broker = self.broker.clone();
        let read = async move {
            let mut jobs = Vec::new();
            for name in names {
                let due = match broker.repository.get::<Job>(&name).await {
                    Ok(found) => found.map(|found| found.value.due),
                    Err(reason) => {
                        error!(%reason, "a job cannot be read");
                        Some(broker.repository.clock().now().plus_seconds(1))
                    }
                };
                jobs.push((name, due));
            }
            jobs
        };
        let noted =
            |jobs: Vec<(Vec<u8>, Option<Timestamp>)>, supervisor: &mut Self, _: &mut Context<Self>| {
                for (name, due) in jobs {
                    supervisor.forget(&name);
                    if let Some(due) = due {
                        supervisor.queue.insert((due, name.clone()));
                        supervisor.due.insert(name, due);
                    }
                }
            };
        context.wait(read.into_actor(self).map(noted));
    }

    fn forget(&mut self, name: &[u8]) {
        if let Some(due) = self.due.remove(name) {
            self.queue.remove(&(due, name.to_vec()));
        }
    }

    fn start_what_is_due(&mut self, context: &mut Context<Self>) {
        let now = self.broker.repository.clock().now();
        while self.running.len() < MOST {
            let next = self.queue.iter().find(|(_, name)| !self.running.contains(name));
            let Some((_, name)) = next.filter(|(due, _)| *due <= now).cloned() else { return };
            self.forget(&name);
            self.running.insert(name.clone());
            JobActor { broker: self.broker.clone(), name, supervisor: context.address() }.start();
        }
    }
}

impl Actor for JobSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        let broker = self.broker.clone();
        let all = async move { all_names(&broker).await };
        context.spawn(all.into_actor(self).map(|names, supervisor, context| match names {
            Ok(names) => supervisor.look_at(names, context),
            Err(reason) => error!(%reason, "jobs cannot be read: they go on at the next start"),
        }));
        let (board, address) = (self.broker.jobs.clone(), context.address());
        context.spawn(
            async move {
                loop {
                    let names = board.changed().await.into_iter().collect();
                    if address.send(Changed(names)).await.is_err() {
                        return;
                    }
                }
            }
            .into_actor(self),
        );
        context.run_interval(EVERY, |supervisor, context| supervisor.start_what_is_due(context));
    }
}

async fn all_names(broker: &Broker) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    loop {
        let page = broker.repository.scan::<Job>(names.last().cloned(), PAGE).await?;
        let full = page.len() == PAGE;
        names.extend(page.into_iter().map(|found| found.value.kind.name().into_bytes()));
        if !full {
            return Ok(names);
        }
    }
}

/// These jobs were made or changed.
#[derive(Message)]
#[rtype(result = "()")]
struct Changed(Vec<Vec<u8>>);

impl Handler<Changed> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, Changed(names): Changed, context: &mut Context<Self>) {
        self.look_at(names, context);
    }
}

/// An attempt is over.
#[derive(Message)]
#[rtype(result = "()")]
struct Over(Vec<u8>);

impl Handler<Over> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, Over(name): Over, context: &mut Context<Self>) {
        self.running.remove(&name);
        self.look_at(vec![name], context);
    }
}

/// One attempt. A panic in it ends this attempt only: the job is due again.
struct JobActor {
    broker: web::Data<Broker>,
    name: Vec<u8>,
    supervisor: Addr<JobSupervisor>,
}

impl Actor for JobActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        let (broker, name) = (self.broker.clone(), self.name.clone());
        let task = actix_rt::spawn(async move { attempt(&broker, &name).await });
        context.spawn(task.into_actor(self).map(|outcome, actor, context| {
            let name = String::from_utf8_lossy(&actor.name);
            match &outcome {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => error!(job = %name, %reason, "a job's outcome cannot be noted"),
                Err(reason) => error!(job = %name, %reason, "a job was broken off: a defect of the broker"),
            }
            let over = Over(actor.name.clone());
            // A job that cannot be noted, or breaks off, must not spin.
            let pause = if matches!(outcome, Ok(Ok(()))) { Duration::ZERO } else { Duration::from_secs(1) };
            context.run_later(pause, move |actor, context| {
                actor.supervisor.do_send(over);
                context.stop();
            });
        }));
    }
}
