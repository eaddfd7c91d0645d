//! One attempt at a job.

use std::time::Duration;

use tracing::{info, warn};

use yinqiao_lifecycle::{Job, JobKind};

use crate::adapter::Patience;
use crate::broker::Broker;
use crate::http::problem::ApiError;
use crate::lifecycle::{cascade, certificate, order, recovery, seal};
use crate::records::Repository;
use crate::store::StoreError;

/// What came of an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// It is done, and its record removed with the last change.
    Finished,
    /// The other side is not finished: it is asked again after this time.
    Again(Duration),
}

/// Attempts the job of that name, and notes when it is to be tried again.
///
/// # Errors
/// When the store fails.
pub(super) async fn attempt(broker: &Broker, name: &[u8]) -> Result<(), StoreError> {
    attempt_with(&broker.repository, name, async |job| broker.run_job(job).await).await
}

/// The same with something else than a whole broker to do it.
pub(crate) async fn attempt_with(
    repository: &Repository,
    name: &[u8],
    run: impl AsyncFnOnce(&Job) -> Result<Attempt, ApiError>,
) -> Result<(), StoreError> {
    let Some(found) = repository.get::<Job>(name).await? else { return Ok(()) };
    let job = found.value;
    match run(&job).await {
        Ok(Attempt::Finished) => {
            if job.attempts > 0 {
                info!(job = job.kind.name(), attempts = job.attempts, "a job is done at last");
            }
            Ok(())
        }
        Ok(Attempt::Again(pause)) => note(repository, name, |job, now| job.again_after(pause, now)).await,
        Err(error) => {
            let reason = error.problem().detail;
            // Powers of two: the log shows that it goes on failing, and does not fill up.
            if job.attempts.is_power_of_two() || job.attempts == 0 {
                warn!(job = job.kind.name(), attempts = job.attempts + 1, reason, "a job is tried again");
            }
            note(repository, name, |job, now| job.failed(reason.clone(), now)).await
        }
    }
}

async fn note(
    repository: &Repository,
    name: &[u8],
    next: impl Fn(Job, yinqiao_protocol::Timestamp) -> Job,
) -> Result<(), StoreError> {
    repository
        .transact(async |transaction| {
            if let Some(found) = transaction.get::<Job>(name).await? {
                let changed = next(found.value.clone(), transaction.now());
                transaction.put(Some(&found), &changed)?;
            }
            Ok(())
        })
        .await
}

impl Broker {
    /// Does what the job asks for, as far as it can be done now.
    async fn run_job(&self, job: &Job) -> Result<Attempt, ApiError> {
        match &job.kind {
            JobKind::Message(id) => self.deliver(*id).await,
            JobKind::Cascade(id) => cascade::drive(&self.repository, *id).await,
            JobKind::Reconcile(sm3) => {
                certificate::reconcile(&self.repository, &*self.authorities, *sm3, Patience::NONE).await
            }
            JobKind::RecoverKey(id) => recovery::recover(&self.repository, &*self.authorities, *id).await,
            JobKind::Issue(id) => order::issue(self, *id).await,
            JobKind::Refund(id) => order::refund(self, *id).await,
            JobKind::Invoice(id) => order::invoice(self, *id).await,
            JobKind::MakeSeal(id) => seal::make(&self.repository, &*self.authorities, *id).await,
            JobKind::RevokeSeal(id) => {
                seal::revoke_at_authority(&self.repository, &*self.authorities, *id).await
            }
        }
    }
}
